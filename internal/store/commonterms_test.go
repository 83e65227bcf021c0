package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// TestCommonTermsAreLeftOut: only in a long query, only those that most of the newest texts have
// as a word, and not if a workspace has few texts.
func TestCommonTermsAreLeftOut(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		s := mustOpen(t, cfg)
		add := func(workspaceID string, from, n int, title func(i int) string) {
			t.Helper()
			if err := s.Write(ctx, func(tx *Tx) error {
				for i := from; i < from+n; i++ {
					seq := int64(i)
					if err := tx.exec(ctx, `INSERT INTO transcriptions
							(seq, id, workspace_id, status, duration_ms, created_at, char_count, item)
						VALUES ($1, $2, $3, 'completed', 1, $4, 0, '{}')`, seq, fmt.Sprint(i), workspaceID, seq*1000); err != nil {
						return err
					}
					terms := prepareTerms(s.dialect, workspaceID, memo.ListItem{Title: title(i)}, nil)
					if err := tx.index(ctx, seq, terms); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Write(ctx, func(tx *Tx) error {
			for _, id := range []string{"v", "w"} {
				w := memo.Workspace{ID: id, Name: id, Plan: memo.PlanPro, CreatedAt: tx.Now}
				if err := tx.AddWorkspace(ctx, w); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		add("v", 1, commonSample-1, func(int) string { return "what did we say about pricing" })
		add("w", 1000, 4*commonSample, func(int) string { return "old words" })
		add("w", 2000, commonSample, func(i int) string {
			title := "what we 会議です"
			if i%2 == 0 {
				title += " say about"
			}
			if i%2 == 0 || i%25 == 1 {
				title += " did"
			}
			if i == 2001 {
				title += " pricing"
			}
			return title
		})
		for _, c := range []struct{ workspace, query, want string }{
			{"w", "what did we say", "what did we say"},
			{"w", "what did we say about pricing", "say about pricing"},
			{"w", "会議です pricing whatever", "会議 議で です pricing whatever"}, // pairs are parts of a word
			{"w", "what we did 会議", "what we did 会議"},
			{"w", "what we did say 会議です", "say 会議 議で です"},
			{"w", "what we did 会議です", "会議 議で です"},
			{"w", "old words what did we", "old words"},
			{"v", "what did we say about pricing", "what did we say about pricing"},
		} {
			f, err := s.WithoutCommonTerms(ctx, View{WorkspaceID: c.workspace}, Filter{
				WorkspaceID: c.workspace, Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery(c.query),
			})
			var got []string
			for _, term := range f.Query {
				got = append(got, term.Text)
			}
			if want := strings.Fields(c.want); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s in %s: got %v (%v), want %v", c.query, c.workspace, got, err, want)
			}
		}
		if s.dialect == dialectSQLite { // a text that is not indexed yet has no rowid at which to start
			mustExec(t, s, `UPDATE transcriptions SET search_rowid = NULL WHERE seq = 2001`)
			f := Filter{WorkspaceID: "w", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("a b c d what")}
			if got, err := s.WithoutCommonTerms(ctx, View{WorkspaceID: "w"}, f); err != nil || len(got.Query) != len(f.Query) {
				t.Errorf("before all texts are indexed: got %v (%v), want %v", got.Query, err, f.Query)
			}
		}
	})
}

// TestSampleReadsFewHits: it starts where the sample does.
func TestSampleReadsFewHits(t *testing.T) {
	a := newArchive(t, Config{Dir: t.TempDir()}, 2_000)
	f := Filter{
		WorkspaceID: "a", Status: memo.StatusCompleted, Search: true,
		Query: search.ParseQuery("pricing quokka pri1 con2 zebra"),
	}
	sample := make([]int64, commonSample)
	for i := range sample {
		sample[i] = int64((a.n - 1 - i) * spacing / 1000 * rowsPerSecond)
	}
	query, args, err := a.sampleQuery(f, sample)
	if err != nil {
		t.Fatal(err)
	}
	if plan := planOf(t, a.Store, query, args); strings.Count(plan, "SCAN x VIRTUAL TABLE INDEX 0:M3>") != len(f.Query) ||
		strings.Count(plan, "SCAN x ") != len(f.Query) {
		t.Errorf("the plan is\n%s", plan)
	}
	a.wantVisits(t, query, args, commonSample)
}
