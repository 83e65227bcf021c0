-- +goose Up
-- Times are Unix milliseconds. Ids are UUIDs in the canonical text form.
CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  email         TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL DEFAULT '',
  created_at    INTEGER NOT NULL,
  disabled_at   INTEGER
) STRICT;

CREATE TABLE workspaces (
  id              TEXT PRIMARY KEY,
  name            TEXT NOT NULL,
  plan            TEXT NOT NULL,
  content_version INTEGER NOT NULL,
  created_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
  workspace_id TEXT NOT NULL REFERENCES workspaces(id),
  user_id      TEXT NOT NULL REFERENCES users(id),
  role         TEXT NOT NULL,
  joined_at    INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE sessions (
  id         TEXT PRIMARY KEY,
  hash       BLOB NOT NULL UNIQUE,
  user_id    TEXT NOT NULL REFERENCES users(id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  ip         TEXT NOT NULL,
  agent      TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, created_at);

CREATE TABLE api_keys (
  id              TEXT PRIMARY KEY,
  hash            BLOB NOT NULL UNIQUE,
  suffix          TEXT NOT NULL,
  workspace_id    TEXT NOT NULL REFERENCES workspaces(id),
  user_id         TEXT NOT NULL REFERENCES users(id),
  name            TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  expires_at      INTEGER,
  revoked_at      INTEGER,
  deactivated_at  INTEGER,
  deactivated_by  TEXT NOT NULL DEFAULT '',
  exposed_at      INTEGER,
  rotated_from    TEXT,
  last_used_at    INTEGER,
  last_used_ip    TEXT,
  last_used_agent TEXT
) STRICT;
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, created_at, id);
CREATE INDEX api_keys_member ON api_keys (user_id, workspace_id);

CREATE TABLE key_usage (
  key_id   TEXT NOT NULL REFERENCES api_keys(id),
  hour     INTEGER NOT NULL, -- hours since 1970
  requests INTEGER NOT NULL,
  refused  INTEGER NOT NULL,
  PRIMARY KEY (key_id, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
  id           TEXT PRIMARY KEY,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id),
  name         TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  UNIQUE (workspace_id, name)
) STRICT;
CREATE INDEX projects_workspace ON projects (workspace_id, created_at, id);

-- The list item as JSON, and the columns that filters and sorts need. The text is
-- in a separate table, so that lists do not read it.
CREATE TABLE transcriptions (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id),
  project_id   TEXT REFERENCES projects(id),
  status       TEXT NOT NULL,
  language     TEXT,
  external_id  TEXT,
  duration_ms  INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   TEXT REFERENCES users(id),
  source_hash  BLOB,             -- SHA-256 of the imported file
  char_count   INTEGER NOT NULL, -- of the text, in code points
  item         TEXT NOT NULL
) STRICT;
-- There is an index for each combination of filters. It ends in the columns of the sort.
CREATE INDEX transcriptions_created ON transcriptions (workspace_id, status, created_at, id);
CREATE INDEX transcriptions_project_created ON transcriptions (workspace_id, status, project_id, created_at, id);
CREATE INDEX transcriptions_language_created ON transcriptions (workspace_id, status, language, created_at, id);
CREATE INDEX transcriptions_project_language_created ON transcriptions (workspace_id, status, project_id, language, created_at, id);
CREATE INDEX transcriptions_duration ON transcriptions (workspace_id, status, duration_ms, id, created_at);
CREATE INDEX transcriptions_project_duration ON transcriptions (workspace_id, status, project_id, duration_ms, id, created_at);
CREATE INDEX transcriptions_language_duration ON transcriptions (workspace_id, status, language, duration_ms, id, created_at);
CREATE INDEX transcriptions_project_language_duration ON transcriptions (workspace_id, status, project_id, language, duration_ms, id, created_at);
CREATE INDEX transcriptions_external ON transcriptions (workspace_id, external_id, created_at, id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX transcriptions_source ON transcriptions (workspace_id, source_hash) WHERE source_hash IS NOT NULL;

-- Markdown comes first, because SQLite reads a long row from its beginning and a
-- bulk export needs only Markdown.
CREATE TABLE transcripts (
  seq           INTEGER PRIMARY KEY REFERENCES transcriptions(seq),
  markdown_size INTEGER NOT NULL,
  markdown_crc  INTEGER NOT NULL,
  markdown      BLOB NOT NULL, -- the transcript part of the Markdown export, as raw deflate
  text          TEXT NOT NULL, -- the lines of the transcript, as a JSON string
  segments      TEXT NOT NULL  -- JSON array
) STRICT;

CREATE TABLE reports (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  seq        INTEGER NOT NULL REFERENCES transcriptions(seq),
  name       TEXT NOT NULL,
  slug       TEXT NOT NULL,
  status     TEXT NOT NULL,
  text       TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX reports_transcription ON reports (seq, id);

-- The terms are made by package search, so the tokenizer only splits at spaces.
CREATE VIRTUAL TABLE transcription_search USING fts5 (
  scope, title, summary, body, content='', contentless_delete=1, tokenize='ascii'
);

CREATE TABLE audit_events (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace_id TEXT,
  at           INTEGER NOT NULL,
  action       TEXT NOT NULL,
  actor_id     TEXT,
  actor        TEXT NOT NULL,
  subject      TEXT NOT NULL,
  detail       TEXT NOT NULL,
  ip           TEXT,
  agent        TEXT
) STRICT;
CREATE INDEX audit_events_workspace ON audit_events (workspace_id, id);
