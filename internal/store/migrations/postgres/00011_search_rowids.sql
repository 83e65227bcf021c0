-- +goose Up
-- On SQLite, this migration makes another search index. PostgreSQL finds the newest
-- texts with transcriptions_created.
SELECT 1;
