-- +goose Up
-- Why calls were refused. The sum of these can be less than refused: the rows of previous versions,
-- and of replicas of the previous one, which may run until each is replaced, have no reasons.
ALTER TABLE key_usage ADD COLUMN refused_limit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_usage ADD COLUMN refused_plan INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_usage ADD COLUMN refused_ended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_usage ADD COLUMN refused_url INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_usage ADD COLUMN refused_forbidden INTEGER NOT NULL DEFAULT 0;
