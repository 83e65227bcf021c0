-- +goose Up
-- A session ends some time after its last use. For sessions that exist already,
-- the last use is not known, and the time of the sign-in takes its place.
ALTER TABLE sessions ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET last_used_at = created_at;

-- A user has few sessions that are not revoked, and may have thousands that are.
DROP INDEX sessions_user;
CREATE INDEX sessions_user ON sessions (user_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_address ON sessions (user_id, ip) WHERE revoked_at IS NULL;
-- For deleting sessions that ended long ago.
CREATE INDEX sessions_expired ON sessions (expires_at);
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
