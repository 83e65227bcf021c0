package store

import (
	"context"
	"errors"
	"testing"

	"memoai.tech/memo"
)

// sizes returns the recorded size of a workspace and the sum of the sizes of its
// transcriptions, in bytes.
func sizes(t *testing.T, s *Store, workspaceID string) (stored, sum int64) {
	t.Helper()
	stored, err := s.StoredBytes(t.Context(), workspaceID)
	if err == nil {
		err = s.q.QueryRowContext(t.Context(), `SELECT coalesce(sum(size), 0) FROM transcriptions WHERE workspace_id = $1`,
			workspaceID).Scan(&sum)
	}
	if err != nil {
		t.Fatal(err)
	}
	return stored, sum
}

func TestStoredBytesFollowTheContent(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, ctx := newHarness(t, cfg, 0), t.Context()
		for range 2 {
			if err := add(h.Store); err != nil {
				t.Fatal(err)
			}
		}
		stored, sum := sizes(t, h.Store, workspace)
		if stored != sum || stored < 200<<10 || stored > 202<<10 {
			t.Errorf("the workspace has %d bytes and its transcriptions %d, want about 200 kB in both", stored, sum)
		}
		b := backUp(t, h.Store)
		ids, err := queryAll(ctx, h.q, scanID, `SELECT id FROM transcriptions`)
		for _, id := range ids {
			details, bad := h.PrepareDetails(ctx, workspace, id, Details{Title: new("Another"), Project: new("Sales")})
			err = errors.Join(err, bad, h.Write(ctx, func(tx *Tx) error {
				e, err := tx.LockTranscription(ctx, workspace, id)
				_, bad := tx.UpdateDetails(ctx, e, details)
				return errors.Join(err, bad, tx.DeleteTranscription(ctx, e))
			}))
		}
		if left, sum := sizes(t, h.Store, workspace); err != nil || left != 0 || sum != 0 {
			t.Errorf("after deleting all: the workspace has %d bytes and its transcriptions %d (%v), want 0", left, sum, err)
		}
		if _, err := h.Restore(ctx, b, false, nil); err != nil {
			t.Fatal(err)
		}
		if restored, sum := sizes(t, h.Store, workspace); restored != stored || sum != stored {
			t.Errorf("after a restore: the workspace has %d bytes and its transcriptions %d, want %d", restored, sum, stored)
		}
	})
}

// TestMigrationAddsSizes migrates a database from before sizes were recorded.
func TestMigrationAddsSizes(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := context.Background()
		s := upTo(t, cfg, 3)
		do := func(query string, args ...any) {
			t.Helper()
			if _, err := s.write.Exec(query, args...); err != nil {
				t.Fatal(err)
			}
		}
		for _, w := range []string{"full", "empty"} {
			do(`INSERT INTO workspaces (id, name, plan, content_version, created_at) VALUES ($1, 'Acme', 'pro', 0, 0)`, w)
		}
		for i, id := range []string{"a", "b"} {
			do(`INSERT INTO transcriptions (seq, id, workspace_id, status, duration_ms, created_at, char_count, item)
				VALUES ($1, $2, 'full', 'completed', 0, 0, 0, '{"é"}')`, i+1, id)
			do(`INSERT INTO transcripts (seq, markdown_size, markdown_crc, markdown, text, segments)
				VALUES ($1, 0, 0, $2, '"ü"', '[]')`, i+1, []byte{1, 2, 3})
		}
		do(`INSERT INTO reports (seq, name, slug, status, text, created_at) VALUES (2, 'r', 'r', 'completed', 'ünf', 0)`)
		if err := s.migrate(ctx); err != nil {
			t.Fatal(err)
		}
		const item, rest, report = 6, 3 + 4 + 2, 4
		if stored, sum := sizes(t, s, "full"); stored != 2*(item+rest)+report || sum != stored {
			t.Errorf("the workspace has %d bytes and its transcriptions %d, want %d", stored, sum,
				2*(item+rest)+report)
		}
		if stored, _ := sizes(t, s, "empty"); stored != 0 {
			t.Errorf("the empty workspace has %d bytes, want 0", stored)
		}
	})
}

// TestRefusedReadReturnsTheRefusal: a read whose size is not admitted does not happen.
func TestRefusedReadReturnsTheRefusal(t *testing.T) {
	h, ctx := newHarness(t, Config{Dir: t.TempDir()}, 0), t.Context()
	if err := add(h.Store); err != nil {
		t.Fatal(err)
	}
	ids, err := queryAll(ctx, h.q, scanID, `SELECT id FROM transcriptions`)
	if err != nil {
		t.Fatal(err)
	}
	busy := &memo.Error{Kind: memo.KindUnavailable, Message: "busy"}
	requested := int64(0)
	refuse := func(size int64) error { requested = size; return busy }
	for name, read := range map[string]func() error{
		"full transcription": func() error { _, err := h.Transcription(ctx, wholeWorkspace, ids[0], refuse); return err },
		"segments":           func() error { _, err := h.Segments(ctx, wholeWorkspace, ids[0], refuse); return err },
		"markdown": func() error {
			_, _, err := h.Markdown(ctx, wholeWorkspace, ids[0], false, refuse)
			return err
		},
		"text":    func() error { _, err := h.Text(ctx, wholeWorkspace, ids[0], refuse); return err },
		"reports": func() error { _, err := h.Reports(ctx, wholeWorkspace, ids[0], refuse); return err },
	} {
		requested = 0
		if err := read(); !errors.Is(err, busy) || requested < 100<<10 {
			t.Errorf("%s: got %v for %d bytes, want the refusal", name, err, requested)
		}
	}
	if w, err := h.Transcription(ctx, wholeWorkspace, ids[0], admitAll); err != nil || w.Size != requested {
		t.Errorf("the size is %d (%v), want %d as requested", w.Size, err, requested)
	}
}
