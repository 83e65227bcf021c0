package store

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testenv"
)

// changeDetails changes details of a transcription.
func (s *Store) changeDetails(ctx context.Context, id string, d Details) error {
	n, err := s.PrepareDetails(ctx, workspace, id, d)
	if err != nil {
		return err
	}
	return s.Write(ctx, func(tx *Tx) error {
		e, err := tx.LockTranscription(ctx, workspace, id)
		if err != nil {
			return err
		}
		_, err = tx.UpdateDetails(ctx, e, n)
		return err
	})
}

// changes returns the changes after a position as "upsert TITLE in PROJECT" or "delete", by pages of
// two, and the last position.
func (h *harness) changes(after ListPosition) (got []string, last ListPosition) {
	h.t.Helper()
	return h.changesOf(View{WorkspaceID: workspace}, after)
}

func (h *harness) changesOf(v View, after ListPosition) (got []string, last ListPosition) {
	h.t.Helper()
	for {
		page, err := h.Changes(h.t.Context(), v, after, 2)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, c := range page {
			if c.Key < after.Key || c.Key == after.Key && c.ID <= after.ID {
				h.t.Fatalf("%v comes after %v", c.ListPosition, after)
			}
			after = c.ListPosition
			if c.Item == nil {
				got = append(got, "delete")
				continue
			}
			item, err := c.Item.Item()
			if err != nil {
				h.t.Fatal(err)
			}
			if at := toMillis(item.UpdatedAt); at != c.Key {
				h.t.Errorf("%s has updated_at %d at position %d", item.Title, at, c.Key)
			}
			got = append(got, "upsert "+item.Title)
			if p := c.Item.Project; p != nil {
				got[len(got)-1] += " in " + p.Name
			}
		}
		if len(page) == 0 {
			return got, after
		}
	}
}

func TestChangesListEveryChange(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		var last ListPosition
		want := func(when string, want ...string) {
			t.Helper()
			var got []string
			if got, last = h.changes(last); !cmp.Equal(got, want) {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		want("at first")
		a, b := h.addText("A", "one"), h.addText("B", "two")
		want("after two imports", "upsert A", "upsert B")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(h.changeDetails(t.Context(), a, Details{Title: new("A2")}))
		want("after a new title", "upsert A2")
		must(h.changeDetails(t.Context(), a, Details{Title: new("A2")}))
		want("after the same title again")
		must(h.changeDetails(t.Context(), a, Details{Project: new("Sales")}))
		must(h.changeDetails(t.Context(), b, Details{Project: new("Sales")}))
		want("after two moves", "upsert A2 in Sales", "upsert B in Sales")
		must(h.changeDetails(t.Context(), a, Details{Project: new("")}))
		want("after a move out of a project", "upsert A2")
		projects, err := h.Projects(t.Context(), View{WorkspaceID: workspace}, 10, 0)
		must(err)
		must(h.Write(t.Context(), func(tx *Tx) error {
			n, err := tx.RenameProject(t.Context(), workspace, projects[0].ID, `Big "deals"`)
			if n != 1 {
				t.Errorf("%d transcriptions changed, want 1", n)
			}
			return err
		}))
		want("after a new name of the project", `upsert B in Big "deals"`)
		inProject := View{WorkspaceID: workspace, ProjectIDs: []string{projects[0].ID}}
		_, seen := h.changesOf(inProject, ListPosition{})
		must(h.Write(t.Context(), func(tx *Tx) error {
			n, err := tx.DeleteProject(t.Context(), workspace, projects[0].ID)
			if n != 1 {
				t.Errorf("%d transcriptions changed, want 1", n)
			}
			return err
		}))
		want("after the project was deleted", "upsert B")
		if got, _ := h.changesOf(inProject, seen); !cmp.Equal(got, []string{"delete"}) {
			t.Errorf("in the deleted project: %q, want that B has left it", got)
		}
		must(h.Write(t.Context(), func(tx *Tx) error {
			_, err := tx.DeleteProject(t.Context(), workspace, projects[0].ID)
			if memo.KindOf(err) != memo.KindNotFound {
				t.Errorf("deleting it again: %v, want not found", err)
			}
			return nil
		}))
		h.delete(b)
		h.delete(a)
		want("after two deletions", "delete", "delete")
		c := h.addText("C", "three")
		h.delete(c)
		want("of what a reader never saw", "delete")
		if got, _ := h.changes(ListPosition{}); !cmp.Equal(got, []string{"delete", "delete", "delete"}) {
			t.Errorf("from the beginning: %q", got)
		}
	})
}

