package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/pressly/goose/v3"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// found counts what a search for a word finds.
func (h *holder) found(word string) int {
	h.t.Helper()
	total, err := h.Count(context.Background(), Filter{
		WorkspaceID: workspace, Status: memo.StatusCompleted, Search: true,
		Query: search.ParseQuery(word),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return total.N
}

// addText adds a transcription with a title and a line.
func (h *holder) addText(title, said string) (id string) {
	h.t.Helper()
	err := h.Write(context.Background(), func(tx *Tx) (err error) {
		doc := &memo.Transcription{ListItem: memo.ListItem{
			Title: title, Status: memo.StatusCompleted, CreatedAt: tx.Now,
			UpdatedAt: tx.Now,
		}}
		doc.Segments = []memo.Segment{{Text: said}}
		p, err := h.Prepare(New{Doc: doc, WorkspaceID: workspace, Markdown: CompressedText{Data: []byte("x")}})
		if err == nil {
			id, _, err = tx.AddTranscription(context.Background(), p)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// forget empties the index, as a restore does.
func (h *holder) forget() {
	h.t.Helper()
	ctx := context.Background()
	if err := h.Write(ctx, func(tx *Tx) error {
		empty := `DELETE FROM transcription_search`
		if h.dialect == dialectSQLite {
			empty = `INSERT INTO transcription_search (transcription_search) VALUES ('delete-all')`
		}
		return errors.Join(tx.exec(ctx, empty), tx.exec(ctx, `INSERT INTO search_pending SELECT seq FROM transcriptions`))
	}); err != nil {
		h.t.Fatal(err)
	}
}

// TestIndexingGoesOn where it was interrupted, in transactions of a bounded size.
func TestIndexingGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHolder(t, cfg, 0)
		const n = 2*pendingTexts + 10
		for i := range n {
			h.addText(fmt.Sprint("Meeting ", i), "about zebras")
		}
		h.forget()
		if got := h.found("zebra"); got != 0 {
			t.Fatalf("%d texts are found in an empty index", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var told [][2]int64
		cfg.Indexing = func(done, total int64) {
			told = append(told, [2]int64{done, total})
			cancel()
		}
		if _, err := Open(ctx, cfg); !errors.Is(err, context.Canceled) {
			t.Fatalf("an interrupted start: %v", err)
		}
		if got := h.found("zebra"); got != pendingTexts || len(told) != 1 || told[0] != [2]int64{pendingTexts, n} {
			t.Errorf("%d texts after one transaction, told %v", got, told)
		}
		mustOpen(t, cfg)
		if got := h.found("zebra"); got != n || h.count("search_pending") != 0 || len(told) != 3 ||
			told[2] != [2]int64{n - pendingTexts, n - pendingTexts} {
			t.Errorf("%d texts in the end, told %v", got, told)
		}
	})
}

// TestLongTextsAreIndexedInSmallTransactions: by their bytes.
func TestLongTextsAreIndexedInSmallTransactions(t *testing.T) {
	h := newHolder(t, Config{Dir: t.TempDir()}, 0)
	long := make([]byte, pendingBytes/2+1)
	for i := range long {
		long[i] = "zebra "[i%6]
	}
	for range 3 {
		h.addText("Long", string(long))
	}
	h.forget()
	for _, want := range []int{2, 1, 0} {
		batch, err := h.pending(t.Context())
		if err != nil || len(batch) != want {
			t.Fatalf("%d texts (%v), want %d", len(batch), err, want)
		}
		if err := h.Write(t.Context(), func(tx *Tx) error { return tx.indexBatch(t.Context(), batch) }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAPendingTextCanChange: its old terms come not into the index.
func TestAPendingTextCanChange(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		h := newHolder(t, cfg, 0)
		retitled, deleted, kept := h.addText("Old zebra", "one"), h.addText("Deleted zebra", "two"),
			h.addText("Kept zebra", "three")
		h.forget()
		batch, err := h.pending(ctx) // another process has read them
		if err != nil || len(batch) != 3 {
			t.Fatalf("%v %v", batch, err)
		}
		title, err := h.PrepareTitle(ctx, workspace, retitled, "New giraffe")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Write(ctx, func(tx *Tx) error {
			e, err := tx.LockTranscription(ctx, workspace, retitled)
			if err == nil {
				err = tx.UpdateTitle(ctx, e, title)
			}
			if err != nil {
				return err
			}
			if e, err = tx.LockTranscription(ctx, workspace, deleted); err != nil {
				return err
			}
			return tx.DeleteTranscription(ctx, e)
		}); err != nil {
			t.Fatal(err)
		}
		if err := h.Write(ctx, func(tx *Tx) error { return tx.indexBatch(ctx, batch) }); err != nil {
			t.Fatal(err)
		}
		for word, want := range map[string]int{"zebra": 1, "giraffe": 1, "one": 1, "two": 0, "three": 1} {
			if got := h.found(word); got != want {
				t.Errorf("%s finds %d texts, want %d (%s)", word, got, want, kept)
			}
		}
	})
}

// TestAnOlderIndexIsMadeAgain: texts of a database from before the tags are found.
func TestAnOlderIndexIsMadeAgain(t *testing.T) {
	ctx := t.Context()
	cfg := Config{Dir: t.TempDir()}
	old, err := openStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, old.write, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(ctx, 3); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`INSERT INTO workspaces (id, name, plan, content_version, created_at) VALUES ('` + workspace +
			`', 'Acme', 'pro', 1, 1)`,
		`INSERT INTO transcriptions (seq, id, workspace_id, status, duration_ms, created_at, char_count, item)
			VALUES (7, 'x', '` + workspace + `', 'completed', 1, 1, 1, '{"title":"An old zebra"}')`,
		`INSERT INTO transcripts (seq, markdown_size, markdown_crc, markdown, text, segments) VALUES (7, 0, 0, x'', '"x"', '[{"start":0,"end":1,"text":"two giraffes"}]')`,
		`INSERT INTO transcription_search (rowid, scope, title, summary, body) VALUES (7, 'ws', 'an old zebra', '', 'two giraffes')`,
	} {
		if _, err := old.write.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	h := &holder{Store: mustOpen(t, cfg), t: t}
	for _, word := range []string{"zebra", "gir"} {
		if got := h.found(word); got != 1 {
			t.Errorf("%s finds %d texts", word, got)
		}
	}
}

// TestARestoredTextIsFound: and what the restore replaced is not.
func TestARestoredTextIsFound(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHolder(t, cfg, 0)
		h.addText("Zebra", "one")
		b := backUp(t, h.Store)
		h.addText("Giraffe", "two")
		if _, err := h.Restore(t.Context(), b, false, nil); err != nil {
			t.Fatal(err)
		}
		if zebras, giraffes := h.found("zebra"), h.found("giraffe"); zebras != 1 || giraffes != 0 ||
			h.count("search_pending") != 0 {
			t.Errorf("%d zebras, %d giraffes", zebras, giraffes)
		}
	})
}
