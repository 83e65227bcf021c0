-- +goose Up
-- An event keeps what it is about: the noun of its action, for the filter, and
-- its name as it was then, which the detail held, or nobody.
ALTER TABLE audit_events ADD COLUMN noun TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN name TEXT NOT NULL DEFAULT '';
UPDATE audit_events SET noun = substr(action, 1, instr(action, '.') - 1);
UPDATE audit_events SET name = detail, detail = '' WHERE action IN ('key.created', 'key.changed', 'key.rotated', 'key.revoked',
  'member.removed', 'transcription.imported', 'transcription.renamed', 'transcription.deleted');
UPDATE audit_events SET name = coalesce((SELECT k.name FROM api_keys k WHERE k.id = subject), '')
  WHERE action IN ('key.deactivated', 'key.exposed');
UPDATE audit_events SET name = coalesce((SELECT u.email FROM users u WHERE u.id = subject), '')
  WHERE action IN ('member.added', 'member.role_changed', 'member.removed') AND name = '';
-- A long title was cut together with where it was moved to.
UPDATE audit_events SET name = detail, detail = '…' WHERE action = 'transcription.moved' AND instr(detail, ' → ') = 0;
UPDATE audit_events SET name = substr(detail, 1, instr(detail, ' → ') - 1), detail = substr(detail, instr(detail, ' → ') + 3)
  WHERE action = 'transcription.moved' AND instr(detail, ' → ') > 0;

-- Every set of filters that is offered has an index that ends in its order.
DROP INDEX audit_events_workspace;
DROP INDEX audit_events_actor;
CREATE INDEX audit_events_at ON audit_events (workspace_id, at, id);
CREATE INDEX audit_events_noun_at ON audit_events (workspace_id, noun, at, id);
CREATE INDEX audit_events_actor_at ON audit_events (workspace_id, actor_id, at, id);
CREATE INDEX audit_events_actor_noun_at ON audit_events (workspace_id, actor_id, noun, at, id);
