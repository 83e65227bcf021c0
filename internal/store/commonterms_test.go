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
					terms := prepareTerms(s.dialect, workspaceID, titled(title(i)))
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
		add("v", 1, commonSample-1, func(int) string { return "kwat dord wub zug abut pricing" })
		add("w", 1000, 4*commonSample, func(int) string { return "old words" })
		add("w", 2000, commonSample, func(i int) string {
			title := "kwat wub 会議室長"
			if i%2 == 0 {
				title += " zug abut"
			}
			if i%2 == 0 || i%25 == 1 {
				title += " dord"
			}
			if i == 2001 {
				title += " pricing"
			}
			return title
		})
		for _, c := range []struct{ workspace, query, want string }{
			{"w", "kwat dord wub zug", "kwat dord wub zug"},
			{"w", "kwat dord wub zug abut pricing", "zug abut pric"},
			{"w", "会議室長 pricing quiver", "会議 議室 室長 pric quiv"}, // pairs are parts of a word
			{"w", "kwat wub dord 会議", "kwat wub dord 会議"},
			{"w", "kwat wub dord zug 会議室長", "zug 会議 議室 室長"},
			{"w", "kwat wub dord 会議室長", "会議 議室 室長"},
			{"w", "old words kwat dord wub", "old word"},
			{"v", "kwat dord wub zug abut pricing", "kwat dord wub zug abut pric"},
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
			f := Filter{WorkspaceID: "w", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("a b c d kwat")}
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
