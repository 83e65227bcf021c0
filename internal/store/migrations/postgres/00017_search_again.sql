-- +goose Up
-- The transcriptions whose entry in the search index lacks their topics, their AI reports and those
-- speakers who have no line. Go code makes their entries again while the server runs.
CREATE TABLE search_again (seq BIGINT PRIMARY KEY);
INSERT INTO search_again SELECT seq FROM transcriptions;
