package store

import (
	"fmt"
	"slices"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// TestPagesOfProjects compares the pages of several projects, by cursor and by offset, with what the
// whole workspace has of them.
func TestPagesOfProjects(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 400)
		for i := range 5 {
			mustExec(t, a.Store, fmt.Sprintf(`INSERT INTO projects (id, workspace_id, name, created_at)
				VALUES ('q%d', 'a', 'Q%d', 1)`, i, i),
				fmt.Sprintf(`UPDATE transcriptions SET project_id = 'q%d' WHERE workspace_id = 'a' AND seq %% 8 = %d`, i, i))
		}
		mustExec(t, a.Store, `UPDATE workspaces SET counted_version = -1`)
		for more := true; more; {
			var err error
			if more, err = a.Recount(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		whole := Filter{WorkspaceID: "a", Status: memo.StatusCompleted}
		for _, projects := range [][]string{{"q1"}, {"q3", "q0"}, {"q0", "q1", "q2", "q4", "pa"}} {
			for _, o := range everyOrder[:4] {
				for _, find := range []string{"", "pri", "speaker"} {
					all, some := whole, whole
					some.ProjectIDs = projects
					for _, f := range []*Filter{&all, &some} {
						if find == "speaker" {
							f.Speaker = "zoe"
						} else if find != "" {
							f.Search, f.Query = true, search.ParseQuery(find)
						}
					}
					want := a.ids(t, all, o, Range{Limit: 1000}, projects)
					name := fmt.Sprintf("%v %v %q", projects, o, find)
					if total, err := a.Count(t.Context(), some); err != nil || total.N != len(want) {
						t.Errorf("%s: the total is %+v (%v), want %d", name, total, err, len(want))
					}
					var byCursor []string
					for p := (Range{Limit: 17}); ; {
						page, err := a.List(t.Context(), some, o, p)
						for _, it := range page {
							byCursor = append(byCursor, it.ID)
						}
						if err != nil || len(page) < p.Limit {
							break
						}
						p.After = &page[len(page)-1].ListPosition
					}
					if !slices.Equal(byCursor, want) {
						t.Errorf("%s: by cursor got %v, want %v", name, byCursor, want)
					}
					got := a.ids(t, some, o, Range{Limit: 9, Offset: 11}, nil)
					if !slices.Equal(got, want[min(11, len(want)):min(20, len(want))]) {
						t.Errorf("%s: by offset got %v of %v", name, got, want)
					}
				}
			}
		}
	})
}

// ids returns the ids of a page, or only those in some projects.
func (a *archive) ids(t *testing.T, f Filter, o Order, p Range, projects []string) (ids []string) {
	t.Helper()
	page, err := a.List(t.Context(), f, o, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page {
		if projects == nil || it.Project != nil && slices.Contains(projects, it.Project.ID) {
			ids = append(ids, it.ID)
		}
	}
	return ids
}
