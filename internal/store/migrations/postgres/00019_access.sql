-- +goose Up
-- What a key may do, which projects it sees and from where it may be used, as JSON. NULL is a key
-- without limits.
ALTER TABLE api_keys ADD COLUMN access TEXT;
-- What an OWNER demands of the keys, as JSON. NULL demands nothing.
ALTER TABLE workspaces ADD COLUMN key_policy TEXT;

ALTER TABLE key_usage ADD COLUMN refused_scope BIGINT NOT NULL DEFAULT 0;
ALTER TABLE key_usage ADD COLUMN refused_address BIGINT NOT NULL DEFAULT 0;
ALTER TABLE key_usage ADD COLUMN refused_policy BIGINT NOT NULL DEFAULT 0;
