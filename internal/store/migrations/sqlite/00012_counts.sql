-- +goose Up
-- The number of transcriptions of a workspace by status, project and language: for each day
-- since 1970, and for all days together in the rows with the day -2147483648. '' is no project
-- or no language. The transaction that changes a transcription changes the numbers. They are
-- valid if counted_version is equal to content_version: a replica of the previous version, which
-- may run until each is replaced, raises only content_version. Go code then counts again, and
-- does so after this migration.
CREATE TABLE transcription_counts (
  workspace_id TEXT NOT NULL REFERENCES workspaces(id),
  status       TEXT NOT NULL,
  day          INTEGER NOT NULL,
  project_id   TEXT NOT NULL,
  language     TEXT NOT NULL,
  n            INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, status, day, project_id, language)
) STRICT, WITHOUT ROWID;
ALTER TABLE workspaces ADD COLUMN counted_version INTEGER NOT NULL DEFAULT -1;
