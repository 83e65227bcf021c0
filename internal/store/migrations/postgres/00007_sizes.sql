-- +goose Up
-- The size of a transcription is the bytes that are stored of it, so that a
-- large one is known before its text is read, and a workspace has the sum.
ALTER TABLE transcriptions ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE transcriptions SET size = octet_length(item)
  + coalesce((SELECT octet_length(x.text) + octet_length(x.segments) + octet_length(x.markdown) FROM transcripts x WHERE x.seq = transcriptions.seq), 0)
  + coalesce((SELECT sum(octet_length(r.text)) FROM reports r WHERE r.seq = transcriptions.seq), 0);
UPDATE workspaces SET stored_bytes = coalesce((SELECT sum(t.size) FROM transcriptions t WHERE t.workspace_id = workspaces.id), 0);
