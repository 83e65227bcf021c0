package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/zipstream"
)

// long prepares a transcription of 3 MB, so that its text, segments and Markdown are all stored in
// parts.
func (h *harness) long() *Prepared {
	t := h.t
	t.Helper()
	noise := make([]byte, 1000)
	var segments []memo.Segment
	for range 1500 {
		_, _ = rand.Read(noise)
		segments = append(segments, memo.Segment{Speaker: "Ann", Text: hex.EncodeToString(noise)})
	}
	doc := &memo.Transcription{Segments: segments, ListItem: memo.ListItem{
		Title: "Long", Status: memo.StatusCompleted, CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(),
	}}
	markdown, err := zipstream.Deflate([]byte(memo.Lines(segments)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Prepare(NewTranscription{Doc: doc, WorkspaceID: workspace, Markdown: markdown})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// admitAll admits every read.
func admitAll(int64) error { return nil }

func (h *harness) add(p *Prepared) {
	h.t.Helper()
	err := h.Write(h.t.Context(), func(tx *Tx) error { _, err := tx.AddTranscriptions(h.t.Context(), p); return err })
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestLongValuesAreReadBackAndDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		for _, stage := range []bool{true, false} {
			p := h.long()
			if stage {
				if err := h.StoreParts(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				if _, err := h.Text(t.Context(), wholeWorkspace, p.ID(), admitAll); memo.KindOf(err) != memo.KindNotFound {
					t.Errorf("a staged transcription can be read before it is added: %v", err)
				}
			}
			h.add(p)
			h.checkLong(p)
			h.delete(p.ID())
			if err := h.DropParts(t.Context(), p.ID()); err != nil {
				t.Fatal(err)
			}
			if n := h.count("transcript_parts"); n != 0 {
				t.Errorf("staged %v: %d parts are left", stage, n)
			}
		}
	})
}

// checkLong reads the long values with each method and compares them.
func (h *harness) checkLong(p *Prepared) {
	h.t.Helper()
	ctx := h.t.Context()
	w, err := h.Transcription(ctx, wholeWorkspace, p.ID(), admitAll)
	if err != nil || !bytes.Equal(w.TextJSON, p.text) || !bytes.Equal(w.Segments, p.segments) {
		h.t.Errorf("transcription: %d and %d bytes, want %d and %d: %v", len(w.TextJSON), len(w.Segments), len(p.text),
			len(p.segments), err)
	}
	text, segments, err := h.Lines(ctx, w.ListItem)
	if err != nil || text != p.Doc.Text || !bytes.Equal(segments, p.segments) {
		h.t.Errorf("lines: %d bytes, want %d: %v", len(text), len(p.Doc.Text), err)
	}
	if text, err = h.Text(ctx, wholeWorkspace, p.ID(), admitAll); err != nil || text != p.Doc.Text {
		h.t.Errorf("text: %d bytes, want %d: %v", len(text), len(p.Doc.Text), err)
	}
	_, md, err := h.Markdown(ctx, wholeWorkspace, p.ID(), false, admitAll)
	if err != nil || !bytes.Equal(md.Data, p.Markdown.Data) {
		h.t.Errorf("markdown: %d bytes, want %d: %v", len(md.Data), len(p.Markdown.Data), err)
	}
}

func (h *harness) delete(id string) {
	h.t.Helper()
	err := h.Write(h.t.Context(), func(tx *Tx) error {
		e, err := tx.LockTranscription(h.t.Context(), workspace, id)
		if err != nil {
			return err
		}
		return tx.DeleteTranscription(h.t.Context(), e)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestTranscriptionDeletedDuringReadIsNotFound deletes the parts only, which is what a
// read sees if the transcription is deleted between two of its statements.
func TestTranscriptionDeletedDuringReadIsNotFound(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		p := h.long()
		h.add(p)
		if _, err := h.write.Exec(`DELETE FROM transcript_parts`); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Transcription(t.Context(), wholeWorkspace, p.ID(), admitAll); memo.KindOf(err) != memo.KindNotFound {
			t.Errorf("got %v, want not found", err)
		}
	})
}

// TestMissingPartsAreDetected: a restore may delete staged parts before their
// transcription is added, and a value with a missing part is never returned.
func TestMissingPartsAreDetected(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		p := h.long()
		if err := errors.Join(h.StoreParts(t.Context(), p), h.DropParts(t.Context(), p.ID())); err != nil {
			t.Fatal(err)
		}
		err := h.Write(t.Context(), func(tx *Tx) error { _, err := tx.AddTranscriptions(t.Context(), p); return err })
		if memo.KindOf(err) != memo.KindUnavailable || h.count("transcriptions") != 0 {
			t.Errorf("a transcription without its text was added: %v", err)
		}
		whole := h.long()
		h.add(whole)
		if _, err := h.write.Exec(`DELETE FROM transcript_parts WHERE part = 0 AND kind = 'text'`); err != nil {
			t.Fatal(err)
		}
		_, err = h.Transcription(t.Context(), wholeWorkspace, whole.ID(), admitAll)
		if memo.KindOf(err) != memo.KindNotFound {
			t.Errorf("a text without its beginning was returned: %v", err)
		}
	})
}

func TestOrphanedPartsAreDropped(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		now := time.Now()
		cfg.Now = func() time.Time { return now }
		h := newHarness(t, cfg, 0)
		whole, orphan := h.long(), h.long()
		h.add(whole)
		if err := h.StoreParts(t.Context(), orphan); err != nil {
			t.Fatal(err)
		}
		all := h.count("transcript_parts")
		if err := h.DropOrphans(t.Context()); err != nil || h.count("transcript_parts") != all {
			t.Fatalf("a running import lost its parts: %v", err)
		}
		now = now.Add(2 * time.Hour)
		if err := h.DropOrphans(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := h.count("transcript_parts"); n != all-len(orphan.parts()) {
			t.Errorf("%d of %d parts are left, want %d", n, all, all-len(orphan.parts()))
		}
		h.checkLong(whole)
	})
}

func TestBackupContainsLongValues(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		p := h.long()
		h.add(p)
		file := filepath.Join(t.TempDir(), "backup.db")
		if _, err := h.WriteBackup(t.Context(), file, 0, nil); err != nil {
			t.Fatal(err)
		}
		h.delete(p.ID())
		if err := h.DropParts(t.Context(), p.ID()); err != nil {
			t.Fatal(err)
		}
		b, err := OpenBackup(t.Context(), file, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if _, err := h.Restore(t.Context(), b, false, nil); err != nil {
			t.Fatal(err)
		}
		h.checkLong(p)
	})
}

// TestRevocationDoesNotWaitForLongImport: an urgent write runs between two transactions of an
// import, however long the import is.
func TestRevocationDoesNotWaitForLongImport(t *testing.T) {
	h := newHarness(t, Config{Dir: t.TempDir()}, 1)
	p := h.long()
	p.text = bytes.Repeat(p.text, 8) // 24 MB
	staged := make(chan error, 1)
	go func() { staged <- h.StoreParts(t.Context(), p) }()
	for h.count("transcript_parts") == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := revoke(h.Store, 0, urgently(EndAccess)); err != nil {
		t.Fatal(err)
	}
	done := h.count("transcript_parts")
	if err := <-staged; err != nil {
		t.Fatal(err)
	}
	if all := len(p.parts()); done >= all {
		t.Errorf("the revocation came after all %d parts of the import", all)
	}
}
