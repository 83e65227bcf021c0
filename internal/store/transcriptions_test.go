package store

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/zipstream"
)

// TestStatementsOfABatch: a transcription takes a search for its hash, a row in two tables, all its
// speakers, and an entry in the search index. A batch takes two statements for each project, one for the
// workspace, and one for the counts of all its groups.
func TestStatementsOfABatch(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, files := newHarness(t, cfg, 0), 0
		// add adds a batch and returns the number of statements.
		add := func(n int) int {
			var statements atomic.Int64
			var batch []*Prepared
			for range n {
				files++
				source := sha256.Sum256(fmt.Append(nil, files))
				p, err := h.Prepare(NewTranscription{
					WorkspaceID: workspace, SourceHash: source[:], Markdown: zipstream.Deflated{Data: []byte("x")},
					Doc: &memo.Transcription{
						ListItem: memo.ListItem{
							Title: fmt.Sprint("File ", files), Status: memo.StatusCompleted, CreatedAt: h.Now(),
							Speakers: []memo.Speaker{{Name: "Ann"}, {Name: "Zoë"}},
						},
						Project:  &memo.ProjectRef{Name: "Sales"},
						Segments: []memo.Segment{{Text: "one of the files"}},
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				batch = append(batch, p)
			}
			err := h.Write(t.Context(), func(tx *Tx) error {
				tx.q = countingQuerier{tx.q, &statements}
				_, err := tx.AddTranscriptions(t.Context(), batch...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return int(statements.Load())
		}
		perBatch := 5
		if h.dialect == dialectPostgres {
			perBatch += 2 // the lock and its timeout
		}
		for _, n := range []int{1, 1, 20} {
			if got, want := add(n), perBatch+5*n; got != want {
				t.Errorf("a batch of %d: %d statements, want %d", n, got, want)
			}
		}
		if n := h.found("files"); n != files {
			t.Errorf("a search finds %d transcriptions, want %d", n, files)
		}
	})
}
