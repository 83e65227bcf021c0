-- +goose Up
-- Invitations: each is a link for one person to join a workspace.
CREATE TABLE invites (
  id           TEXT COLLATE "C" PRIMARY KEY,
  hash         BYTEA NOT NULL UNIQUE,
  workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces(id),
  role         TEXT COLLATE "C" NOT NULL,
  created_by   TEXT COLLATE "C" NOT NULL REFERENCES users(id),
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE INDEX invites_workspace ON invites (workspace_id, created_at);

CREATE INDEX audit_events_actor ON audit_events (workspace_id, actor_id, id);
