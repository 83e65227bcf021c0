-- +goose Up
-- The transcriptions that a search does not find yet. A restore fills it; the
-- index itself is as it was.
CREATE TABLE search_pending (
  seq BIGINT PRIMARY KEY REFERENCES transcriptions(seq)
);
