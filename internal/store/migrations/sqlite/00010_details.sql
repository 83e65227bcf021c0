-- +goose Up
-- The details of an event as JSON; memo.EventDetails lists the members. Replicas of the
-- previous version, which may run until each is replaced, still write and read detail.
-- A later migration can drop that column.
ALTER TABLE audit_events ADD COLUMN details TEXT NOT NULL DEFAULT '{}'
  CONSTRAINT audit_events_details CHECK (json_valid(details) AND json_type(details) = 'object');
UPDATE audit_events SET details = CASE
  WHEN detail = '' THEN '{}'
  WHEN action = 'member.added' AND instr(detail, ', invited by ') > 0 THEN json_object('role', substr(detail, 1, instr(detail, ', invited by ') - 1),
    'invited_by', substr(detail, instr(detail, ', invited by ') + 13))
  WHEN action IN ('member.added', 'member.role_changed', 'member.invited') THEN json_object('role', detail)
  WHEN action = 'workspace.created' AND detail LIKE '%, plan free' THEN json_object('name', substr(detail, 1, length(detail) - 11), 'plan', 'free')
  WHEN action = 'workspace.created' AND detail LIKE '%, plan basic' THEN json_object('name', substr(detail, 1, length(detail) - 12), 'plan', 'basic')
  WHEN action = 'workspace.created' AND detail LIKE '%, plan pro' THEN json_object('name', substr(detail, 1, length(detail) - 10), 'plan', 'pro')
  WHEN action = 'workspace.created' AND detail LIKE '%, plan expert' THEN json_object('name', substr(detail, 1, length(detail) - 13), 'plan', 'expert')
  WHEN action = 'workspace.plan_changed' THEN json_object('plan', detail)
  WHEN action IN ('workspace.created', 'workspace.renamed', 'user.renamed') THEN json_object('name', detail)
  WHEN action = 'user.created' THEN json_object('email', detail)
  WHEN action = 'transcription.moved' THEN json_object('project', detail)
  WHEN action = 'transcription.downloaded' AND detail LIKE 'a ZIP of % files' THEN json_object('format', substr(detail, 10, length(detail) - 15), 'archive', json('true'))
  WHEN action = 'transcription.downloaded' THEN json_object('format', detail)
  ELSE json_object('reason', detail) END;
