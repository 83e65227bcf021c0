-- +goose Up
-- Invitations: each is a link for one person to join a workspace.
CREATE TABLE invites (
  id           TEXT PRIMARY KEY,
  hash         BLOB NOT NULL UNIQUE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id),
  role         TEXT NOT NULL,
  created_by   TEXT NOT NULL REFERENCES users(id),
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX invites_workspace ON invites (workspace_id, created_at);

CREATE INDEX audit_events_actor ON audit_events (workspace_id, actor_id, id);
