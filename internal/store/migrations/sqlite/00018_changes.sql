-- +goose Up
-- When anything that a list shows of the transcription was last changed, in an order that is the
-- same for all changes of a workspace: see changes.go. It is also in item.
ALTER TABLE transcriptions ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE transcriptions SET updated_at = max(0, min(
  coalesce(CAST(round(unixepoch(json_extract(item, '$.updated_at'), 'subsec') * 1000) AS INTEGER), created_at),
  (SELECT content_version FROM workspaces w WHERE w.id = workspace_id))) WHERE json_valid(item);
-- Instants have three decimals.
UPDATE transcriptions SET item = json_set(item,
  '$.created_at', coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(item, '$.created_at')), json_extract(item, '$.created_at')),
  '$.updated_at', strftime('%Y-%m-%dT%H:%M:%S', updated_at / 1000, 'unixepoch') || printf('.%03dZ', updated_at % 1000))
  WHERE json_valid(item);
CREATE INDEX transcriptions_updated ON transcriptions (workspace_id, updated_at, id, status);
CREATE INDEX transcriptions_project_updated ON transcriptions (workspace_id, project_id, updated_at, id, status)
  WHERE project_id IS NOT NULL;

-- Transcriptions that were deleted or that have left a project. A row stays as long as its workspace,
-- so that a reader of changes who comes back after years misses nothing.
CREATE TABLE removals (
  workspace_id TEXT NOT NULL REFERENCES workspaces(id),
  at           INTEGER NOT NULL, -- like transcriptions.updated_at
  id           TEXT NOT NULL,    -- of the transcription
  project_id   TEXT,             -- in which it was
  deleted      INTEGER NOT NULL, -- 1 or 0
  PRIMARY KEY (workspace_id, at, id)
) STRICT, WITHOUT ROWID;

-- A restore changes it, so that cursors from before it are refused.
ALTER TABLE workspaces ADD COLUMN changes_epoch INTEGER NOT NULL DEFAULT 0;
