package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/zipstream"
)

// found returns how many transcriptions a search for a word finds.
func (h *harness) found(word string) int {
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

// addText adds a transcription with a title and one segment.
func (h *harness) addText(title, line string) (id string) {
	h.t.Helper()
	err := h.Write(context.Background(), func(tx *Tx) (err error) {
		doc := &memo.Transcription{ListItem: memo.ListItem{
			Title: title, Status: memo.StatusCompleted, CreatedAt: tx.Now,
			UpdatedAt: tx.Now,
		}}
		doc.Segments = []memo.Segment{{Text: line}}
		markdown := zipstream.Deflated{Data: []byte("x")}
		p, err := h.Prepare(NewTranscription{Doc: doc, WorkspaceID: workspace, Markdown: markdown})
		if err != nil {
			return err
		}
		id = p.ID()
		_, err = tx.AddTranscriptions(context.Background(), p)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// clearIndex empties the search index and queues every transcription for indexing, as a
// restore does.
func (h *harness) clearIndex() {
	h.t.Helper()
	ctx := context.Background()
	if err := h.Write(ctx, func(tx *Tx) error {
		empty := `DELETE FROM transcription_search`
		if h.dialect == dialectSQLite {
			empty = `INSERT INTO search_index (search_index) VALUES ('delete-all')`
		}
		return errors.Join(tx.exec(ctx, empty), tx.exec(ctx, `INSERT INTO search_pending SELECT seq FROM transcriptions`))
	}); err != nil {
		h.t.Fatal(err)
	}
}

// TestIndexingResumes: indexing continues where it was interrupted, in transactions of a bounded
// size.
func TestIndexingResumes(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		n := 2*pendingBatch.texts + 10
		first, total := int64(pendingBatch.texts), int64(n)
		for i := range n {
			h.addText(fmt.Sprint("Meeting ", i), "about zebras")
		}
		h.clearIndex()
		if got := h.found("zebra"); got != 0 {
			t.Fatalf("%d transcriptions are found in an empty index", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var progress [][2]int64
		cfg.Indexing = func(done, total int64) {
			progress = append(progress, [2]int64{done, total})
			cancel()
		}
		if _, err := Open(ctx, cfg); !errors.Is(err, context.Canceled) {
			t.Fatalf("an interrupted start: got %v, want it cancelled", err)
		}
		if got := h.found("zebra"); got != pendingBatch.texts || len(progress) != 1 || progress[0] != [2]int64{first, total} {
			t.Errorf("after one transaction: %d transcriptions are found, progress %v", got, progress)
		}
		mustOpen(t, cfg)
		if got := h.found("zebra"); got != n || h.count("search_pending") != 0 || len(progress) != 3 ||
			progress[2] != [2]int64{total - first, total - first} {
			t.Errorf("at the end: %d transcriptions are found, progress %v", got, progress)
		}
	})
}

// TestIndexingBatchesAreBoundedByBytes: two long texts fill a batch.
func TestIndexingBatchesAreBoundedByBytes(t *testing.T) {
	h := newHarness(t, Config{Dir: t.TempDir()}, 0)
	long := make([]byte, pendingBatch.bytes/2+1)
	for i := range long {
		long[i] = "zebra "[i%6]
	}
	for range 3 {
		h.addText("Long", string(long))
	}
	h.clearIndex()
	version := func() (n int64) {
		row := h.write.QueryRow(`SELECT content_version FROM workspaces WHERE id = $1`, workspace)
		if err := row.Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, want := range []int{2, 1, 0} {
		before := version()
		batch, err := h.pending(t.Context(), searchPending, pendingBatch)
		if err != nil || len(batch) != want {
			t.Fatalf("the batch has %d transcriptions (%v), want %d", len(batch), err, want)
		}
		if err := h.Write(t.Context(), func(tx *Tx) error {
			return tx.indexBatch(t.Context(), searchPending, batch)
		}); err != nil {
			t.Fatal(err)
		}
		if raised := version() > before; raised != (want > 0) {
			t.Errorf("a batch of %d: the content version is raised: %v", want, raised)
		}
	}
}

// TestChangedTextIsIndexedAsItIsNow: a transcription that was changed or deleted while it
// waited for indexing is not indexed with its old terms.
func TestChangedTextIsIndexedAsItIsNow(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		h := newHarness(t, cfg, 0)
		retitled, deleted, unchanged := h.addText("Old zebra", "one"), h.addText("Deleted zebra", "two"),
			h.addText("Unchanged zebra", "three")
		h.clearIndex()
		batch, err := h.pending(ctx, searchPending, pendingBatch) // as read by another process
		if err != nil || len(batch) != 3 {
			t.Fatalf("the batch is %v (%v), want 3 transcriptions", batch, err)
		}
		title, err := h.PrepareDetails(ctx, workspace, retitled, Details{Title: new("New giraffe")})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Write(ctx, func(tx *Tx) error {
			e, err := tx.LockTranscription(ctx, workspace, retitled)
			if err == nil {
				_, err = tx.UpdateDetails(ctx, e, title)
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
		if err := h.Write(ctx, func(tx *Tx) error { return tx.indexBatch(ctx, searchPending, batch) }); err != nil {
			t.Fatal(err)
		}
		for word, want := range map[string]int{"zebra": 1, "giraffe": 1, "one": 1, "two": 0, "three": 1} {
			if got := h.found(word); got != want {
				t.Errorf("%s finds %d transcriptions, want %d (the unchanged one is %s)", word, got, want, unchanged)
			}
		}
	})
}

// TestMigrationRebuildsIndex migrates databases whose index has no workspace tags (schema 3), or is
// not sorted by time (schema 10).
func TestMigrationRebuildsIndex(t *testing.T) {
	for version, entry := range map[int64]string{
		3:  `(rowid, scope, title, summary, body) VALUES (7, 'ws', 'an old zebra', '', 'two giraffes')`,
		10: `(rowid, title, summary, body) VALUES (7, '00000000an 00000000old 00000000zebra', '', '')`,
	} {
		t.Run(fmt.Sprint("from schema ", version), func(t *testing.T) {
			cfg := Config{Dir: t.TempDir()}
			old := upTo(t, cfg, version)
			mustExec(t, old, `INSERT INTO workspaces (id, name, plan, content_version, created_at)
				VALUES ('`+workspace+`', 'Acme', 'pro', 1, 1)`,
				`INSERT INTO transcriptions (seq, id, workspace_id, status, duration_ms, created_at, char_count, item)
				VALUES (7, 'x', '`+workspace+`', 'completed', 1, 1, 1, '{"title":"An old zebra"}')`,
				`INSERT INTO transcripts (seq, markdown_size, markdown_crc, markdown, text, segments)
				VALUES (7, 0, 0, x'', '"x"', '[{"start":0,"end":1,"text":"two giraffes"}]')`,
				`INSERT INTO transcription_search `+entry)
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			h := &harness{Store: mustOpen(t, cfg), t: t}
			for _, word := range []string{"zebra", "gir"} {
				if got := h.found(word); got != 1 {
					t.Errorf("%s finds %d transcriptions, want 1", word, got)
				}
			}
		})
	}
}

// TestSearchFindsRestoredTexts: a search does not find the texts that the restore replaced.
func TestSearchFindsRestoredTexts(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		h.addText("Zebra", "one")
		b := backUp(t, h.Store)
		h.addText("Giraffe", "two")
		if _, err := h.Restore(t.Context(), b, false, nil); err != nil {
			t.Fatal(err)
		}
		if zebras, giraffes := h.found("zebra"), h.found("giraffe"); zebras != 1 || giraffes != 0 ||
			h.count("search_pending") != 0 {
			t.Errorf("found %d zebras and %d giraffes, want 1 and 0, with none pending", zebras, giraffes)
		}
	})
}
