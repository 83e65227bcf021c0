-- +goose Up
-- Each term begins with eight characters that stand for its workspace, so that a
-- search reads what is indexed for its own workspace only. The index of prefixes
-- holds those eight and the first three of each word: so many letters are the
-- shortest that a query may leave open, and would otherwise expand to most words.
DROP TABLE transcription_search;
CREATE VIRTUAL TABLE transcription_search USING fts5 (
  title, summary, body, content='', contentless_delete=1, tokenize='ascii', prefix='11'
);

-- The transcriptions that a search does not find yet. The terms are made in Go,
-- some hundred texts per transaction, after this migration or a restore.
CREATE TABLE search_pending (
  seq INTEGER PRIMARY KEY REFERENCES transcriptions(seq)
) STRICT;
INSERT INTO search_pending SELECT seq FROM transcriptions;
