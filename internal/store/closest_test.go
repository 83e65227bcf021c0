package store

import (
	"slices"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/zipstream"
)

// addDoc adds a transcription to the workspace.
func (h *harness) addDoc(doc *memo.Transcription) (id string) {
	h.t.Helper()
	doc.Status, doc.CreatedAt = memo.StatusCompleted, h.Now()
	p, err := h.Prepare(NewTranscription{
		Doc: doc, WorkspaceID: workspace, Markdown: zipstream.Deflated{Data: []byte("x")},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.add(p)
	return p.ID()
}

// TestClosest: those with more terms first, then those with rarer terms, and none that has all terms or
// fewer than half.
func TestClosest(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		for range 9 {
			h.addDoc(titled("zebra"))
		}
		three, rare := h.addDoc(titled("zebra giraffe quokka")), h.addDoc(titled("quokka lemur"))
		common := h.addDoc(titled("zebra giraffe"))
		h.addDoc(titled("zebra giraffe quokka lemur"))
		h.addText("giraffe", "other words")
		f := Filter{
			WorkspaceID: workspace, Status: memo.StatusCompleted, Search: true,
			Query: search.ParseQuery("zebra giraffe quokka lemur"),
		}
		got, err := h.Closest(t.Context(), f, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, p := range got {
			ids = append(ids, p.ID)
		}
		if want := []string{three, rare, common}; !slices.Equal(ids, want) ||
			!slices.Equal(got[0].Missing, []int{3}) || !slices.Equal(got[1].Missing, []int{0, 1}) {
			t.Errorf("got %v without %v, %v; want %v", ids, got[0].Missing, got[1].Missing, want)
		}
		for name, change := range map[string]func(*Filter){
			"another workspace": func(f *Filter) { f.WorkspaceID = "other" },
			"another language":  func(f *Filter) { f.Language = "de" },
			"another day":       func(f *Filter) { f.To = time.UnixMilli(1) },
			"two words":         func(f *Filter) { f.Query = search.ParseQuery("zebra nowhere") },
			"no words":          func(f *Filter) { f.Query = nil },
		} {
			changed := f
			if change(&changed); changed.Query != nil || name == "no words" {
				if got, err := h.Closest(t.Context(), changed, 10); err != nil || len(got) > 0 {
					t.Errorf("%s: got %d transcriptions (%v), want none", name, len(got), err)
				}
			}
		}
		if got, err := h.Closest(t.Context(), f, 2); err != nil || len(got) != 2 || got[1].ID != rare {
			t.Errorf("of a limit of 2: got %+v (%v)", got, err)
		}
	})
}

// TestIndexAgain: entries that an earlier version made without reports are made again, in steps.
func TestIndexAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		h := newHarness(t, cfg, 0)
		n := againBatch.texts + 3
		for range n {
			doc := titled("Meeting")
			doc.Topics = []memo.Topic{{Title: "Giraffes"}}
			doc.Speakers = []memo.Speaker{{Name: "Quokka"}}
			doc.Reports = []memo.Report{{Name: "Lemurs", Slug: "r", Status: memo.StatusCompleted, Text: "send the zebra"}}
			id := h.addDoc(doc)
			for _, word := range []string{"giraffe", "quokka", "lemur", "zebra"} {
				if h.found(word) == 0 {
					t.Fatalf("%s is not found by %s", id, word)
				}
			}
		}
		if err := h.Write(ctx, func(tx *Tx) error { // as the earlier version made them
			seqs, err := queryAll(ctx, tx.q, func(row scanner) (seq int64, err error) { return seq, row.Scan(&seq) },
				`SELECT seq FROM transcriptions`)
			for _, seq := range seqs {
				if err == nil {
					err = tx.unindex(ctx, seq)
				}
				if err == nil {
					err = tx.index(ctx, seq, prepareTerms(h.dialect, workspace, titled("Meeting")))
				}
				if err == nil {
					err = tx.exec(ctx, `INSERT INTO search_again (seq) VALUES ($1)`, seq)
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []struct {
			more  bool
			found int
		}{{true, againBatch.texts}, {true, n}, {false, n}} {
			more, err := h.IndexAgain(ctx)
			if found := h.found("zebra"); err != nil || more != want.more || found != want.found || h.found("meeting") != n {
				t.Errorf("found %d, more %v (%v); want %+v", found, more, err, want)
			}
		}
	})
}

// TestClosestIsOld: a text with a common and a rare term is found, however many newer ones have the common term.
func TestClosestIsOld(t *testing.T) {
	h := newHarness(t, Config{Dir: t.TempDir()}, 0)
	old := h.addDoc(titled("zebra quokka"))
	for range maxRanked {
		h.addDoc(titled("zebra"))
	}
	got, err := h.Closest(t.Context(), Filter{
		WorkspaceID: workspace, Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("zebra quokka nowhere"),
	}, 20)
	if err != nil || len(got) != 1 || got[0].ID != old {
		t.Errorf("got %+v (%v), want %s", got, err, old)
	}
}