// TestChangesOfProjects: who sees only some projects learns nothing of the others.
func TestChangesOfProjects(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		a, b := h.addText("A", "one"), h.addText("B", "two")
		move := func(id, project string) {
			t.Helper()
			if err := h.changeDetails(t.Context(), id, Details{Project: &project}); err != nil {
				t.Fatal(err)
			}
		}
		for _, project := range []string{"P", "Q", "Secret"} {
			move(a, project)
		}
		move(b, "P")
		move(a, "P")
		v := View{WorkspaceID: workspace}
		projects, err := h.Projects(t.Context(), v, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range projects {
			if p.Name != "Secret" {
				v.ProjectIDs = append(v.ProjectIDs, p.ID)
			}
		}
		var last ListPosition
		want := func(when string, want ...string) {
			t.Helper()
			var got []string
			if got, last = h.changesOf(v, last); !cmp.Equal(got, want) {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		want("from the beginning", "upsert B in P", "upsert A in P")
		move(a, "Q")
		want("after a move between two of the projects", "upsert A in Q")
		move(a, "Secret")
		want("after a move out of them", "delete")
		if err := h.changeDetails(t.Context(), a, Details{Title: new("A2")}); err != nil {
			t.Fatal(err)
		}
		c := h.addText("C", "three")
		h.delete(c)
		h.delete(a)
		want("after changes of others")
		h.delete(b)
		want("after a deletion", "delete")
	})
}

// TestClockSetBackKeepsTheOrder: a change never has a position before that of an earlier one.
func TestClockSetBackKeepsTheOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		var back atomic.Bool
		cfg.Now = func() time.Time {
			if back.Load() {
				return time.Now().AddDate(-1, 0, 0)
			}
			return time.Now()
		}
		h := newHarness(t, cfg, 0)
		h.addText("A", "one")
		_, last := h.changes(ListPosition{})
		back.Store(true)
		h.addText("B", "two")
		if got, _ := h.changes(last); !cmp.Equal(got, []string{"upsert B"}) {
			t.Errorf("%q, want the import after the clock was set back", got)
		}
	})
}

// changeRounds is how many transactions each writer of TestReadersOfChangesMissNothing makes. To see
// a million changes: go test ./internal/store -run TestReadersOfChanges -change-rounds 10000
var changeRounds = flag.Int("change-rounds", 400, "transactions of each writer that changes transcriptions")

// TestReadersOfChangesMissNothing: writers of several servers import, change, move and delete
// transcriptions and rename projects, while readers follow the changes. At the end each reader has
// what the database has. Most changes come from renamed projects.
func TestReadersOfChangesMissNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 0)
		var ids []string
		for i := range 300 {
			ids = append(ids, h.addText(fmt.Sprint("Text ", i), "word"))
			if err := h.changeDetails(t.Context(), ids[i], Details{Project: new(fmt.Sprint("P", i%3))}); err != nil {
				t.Fatal(err)
			}
		}
		projects, err := h.Projects(t.Context(), View{WorkspaceID: workspace}, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		var seen atomic.Int64
		write := func(s *Store, r *rand.Rand, i int) error {
			id, ctx := ids[r.IntN(len(ids))], t.Context()
			switch r.IntN(5) {
			case 0:
				return s.changeDetails(ctx, id, Details{Title: new(fmt.Sprint("Text ", i))})
			case 1:
				return s.changeDetails(ctx, id, Details{Project: new(fmt.Sprint("P", r.IntN(3)))})
			case 2:
				p := projects[r.IntN(len(projects))]
				return s.Write(ctx, func(tx *Tx) error {
					n, err := tx.RenameProject(ctx, workspace, p.ID, fmt.Sprint("P", p.ID, i, r.IntN(1e9)))
					seen.Add(n)
					return err
				})
			case 3:
				(&harness{Store: s, t: t}).addText("New", "word")
				return nil
			}
			return s.Write(ctx, func(tx *Tx) error {
				e, err := tx.LockTranscription(ctx, workspace, id)
				if err != nil || r.IntN(10) > 0 {
					return err
				}
				return tx.DeleteTranscription(ctx, e)
			})
		}
		if missed := h.followChanges(cfg, *changeRounds, write); missed != 0 {
			t.Errorf("the readers missed %d transcriptions", missed)
		}
		t.Logf("%d changes by renamed projects", seen.Load())
	})
}

