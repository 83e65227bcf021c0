-- +goose Up
-- The long values of a transcript (text, segments or markdown), in parts of 1 MB.
-- Each part is written in its own transaction before the transcription is added. The
-- column in transcripts then holds a space and the number of parts.
CREATE TABLE transcript_parts (
  id   TEXT COLLATE "C" NOT NULL, -- of the transcription
  kind TEXT NOT NULL,
  part INTEGER NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (id, kind, part)
);
