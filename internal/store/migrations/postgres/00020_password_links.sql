-- +goose Up
-- Links with which a user sets a new password, once. workspace_id is that of the OWNER who created
-- it, or null for the operator.
CREATE TABLE password_links (
  hash         BYTEA PRIMARY KEY,
  user_id      TEXT NOT NULL REFERENCES users(id),
  workspace_id TEXT REFERENCES workspaces(id),
  created_by   TEXT REFERENCES users(id),
  expires_at   BIGINT NOT NULL,
  used_at      BIGINT
);
CREATE INDEX password_links_user ON password_links (user_id);
CREATE INDEX password_links_expiry ON password_links (expires_at);
