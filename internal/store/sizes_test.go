package store

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/pressly/goose/v3"

	"memoai.tech/memo"
)

func free(int64) error { return nil }

// sizes reads what the workspace stores, and the sum of its transcriptions.
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

func TestSizesFollowTheContent(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, ctx := newHolder(t, cfg, 0), t.Context()
		for range 2 {
			if err := add(h.Store); err != nil {
				t.Fatal(err)
			}
		}
		stored, sum := sizes(t, h.Store, workspace)
		if stored != sum || stored < 200<<10 || stored > 202<<10 {
			t.Errorf("%d bytes are stored, and the sum is %d", stored, sum)
		}
		b := backUp(t, h.Store)
		ids, err := queryAll(ctx, h.q, scanID, `SELECT id FROM transcriptions`)
		for _, id := range ids {
			title, bad := h.PrepareTitle(ctx, workspace, id, "Another")
			err = errors.Join(err, bad, h.Write(ctx, func(tx *Tx) error {
				e, err := tx.LockTranscription(ctx, workspace, id)
				return errors.Join(err, tx.UpdateTitle(ctx, e, title), tx.UpdateProject(ctx, e, "Sales"),
					tx.DeleteTranscription(ctx, e))
			}))
		}
		if left, sum := sizes(t, h.Store, workspace); err != nil || left != 0 || sum != 0 {
			t.Errorf("%d bytes are left, and the sum is %d: %v", left, sum, err)
		}
		if _, err := h.Restore(ctx, b, false, nil); err != nil {
			t.Fatal(err)
		}
		if again, sum := sizes(t, h.Store, workspace); again != stored || sum != stored {
			t.Errorf("%d bytes are restored and the sum is %d, want %d", again, sum, stored)
		}
	})
}

// TestOldTranscriptionsGetTheirSizes brings a database up to date that had none.
func TestOldTranscriptionsGetTheirSizes(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := context.Background()
		s, err := openStore(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		folder, kind := "migrations/sqlite", goose.DialectSQLite3
		if s.dialect == dialectPostgres {
			folder, kind = "migrations/postgres", goose.DialectPostgres
		}
		files, err := fs.Sub(migrations, folder)
		if err != nil {
			t.Fatal(err)
		}
		p, err := goose.NewProvider(kind, s.write, files, goose.WithDisableGlobalRegistry(true))
		if err == nil {
			_, err = p.UpTo(ctx, 3)
		}
		if err != nil {
			t.Fatal(err)
		}
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
			do(`INSERT INTO transcriptions (seq, id, workspace_id, status, duration_ms, created_at, char_count, item) VALUES ($1, $2, 'full', 'completed', 0, 0, 0, '{"é"}')`, i+1, id)
			do(`INSERT INTO transcripts (seq, markdown_size, markdown_crc, markdown, text, segments) VALUES ($1, 0, 0, $2, '"ü"', '[]')`, i+1, []byte{1, 2, 3})
		}
		do(`INSERT INTO reports (seq, name, slug, status, text, created_at) VALUES (2, 'r', 'r', 'completed', 'ünf', 0)`)
		if err := s.migrate(ctx); err != nil {
			t.Fatal(err)
		}
		const item, rest, report = 6, 3 + 4 + 2, 4
		if stored, sum := sizes(t, s, "full"); stored != 2*(item+rest)+report || sum != stored {
			t.Errorf("%d bytes are stored, and the sum is %d", stored, sum)
		}
		if stored, _ := sizes(t, s, "empty"); stored != 0 {
			t.Errorf("%d bytes are stored of nothing", stored)
		}
	})
}

// TestAdmitEndsARead: what has no room is not read.
func TestAdmitEndsARead(t *testing.T) {
	h, ctx := newHolder(t, Config{Dir: t.TempDir()}, 0), t.Context()
	if err := add(h.Store); err != nil {
		t.Fatal(err)
	}
	ids, err := queryAll(ctx, h.q, scanID, `SELECT id FROM transcriptions`)
	if err != nil {
		t.Fatal(err)
	}
	busy := &memo.Error{Kind: memo.KindUnavailable, Message: "busy"}
	asked := int64(0)
	refuse := func(size int64) error { asked = size; return busy }
	for name, read := range map[string]func() error{
		"whole":    func() error { _, err := h.Transcription(ctx, workspace, ids[0], refuse); return err },
		"segments": func() error { _, err := h.Segments(ctx, workspace, ids[0], refuse); return err },
		"markdown": func() error { _, _, err := h.Markdown(ctx, workspace, ids[0], false, refuse); return err },
		"text":     func() error { _, err := h.Text(ctx, workspace, ids[0], refuse); return err },
		"reports":  func() error { _, err := h.Reports(ctx, workspace, ids[0], refuse); return err },
	} {
		asked = 0
		if err := read(); !errors.Is(err, busy) || asked < 100<<10 {
			t.Errorf("%s: %v, of %d bytes", name, err, asked)
		}
	}
	if w, err := h.Transcription(ctx, workspace, ids[0], free); err != nil || w.Size != asked {
		t.Errorf("%d bytes, %v", w.Size, err)
	}
}
