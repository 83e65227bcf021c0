-- +goose Up
-- The rowid of a text in the search index is the second of its creation time, times
-- 256, plus a number that makes it unique: so the index is sorted by time, and a search
-- for the newest texts reads it from its end and stops at the page. The table has a new
-- name, so that an older server that still runs fails to search and to import, instead
-- of finding and writing wrong rows. The tag of a workspace has twelve characters now.
DROP TABLE transcription_search;
CREATE VIRTUAL TABLE search_index USING fts5 (
  title, summary, body, content='', contentless_delete=1, tokenize='ascii', prefix='15'
);

-- NULL until the text is indexed. A search reads only the index below for each hit,
-- whatever its filters are.
ALTER TABLE transcriptions ADD COLUMN search_rowid INTEGER;
CREATE INDEX transcriptions_search ON transcriptions (search_rowid, workspace_id, status, created_at, id, project_id, language, external_id, duration_ms)
  WHERE search_rowid IS NOT NULL;

-- If a second has more than 256 texts, the others have the rowid of a later second. The
-- last entry of a workspace says how many seconds later at most.
CREATE INDEX transcriptions_spilled ON transcriptions (workspace_id, search_rowid / 256 - max(created_at, 0) / 1000)
  WHERE search_rowid / 256 > max(created_at, 0) / 1000;

INSERT OR IGNORE INTO search_pending SELECT seq FROM transcriptions;
