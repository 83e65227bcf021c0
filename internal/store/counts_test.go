package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/zipstream"
)

// countedStart is on a day before 1970, where division would round up.
var countedStart = time.Date(1969, 12, 30, 23, 0, 0, 0, time.UTC)

// addShort adds a short transcription to a project, in a language, on one of five days.
func addShort(ctx context.Context, s *Store, tx *Tx, r *rand.Rand) (id string, err error) {
	doc := &memo.Transcription{ListItem: memo.ListItem{
		Title: "Short", Status: memo.Statuses[r.IntN(2)], CreatedAt: countedStart.Add(time.Duration(r.IntN(100)) * time.Hour),
		Speakers: []memo.Speaker{{Name: "Ann"}, {Name: "Zoë"}}[:r.IntN(3)],
		Language: []memo.Optional{"", "de", "en"}[r.IntN(3)], ExternalID: []memo.Optional{"", "crm-5"}[r.IntN(2)],
	}}
	if n := r.IntN(3); n > 0 {
		doc.Project = &memo.ProjectRef{Name: fmt.Sprint("P", n)}
	}
	p, err := s.Prepare(NewTranscription{
		Doc: doc, WorkspaceID: workspace, Markdown: zipstream.Deflated{Data: []byte{3, 0}},
	})
	if err != nil {
		return "", err
	}
	added, err := tx.AddTranscriptions(ctx, p)
	if err != nil {
		return "", err
	}
	return added[0].ID, nil
}

