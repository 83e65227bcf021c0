-- +goose Up
-- The URLs to which events of a workspace are sent.
CREATE TABLE webhooks (
  id              TEXT PRIMARY KEY,
  workspace_id    TEXT NOT NULL REFERENCES workspaces(id),
  url             TEXT NOT NULL,
  events          TEXT NOT NULL, -- types, separated by commas
  secret          TEXT NOT NULL,
  previous_secret TEXT,
  previous_until  INTEGER, -- until then, requests are also signed with the previous secret
  created_at      INTEGER NOT NULL,
  created_by      TEXT, -- a user; NULL: the operator
  paused_at       INTEGER,
  pause_reason    TEXT,
  failing_since   INTEGER,
  next_at         INTEGER, -- of the next attempt; NULL: now
  lease_until     INTEGER  -- until then, the replica that set it sends
) STRICT;
CREATE INDEX webhooks_workspace ON webhooks (workspace_id, created_at, id);

-- The events of each webhook. There is no foreign key: a transaction that queues an event must not
-- fail because the webhook is deleted meanwhile.
CREATE TABLE webhook_deliveries (
  id          TEXT PRIMARY KEY,
  webhook_id  TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  type        TEXT NOT NULL,
  payload     TEXT NOT NULL,
  attempts    INTEGER NOT NULL DEFAULT 0,
  status      TEXT NOT NULL DEFAULT 'pending', -- 'pending', 'sent' or 'failed'
  last_status INTEGER, -- of the response
  last_error  TEXT,
  last_at     INTEGER,
  once        TEXT -- an event with this text is queued once
) STRICT;
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, created_at, id) WHERE status = 'pending';
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (webhook_id, once) WHERE once IS NOT NULL;
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (created_at);
