-- +goose Up
-- Who an invitation is for, as the person who created it typed it. Replicas of the previous
-- version, which may run until each is replaced, leave it empty.
ALTER TABLE invites ADD COLUMN recipient TEXT NOT NULL DEFAULT '';
-- The events of one key.
CREATE INDEX audit_events_key_at ON audit_events (workspace_id, subject, at, id) WHERE noun = 'key';
