package app_test

import (
	"bufio"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/demo"
)

//go:embed testdata/questions.txt
var questions string

// TestFillUp: every page of a search that is filled up comes from one list, whatever its size.
func TestFillUp(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.file("a.txt", "[00:01] Ann: zebra giraffe quokka")
		for i := range filledTo + 2 {
			w.file(fmt.Sprint(i, ".txt"), fmt.Sprint("[00:01] Ann: zebra giraffe and ", i))
		}
		for _, sort := range app.Sorts {
			var want []string
			for _, limit := range []int{100, 3, filledTo} {
				in := app.ListQuery{
					Status: memo.StatusCompleted, Query: "zebra giraffe quokka", Sort: sort, Limit: limit,
				}
				var ids []string
				for {
					p, err := w.Transcriptions(w.ctx, w.as(w.owner), in)
					if must(t, p, err); p.Total != filledTo || p.Closest != filledTo-1 || p.HasMoreThanTotal {
						t.Fatalf("%s: the total is %d with %d closest", sort, p.Total, p.Closest)
					}
					for i, it := range p.Items {
						if all := len(ids) == 0; all != (it.Missing == nil) || !all && !slices.Equal(it.Missing, []string{"quokka"}) {
							t.Errorf("%s: item %d lacks %q", sort, i, it.Missing)
						}
						item, err := it.Item()
						ids = append(ids, must(t, item, err).ID)
					}
					if in.Cursor = p.NextCursor; in.Cursor == "" {
						break
					}
				}
				if want == nil {
					want = ids
				}
				if len(ids) != filledTo || !slices.Equal(ids, want) {
					t.Errorf("%s by %d: got %v, want %v", sort, limit, ids, want)
				}
			}
		}
		p, err := w.Transcriptions(w.ctx, w.as(w.owner), app.ListQuery{
			Status: memo.StatusCompleted, Query: "zebra giraffe quokka", AllWords: true,
		})
		if must(t, p, err); p.Total != 1 || len(p.Items) != 1 {
			t.Errorf("with all words: %d of %d", len(p.Items), p.Total)
		}
	})
}

const filledTo = 20

// TestRecall: of the questions that people ask about the sample workspace, at least 95 % have the
// meeting that answers them among the first five transcriptions.
func TestRecall(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		caller := memo.Caller{Operator: true, WorkspaceID: w.workspace.ID}
		meetings := map[string]string{} // ids, by the number in the name of the file
		for name, data := range demo.Files() {
			in, err := w.Import(w.ctx, caller, app.ImportFile{Name: name, Data: data})
			meetings[name[:2]] = must(t, in, err).ID
		}
		asked, first, found := 0, 0, 0
		for lines := bufio.NewScanner(strings.NewReader(questions)); lines.Scan(); {
			number, question, ok := strings.Cut(lines.Text(), " | ")
			if !ok {
				continue // a comment
			}
			asked++
			page, err := w.Transcriptions(w.ctx, w.as(w.owner), app.ListQuery{
				Status: memo.StatusCompleted, Query: question, Sort: "relevance", Limit: 5,
			})
			var ids []string
			for _, it := range must(t, page, err).Items {
				item, err := it.Item()
				ids = append(ids, must(t, item, err).ID)
			}
			at := slices.Index(ids, meetings[number])
			if at < 0 {
				t.Logf("not among the first five of %d: %s %q", page.Total, number, question)
				continue
			}
			if found++; at == 0 {
				first++
			} else {
				t.Logf("at %d of %d: %s %q", at+1, page.Total, number, question)
			}
		}
		t.Logf("%d questions: %d answers first, %d among the first five", asked, first, found)
		if asked < 60 || found*100 < asked*95 {
			t.Errorf("%d of %d answers are among the first five, want 95 %% of at least 60", found, asked)
		}
	})
}
