-- +goose Up
-- The database refuses a plan, role or status that memo does not know. If somebody has
-- written another one, it means the least that it could: no API access, no rights of an
-- OWNER, no transcription in a list.
UPDATE workspaces SET plan = 'free' WHERE plan NOT IN ('free', 'basic', 'pro', 'expert');
UPDATE memberships SET role = 'MEMBER' WHERE role NOT IN ('OWNER', 'MEMBER');
UPDATE invites SET role = 'MEMBER' WHERE role NOT IN ('OWNER', 'MEMBER');
UPDATE transcriptions SET status = 'failed' WHERE status NOT IN ('queued', 'processing', 'completed', 'failed');
UPDATE reports SET status = 'failed' WHERE status NOT IN ('queued', 'processing', 'completed', 'failed');
ALTER TABLE workspaces ADD CONSTRAINT workspaces_plan CHECK (plan IN ('free', 'basic', 'pro', 'expert'));
ALTER TABLE memberships ADD CONSTRAINT memberships_role CHECK (role IN ('OWNER', 'MEMBER'));
ALTER TABLE invites ADD CONSTRAINT invites_role CHECK (role IN ('OWNER', 'MEMBER'));
ALTER TABLE transcriptions ADD CONSTRAINT transcriptions_status CHECK (status IN ('queued', 'processing', 'completed', 'failed'));
ALTER TABLE reports ADD CONSTRAINT reports_status CHECK (status IN ('queued', 'processing', 'completed', 'failed'));

-- Both are in the conditions of queries.
CREATE INDEX api_keys_rotated_from ON api_keys (workspace_id, rotated_from) WHERE rotated_from IS NOT NULL;
CREATE INDEX invites_creator ON invites (created_by);
-- For deleting what is older than its retention.
CREATE INDEX audit_events_old ON audit_events (at);
CREATE INDEX key_usage_old ON key_usage (hour);