// wantCounts compares the totals of every filter, and of the projects, with the rows. If valid is
// set, the numbers of the workspace must be valid.
func (h *harness) wantCounts(when string, valid bool) {
	h.t.Helper()
	ctx := h.t.Context()
	projects, err := h.Projects(ctx, wholeWorkspace, 10, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, p := range projects {
		total, err := h.counted(ctx, Filter{WorkspaceID: workspace, Status: memo.StatusCompleted, ProjectIDs: []string{p.ID}})
		if err != nil || p.TranscriptionCount != total {
			h.t.Errorf("%s: project %s has %d transcriptions, want %d (%v)", when, p.Name, p.TranscriptionCount, total, err)
		}
	}
	eachFilter(0, func(name string, f Filter) {
		f.WorkspaceID = workspace
		if f.ProjectIDs != nil {
			f.ProjectIDs = []string{projects[0].ID}
		}
		if !f.From.IsZero() {
			f.From = time.UnixMilli(-dayMillis)
		}
		if !f.To.IsZero() {
			f.To = time.UnixMilli(2 * dayMillis)
		}
		for _, f.Status = range memo.Statuses {
			want, err := h.counted(ctx, f)
			got, bad := h.Count(ctx, f)
			if err = errors.Join(err, bad); err != nil || got.N != want || got.More {
				h.t.Errorf("%s: %s%s: counted %+v, want %d (%v)", when, f.Status, name, got, want, err)
			}
			if !f.isCounted() {
				continue
			}
			query, args := f.sumQuery()
			if err := h.dataReader.q.QueryRowContext(ctx, query, args...).Scan(&got.N); (err == nil) != valid {
				h.t.Errorf("%s: %s%s: the sum is %v, want valid: %v", when, f.Status, name, err, valid)
			}
		}
	})
}

// counted counts rows.
func (s *Store) counted(ctx context.Context, f Filter) (n int, err error) {
	query, args := s.countQuery(f)
	err = s.dataReader.q.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}

// TestCountsFollowTheContent adds, moves and deletes transcriptions, several at a time, over two
// stores on one database.
func TestCountsFollowTheContent(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, ctx := newHarness(t, cfg, 0), t.Context()
		// With the projects there, no transaction waits for one that another is about to add.
		if err := h.Write(ctx, func(tx *Tx) error {
			_, err := tx.projectNamed(ctx, workspace, "P1")
			_, bad := tx.projectNamed(ctx, workspace, "P2")
			return errors.Join(err, bad)
		}); err != nil {
			t.Fatal(err)
		}
		var work sync.WaitGroup
		for i, s := range []*Store{h.Store, mustOpen(t, cfg)} {
			work.Go(func() {
				r, ids := rand.New(rand.NewPCG(1, uint64(i))), []string{}
				for range 30 {
					if err := s.Write(ctx, func(tx *Tx) error { return change(ctx, s, tx, r, &ids) }); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		work.Wait()
		h.wantCounts("after the changes", true)

		b := backUp(t, h.Store)
		if _, err := h.Restore(ctx, b, false, nil); err != nil {
			t.Fatal(err)
		}
		h.wantCounts("after a restore", false)
		if found, err := h.Recount(ctx); !found || err != nil {
			t.Fatalf("recount after a restore: %v, %v", found, err)
		}
		h.wantCounts("after counting the restored rows", true)
		p, err := h.Project(ctx, workspace, "P1")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Write(ctx, func(tx *Tx) error {
			_, err := tx.DeleteProject(ctx, workspace, p.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.wantCounts("after a project was deleted", true)

		// A replica of the previous version.
		index := `transcription_search`
		if h.dialect == dialectSQLite {
			index = `search_index`
		}
		mustExec(t, h.Store, `DELETE FROM `+index, `DELETE FROM transcripts`,
			`DELETE FROM transcriptions WHERE seq % 3 = 0`, `UPDATE workspaces SET content_version = content_version + 1`)
		h.wantCounts("after an old replica has deleted some", false)
		if found, err := h.Recount(ctx); !found || err != nil {
			t.Fatal(found, err)
		}
		h.wantCounts("after counting again", true)
		if found, err := h.Recount(ctx); found || err != nil {
			t.Errorf("there is more to count: %v, %v", found, err)
		}
	})
}

// change adds two transcriptions, or moves and deletes one of ids.
func change(ctx context.Context, s *Store, tx *Tx, r *rand.Rand, ids *[]string) error {
	if len(*ids) < 5 || r.IntN(3) > 0 {
		for range 2 {
			id, err := addShort(ctx, s, tx, r)
			if err != nil {
				return err
			}
			*ids = append(*ids, id)
		}
		return nil
	}
	e, err := tx.LockTranscription(ctx, workspace, (*ids)[0])
	if err != nil {
		return err
	}
	details := Details{Project: new([]string{"", "P1", "P2"}[r.IntN(3)]), Language: new([]string{"", "de"}[r.IntN(2)])}
	if _, err := tx.UpdateDetails(ctx, e, NewDetails{Details: details}); err != nil || r.IntN(2) == 0 {
		return err
	}
	*ids = (*ids)[1:]
	return tx.DeleteTranscription(ctx, e)
}

// TestMigratedDatabaseIsCounted: opening a database of the previous version does not wait for the count,
// because a command that revokes a key opens it too.
func TestMigratedDatabaseIsCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		fillOld(t, upTo(t, cfg, 8))
		s := mustOpen(t, cfg)
		f := Filter{WorkspaceID: "w", Status: memo.StatusCompleted, ProjectIDs: []string{"p"}}
		if total, err := s.Count(t.Context(), f); err != nil || total.N != 1 {
			t.Errorf("before the count: %+v (%v), want 1", total, err)
		}
		for found := true; found; {
			var err error
			if found, err = s.Recount(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		query, args := f.sumQuery()
		var n int
		if err := s.write.QueryRow(query, args...).Scan(&n); err != nil || n != 1 {
			t.Errorf("the number is %d (%v), want 1", n, err)
		}
	})
}

// TestTotalsAreSums: the plan of a total reads a range of transcription_counts, and nothing else
// that grows.
func TestTotalsAreSums(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir()})
	eachFilter(0, func(name string, f Filter) {
		if f.ExternalID != "" || f.Speaker != "" {
			return
		}
		query, args := f.sumQuery()
		explain(t, s, query, args)
		if !f.isCounted() {
			t.Errorf("%s: the total is not a sum", name)
		}
	})
}

// TestCountsOfManyGroups: a transaction can change more groups than one statement, and empty ones are
// deleted.
func TestCountsOfManyGroups(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, ctx, n := newHarness(t, cfg, 0), t.Context(), 3*maxGroups/2 // groups of a day
		change := func(delta int64) {
			t.Helper()
			if err := h.Write(ctx, func(tx *Tx) error {
				for day := range n {
					tx.addToCounts(countGroup{workspaceID: workspace, status: memo.StatusCompleted, day: int64(day)}, delta)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		change(2)
		change(-1)
		query, args := Filter{
			WorkspaceID: workspace, Status: memo.StatusCompleted, From: time.UnixMilli(dayMillis),
		}.sumQuery()
		var sum int
		if err := h.write.QueryRow(query, args...).Scan(&sum); err != nil || sum != n-1 {
			t.Errorf("the sum from the second day on is %d (%v), want %d", sum, err, n-1)
		}
		change(-1)
		if rows := h.count("transcription_counts"); rows != 0 {
			t.Errorf("%d rows without a transcription are left", rows)
		}
		groups := []countGroup{{workspaceID: "a", day: 1}, {workspaceID: "a", day: 2}, {workspaceID: "b"}}
		query, args = deleteEmptyQuery(groups)
		if cfg.URL == "" { // PostgreSQL scans a small table, whatever its indexes are
			explain(t, h.Store, query, args)
		}
	})
}

// BenchmarkTotal compares the total of a list as a sum with counting its rows, in a workspace of
// 100,000 transcriptions on 70 days. It also reports the CPU time.
func BenchmarkTotal(b *testing.B) {
	a := newArchive(b, Config{Dir: b.TempDir()}, 100_000)
	all := Filter{WorkspaceID: "a", Status: memo.StatusCompleted}
	filtered := all
	filtered.Language, filtered.From, filtered.To = "en", time.UnixMilli(10*dayMillis), time.UnixMilli(60*dayMillis)
	for name, run := range map[string]func() error{
		"all/sum":      func() error { _, err := a.Count(b.Context(), all); return err },
		"all/count":    func() error { _, err := a.counted(b.Context(), all); return err },
		"filter/sum":   func() error { _, err := a.Count(b.Context(), filtered); return err },
		"filter/count": func() error { _, err := a.counted(b.Context(), filtered); return err },
		"projects":     func() error { _, err := a.Projects(b.Context(), View{WorkspaceID: "a"}, 20, 0); return err },
	} {
		b.Run(name, func(b *testing.B) {
			start := cpuTime()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime()-start).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}
