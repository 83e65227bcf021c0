-- +goose Up
-- When the server recorded that the key has expired. From then on the key stays
-- expired, even if the clock is set back.
ALTER TABLE api_keys ADD COLUMN expired_at INTEGER;

-- The keys whose expiry has not passed, or has passed and is not recorded yet.
CREATE INDEX api_keys_expiring ON api_keys (expires_at)
  WHERE expires_at IS NOT NULL AND expired_at IS NULL AND revoked_at IS NULL AND deactivated_at IS NULL;

-- How a key ended, or 'active'. The index lets a page of keys in one state be read
-- in the same time, however many keys there are.
ALTER TABLE api_keys ADD COLUMN state TEXT GENERATED ALWAYS AS (CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
  WHEN deactivated_at IS NOT NULL THEN 'deactivated' WHEN expired_at IS NOT NULL THEN 'expired' ELSE 'active' END) VIRTUAL;
DROP INDEX api_keys_member;
CREATE INDEX api_keys_state ON api_keys (workspace_id, state, created_at, id);
CREATE INDEX api_keys_member_state ON api_keys (workspace_id, user_id, state, created_at, id);

-- The calls that a server without Redis counted in its last minute. It writes them
-- when it stops, and the next server reads them when it starts.
CREATE TABLE limit_windows (
  server  TEXT NOT NULL,
  class   TEXT NOT NULL,
  subject BLOB NOT NULL, -- SHA-256
  calls   BLOB NOT NULL, -- the times of the calls, 8 bytes each
  latest  INTEGER NOT NULL,
  PRIMARY KEY (server, class, subject)
) STRICT, WITHOUT ROWID;
