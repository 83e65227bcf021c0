package store

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// TestSpilledTextsAreSorted compares pages of a search with a sorted list: for texts of the same
// second, of neighbouring seconds, and of times before 1970, with more texts in a second than it
// has rowids, and after some of them were deleted.
func TestSpilledTextsAreSorted(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		s := mustOpen(t, cfg)
		rnd := rand.New(rand.NewPCG(1, 2))
		type text struct {
			seq, created int64
			id           string
		}
		var texts []text
		add := func(tx *Tx, n int, created func() int64) error {
			for range n {
				x := text{int64(len(texts) + 1), created(), fmt.Sprintf("%08x", rnd.Uint32())}
				if err := tx.exec(ctx, `INSERT INTO transcriptions
						(seq, id, workspace_id, status, duration_ms, created_at, char_count, item)
					VALUES ($1, $2, 'w', 'completed', 1, $3, 0, '{}')`, x.seq, x.id, x.created); err != nil {
					return err
				}
				if err := tx.index(ctx, x.seq, prepareTerms(s.dialect, "w", titled("Zebra"))); err != nil {
					return err
				}
				texts = append(texts, x)
			}
			return nil
		}
		if err := s.Write(ctx, func(tx *Tx) error {
			w := memo.Workspace{ID: "w", Name: "w", Plan: memo.PlanPro, CreatedAt: tx.Now}
			if err := tx.AddWorkspace(ctx, w); err != nil {
				return err
			}
			for _, c := range []struct {
				n       int
				created func() int64
			}{
				{50, func() int64 { return 100_000 + rnd.Int64N(400_000) }},
				{3*rowsPerSecond + 10, func() int64 { return 200_000 + rnd.Int64N(1000) }},
				{50, func() int64 { return 200_000 + rnd.Int64N(8_000) }},
				{rowsPerSecond + 10, func() int64 { return rnd.Int64N(40) - 20 }},
			} {
				if err := add(tx, c.n, c.created); err != nil {
					return err
				}
			}
			for i := len(texts) - 1; i >= 0; i -= 7 {
				if err := tx.unindex(ctx, texts[i].seq); err != nil {
					return err
				}
				if err := tx.exec(ctx, `DELETE FROM transcriptions WHERE seq = $1`, texts[i].seq); err != nil {
					return err
				}
				texts = slices.Delete(texts, i, i+1)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(texts, func(a, b text) int {
			return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.id, b.id))
		})
		for _, descending := range []bool{false, true} {
			for _, period := range [][2]int64{{}, {200_000, 201_000}, {199_999, 203_500}, {-5, 1}} {
				f := Filter{WorkspaceID: "w", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("zebra")}
				want := slices.Clone(texts)
				if period[1] != 0 {
					f.From, f.To = time.UnixMilli(period[0]), time.UnixMilli(period[1])
					want = slices.DeleteFunc(want, func(x text) bool { return x.created < period[0] || x.created >= period[1] })
				}
				if descending {
					slices.Reverse(want)
				}
				if total, err := s.Count(ctx, f); err != nil || total.N != len(want) {
					t.Errorf("%v: the total is %+v (%v), want %d", period, total, err, len(want))
				}
				for _, limit := range []int{7, 100} {
					var byCursor, byOffset []int64
					var after *ListPosition
					for offset := 0; offset < len(want)+limit; offset += limit {
						o := Order{ByCreated, descending}
						page, err := s.List(ctx, f, o, Range{Limit: limit, After: after})
						skipped, err2 := s.List(ctx, f, o, Range{Limit: limit, Offset: offset})
						if err != nil || err2 != nil {
							t.Fatal(err, err2)
						}
						for _, it := range page {
							byCursor, after = append(byCursor, it.seq), &it.ListPosition
						}
						for _, it := range skipped {
							byOffset = append(byOffset, it.seq)
						}
					}
					var seqs []int64
					for _, x := range want {
						seqs = append(seqs, x.seq)
					}
					if !slices.Equal(byCursor, seqs) || !slices.Equal(byOffset, seqs) {
						t.Errorf("period %v, descending %v, limit %d: %d by cursor, %d by offset, want %d in order",
							period, descending, limit, len(byCursor), len(byOffset), len(seqs))
					}
				}
			}
		}
	})
}
