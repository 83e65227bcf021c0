-- +goose Up
-- Each term begins with a tag of eight characters for its workspace, so that a
-- search reads only the index entries of its own workspace. The prefix index holds
-- the tag and the first three characters of each word. Three characters are the
-- shortest prefix that a query can have. Without this index, such a prefix would
-- expand to a large part of all words.
DROP TABLE transcription_search;
CREATE VIRTUAL TABLE transcription_search USING fts5 (
  title, summary, body, content='', contentless_delete=1, tokenize='ascii', prefix='11'
);

-- The transcriptions that are not in the search index yet. After this migration or
-- a restore, Go code indexes them, at most 200 texts per transaction.
CREATE TABLE search_pending (
  seq INTEGER PRIMARY KEY REFERENCES transcriptions(seq)
) STRICT;
INSERT INTO search_pending SELECT seq FROM transcriptions;
