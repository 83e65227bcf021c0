-- +goose Up
-- The speakers of each transcription, for the filter of lists. folded is the name in the form in
-- which names are compared, cut to a length that fits in an index. The other columns are those of
-- the transcription that sorts need; they never change. The rows of a transcription that a replica
-- of the previous version deletes are deleted by the foreign key.
CREATE TABLE transcription_speakers (
  seq          INTEGER NOT NULL REFERENCES transcriptions(seq) ON DELETE CASCADE,
  folded       TEXT NOT NULL,
  name         TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  duration_ms  INTEGER NOT NULL,
  id           TEXT NOT NULL,
  PRIMARY KEY (seq, folded)
) STRICT, WITHOUT ROWID;
CREATE INDEX transcription_speakers_created ON transcription_speakers (workspace_id, folded, created_at, id);
CREATE INDEX transcription_speakers_duration ON transcription_speakers (workspace_id, folded, duration_ms, id, created_at);

-- The transcriptions whose speakers are not in that table yet. Go code makes their rows. It has no
-- foreign key, which would make counting again wait for the lock of a transcription.
CREATE TABLE speakers_pending (seq INTEGER PRIMARY KEY) STRICT;
INSERT INTO speakers_pending SELECT seq FROM transcriptions;
