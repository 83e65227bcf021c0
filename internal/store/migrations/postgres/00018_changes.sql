-- +goose Up
-- When anything that a list shows of the transcription was last changed, in an order that is the
-- same for all changes of a workspace: see changes.go. It is also in item. The default is for
-- replicas of the previous version, which may run until each is replaced.
ALTER TABLE transcriptions ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE transcriptions SET updated_at = greatest(0, least(
  coalesce(round(extract(epoch FROM substring(item FROM '"updated_at":"([^"]*)"')::timestamptz) * 1000)::bigint, created_at),
  (SELECT content_version FROM workspaces w WHERE w.id = workspace_id)));
-- Instants have three decimals. Text in a JSON string has a backslash before each quote, so only the
-- members match.
UPDATE transcriptions SET item = regexp_replace(regexp_replace(item,
  '"created_at":"[^"]*"', '"created_at":"'
    || to_char(to_timestamp(created_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"'),
  '"updated_at":"[^"]*"', '"updated_at":"'
    || to_char(to_timestamp(updated_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"');
ALTER TABLE transcriptions ALTER COLUMN updated_at SET DEFAULT round(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
CREATE INDEX transcriptions_updated ON transcriptions (workspace_id, updated_at, id, status);
CREATE INDEX transcriptions_project_updated ON transcriptions (workspace_id, project_id, updated_at, id, status)
  WHERE project_id IS NOT NULL;

-- Transcriptions that were deleted or that have left a project. A row stays as long as its workspace,
-- so that a reader of changes who comes back after years misses nothing.
CREATE TABLE removals (
  workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspaces(id),
  at           BIGINT NOT NULL,           -- like transcriptions.updated_at
  id           TEXT COLLATE "C" NOT NULL, -- of the transcription
  project_id   TEXT COLLATE "C",          -- in which it was
  deleted      BIGINT NOT NULL,           -- 1 or 0
  PRIMARY KEY (workspace_id, at, id)
);

-- A restore changes it, so that cursors from before it are refused.
ALTER TABLE workspaces ADD COLUMN changes_epoch BIGINT NOT NULL DEFAULT 0;