// TestCheckOfChangesFindsGaps: the check of TestReadersOfChangesMissNothing fails if writers do not
// take turns. On SQLite they always do.
func TestCheckOfChangesFindsGaps(t *testing.T) {
	cfg := Config{URL: testenv.Postgres(t)}
	h := newHarness(t, cfg, 0)
	for i := range 50 {
		h.addText(fmt.Sprint("Text ", i), "word")
	}
	unlocked := func(s *Store, r *rand.Rand, _ int) error {
		return s.Write(t.Context(), func(tx *Tx) error {
			time.Sleep(time.Duration(r.IntN(5)) * time.Millisecond)
			return tx.exec(t.Context(), `UPDATE transcriptions SET updated_at = $1
				WHERE seq = (SELECT seq FROM transcriptions ORDER BY random() LIMIT 1)`, toMillis(tx.Now))
		})
	}
	if missed := h.followChanges(cfg, 100, unlocked); missed == 0 {
		t.Error("the check did not notice that the writers do not take turns")
	}
}

// followChanges runs write in three writers, each with its own connections on PostgreSQL, and two
// readers that follow the changes. It returns how many transcriptions a reader has at another position
// than the database.
func (h *harness) followChanges(cfg Config, rounds int, write func(*Store, *rand.Rand, int) error) (missed int) {
	h.t.Helper()
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	seen := make([]map[string]int64, 2)
	for i := range seen {
		seen[i] = map[string]int64{}
		readers.Go(func() { h.follow(seen[i], done) })
	}
	for i := range 3 {
		s := h.Store
		if i > 0 && h.dialect == dialectPostgres {
			s = mustOpen(h.t, cfg)
		}
		r := rand.New(rand.NewPCG(uint64(i), 1))
		writers.Go(func() {
			for n := range rounds {
				if err := write(s, r, n); err != nil && memo.KindOf(err) != memo.KindNotFound &&
					memo.KindOf(err) != memo.KindConflict {
					h.t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	want := map[string]int64{}
	rows, err := h.write.Query(`SELECT id, updated_at FROM transcriptions`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			h.t.Fatal(err)
		}
		want[id] = at
	}
	for _, got := range seen {
		for id, at := range want {
			if got[id] != at {
				missed++
			}
			delete(got, id)
		}
		missed += len(got) // deleted, but the reader still has them
	}
	return missed
}

// follow reads changes into seen, the positions of transcriptions by id, until done is closed and
// there are no more.
func (h *harness) follow(seen map[string]int64, done <-chan struct{}) {
	var after ListPosition
	for last := false; ; {
		select {
		case <-done:
			last = true
		default:
		}
		page, err := h.Changes(context.Background(), View{WorkspaceID: workspace}, after, 50)
		if err != nil {
			h.t.Error(err)
			return
		}
		for _, c := range page {
			after = c.ListPosition
			if c.Item != nil {
				seen[c.ID] = c.Key
			} else {
				delete(seen, c.ID)
			}
		}
		if len(page) == 0 && last {
			return
		}
	}
}
