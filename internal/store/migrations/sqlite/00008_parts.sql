-- +goose Up
-- The long values of a transcript (text, segments or markdown), in parts of 1 MB
-- that are written one by one before the transcription itself, so that no
-- transaction holds the write lock for as long as 100 MB take. The column of
-- transcripts holds a space and the number of parts then.
CREATE TABLE transcript_parts (
  id   TEXT NOT NULL, -- of the transcription
  kind TEXT NOT NULL,
  part INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (id, kind, part)
) STRICT;
