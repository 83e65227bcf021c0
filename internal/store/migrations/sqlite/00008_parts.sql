-- +goose Up
-- The long values of a transcript (text, segments or markdown), in parts of 1 MB.
-- Each part is written in its own transaction before the transcription is added, so
-- that no transaction holds the write lock for the time that 100 MB take. The column
-- in transcripts then holds a space and the number of parts.
CREATE TABLE transcript_parts (
  id   TEXT NOT NULL, -- of the transcription
  kind TEXT NOT NULL,
  part INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (id, kind, part)
) STRICT;
