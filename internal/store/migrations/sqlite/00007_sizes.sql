-- +goose Up
-- The size of a transcription is the number of its stored bytes, so that it is known
-- before the text is read. A workspace has the sum of the sizes.
ALTER TABLE transcriptions ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE transcriptions SET size = octet_length(item)
  + coalesce((SELECT octet_length(x.text) + octet_length(x.segments) + octet_length(x.markdown) FROM transcripts x WHERE x.seq = transcriptions.seq), 0)
  + coalesce((SELECT sum(octet_length(r.text)) FROM reports r WHERE r.seq = transcriptions.seq), 0);
UPDATE workspaces SET stored_bytes = coalesce((SELECT sum(t.size) FROM transcriptions t WHERE t.workspace_id = workspaces.id), 0);
