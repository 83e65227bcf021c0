-- +goose Up
-- When the expiry was first seen to have passed. From then on the key is
-- expired for good, even if the clock goes back.
ALTER TABLE api_keys ADD COLUMN expired_at INTEGER;

-- The keys whose expiry is still to come or not yet recorded.
CREATE INDEX api_keys_expiring ON api_keys (expires_at)
  WHERE expires_at IS NOT NULL AND expired_at IS NULL AND revoked_at IS NULL AND deactivated_at IS NULL;

-- How a key has ended, or active. A page of keys of one state is read from its
-- index, however many keys there are.
ALTER TABLE api_keys ADD COLUMN state TEXT GENERATED ALWAYS AS (CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
  WHEN deactivated_at IS NOT NULL THEN 'deactivated' WHEN expired_at IS NOT NULL THEN 'expired' ELSE 'active' END) VIRTUAL;
DROP INDEX api_keys_member;
CREATE INDEX api_keys_state ON api_keys (workspace_id, state, created_at, id);
CREATE INDEX api_keys_member_state ON api_keys (workspace_id, user_id, state, created_at, id);

-- The calls that a server without Redis counted in its last minute, which it
-- writes when it stops and the next one reads when it starts.
CREATE TABLE limit_windows (
  server  TEXT NOT NULL,
  class   TEXT NOT NULL,
  subject BLOB NOT NULL, -- SHA-256
  calls   BLOB NOT NULL, -- their times, 8 bytes each
  latest  INTEGER NOT NULL,
  PRIMARY KEY (server, class, subject)
) STRICT, WITHOUT ROWID;
