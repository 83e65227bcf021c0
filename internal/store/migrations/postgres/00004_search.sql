-- +goose Up
-- The transcriptions that are not in the search index yet. A restore fills this
-- table. This migration does not change the index.
CREATE TABLE search_pending (
  seq BIGINT PRIMARY KEY REFERENCES transcriptions(seq)
);
