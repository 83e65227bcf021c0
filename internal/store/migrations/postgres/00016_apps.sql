-- +goose Up
-- A connected app is a key without a secret of its own: its hash is that of random bytes that were
-- thrown away. It is used with tokens, which change.
ALTER TABLE api_keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'key'; -- 'key' or 'app'
ALTER TABLE api_keys ADD COLUMN client_id TEXT;
ALTER TABLE api_keys ADD COLUMN client_name TEXT;
ALTER TABLE api_keys ADD COLUMN client_host TEXT;

CREATE TABLE app_tokens (
  hash       BYTEA PRIMARY KEY,
  key_id     TEXT NOT NULL REFERENCES api_keys(id),
  kind       TEXT NOT NULL, -- 'access' or 'refresh'
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT, -- when a refresh token was first used
  reuses     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX app_tokens_key ON app_tokens (key_id);
CREATE INDEX app_tokens_expiry ON app_tokens (expires_at);

-- The codes that the consent page gives to clients, which redeem them for tokens.
CREATE TABLE app_codes (
  hash           BYTEA PRIMARY KEY,
  workspace_id   TEXT NOT NULL REFERENCES workspaces(id),
  user_id        TEXT NOT NULL REFERENCES users(id),
  client_id      TEXT NOT NULL,
  client_name    TEXT NOT NULL,
  client_host    TEXT NOT NULL,
  redirect_uri   TEXT NOT NULL,
  challenge      TEXT NOT NULL, -- of PKCE with S256
  app_expires_at BIGINT,
  expires_at     BIGINT NOT NULL,
  key_id         TEXT -- the app, once the code is redeemed
);
CREATE INDEX app_codes_expiry ON app_codes (expires_at);
CREATE INDEX app_codes_member ON app_codes (user_id, workspace_id);

CREATE INDEX api_keys_apps ON api_keys (id) WHERE kind = 'app' AND expired_at IS NULL AND revoked_at IS NULL
  AND deactivated_at IS NULL;
