package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"modernc.org/sqlite"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// visits counts the calls of the SQL function visited, which wantVisits adds to a query: one for
// each row that the query reads.
var visits atomic.Int64

func init() {
	if err := sqlite.RegisterScalarFunction("visited", 1,
		func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
			visits.Add(1)
			return int64(1), nil
		}); err != nil {
		panic(err)
	}
}

// archive is a database with n transcriptions in the workspace "a". Each consists only of a row
// and search terms. Each has a term that starts with pri and one that starts with con. One in ten
// also has the term pricing, and one in a thousand has quokka. The workspace "b" has a tenth of
// that number, with the same terms.
type archive struct {
	*Store
	n int
}

const (
	spacing = 60_000 // milliseconds between neighbouring creation times
	// bulkSQL makes the numbers from 1 to $1, and createdSQL a creation time of each. PostgreSQL would
	// calculate with 32 bits, which are too few for 36,000 times.
	bulkSQL    = `WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	createdSQL = `(i * 7919 % $1) * 60000`
)

func newArchive(t testing.TB, cfg Config, n int) *archive {
	t.Helper()
	ctx := t.Context()
	s, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	err = s.Write(ctx, func(tx *Tx) error {
		for k, w := range []string{"a", "b"} {
			if err := tx.AddWorkspace(ctx, memo.Workspace{ID: w, Name: w, Plan: memo.PlanPro, CreatedAt: tx.Now}); err != nil {
				return err
			}
			if err := tx.exec(ctx, `INSERT INTO projects (id, workspace_id, name, created_at) VALUES ($1, $2, 'P', 1)`, "p"+w,
				w); err != nil {
				return err
			}
			seq, count := fmt.Sprintf("%d + i", k*n), n
			if k > 0 {
				count = n/10 + 1
			}
			// Both workspaces have texts of the same seconds.
			column, rowid := "", fmt.Sprintf("(i * 7919 %% $1) * %d + %d", spacing/1000*rowsPerSecond, k)
			into, tag, suffix := `search_index (rowid, body) SELECT `+rowid+`, `, workspaceTag(w), ``
			if s.dialect == dialectPostgres {
				into, tag = `transcription_search (seq, terms) SELECT `+seq+`, CAST('`+workspaceTerm(w)+` ' || `, ""
				rowid, suffix = "", ` AS tsvector)`
			} else {
				column, rowid = ", search_rowid", ", "+rowid
			}
			if err := tx.exec(ctx, bulkSQL+`INSERT INTO transcriptions
					(seq, id, workspace_id, project_id, status, language, external_id, duration_ms, created_at, char_count,
					item`+column+`)
				SELECT `+seq+`, '`+w+`' || CAST(1000000 + i AS TEXT), '`+w+`', CASE WHEN i % 3 = 0 THEN 'p`+w+`' END, 'completed',
					CASE WHEN i % 2 = 0 THEN 'en' ELSE 'de' END, CASE WHEN i % 5 = 0 THEN 'crm-' || CAST(i % 50 AS TEXT) END,
					i * 37 % 1000 * 1000, `+createdSQL+`, 0, '{}'`+rowid+` FROM n`, count); err != nil {
				return err
			}
			if err := tx.exec(ctx, bulkSQL+`INSERT INTO `+into+
				`'`+tag+`pri' || CAST(i % 700 AS TEXT) || ' `+tag+`con' || CAST(i % 300 AS TEXT)
				|| CASE WHEN i % 10 = 3 THEN ' `+tag+`pricing' ELSE '' END
				|| CASE WHEN i % 1000 = 7 THEN ' `+tag+`quokka' ELSE '' END`+suffix+` FROM n ORDER BY 1`, count); err != nil {
				return err
			}
			if err := tx.exec(ctx, `INSERT INTO transcription_speakers
					(seq, folded, name, workspace_id, created_at, duration_ms, id)
				SELECT seq, 'zoe', 'Zoë', workspace_id, created_at, duration_ms, id FROM transcriptions
				WHERE workspace_id = $1 AND CAST(substr(id, 2) AS BIGINT) % 4 = 0`, w); err != nil {
				return err
			}
			if err := tx.exec(ctx, `UPDATE workspaces SET counted_version = -1 WHERE id = $1`, w); err != nil {
				return err
			}
			if err := tx.recount(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.dialect == dialectPostgres {
		if _, err := s.write.Exec(`ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
	return &archive{s, n}
}

// matches returns the numbers of the transcriptions that f selects, by the rules of
// newArchive.
func (a *archive) matches(f Filter, query string) (found []int) {
	for i := 1; i <= a.n; i++ {
		created := time.UnixMilli(int64(i * 7919 % a.n * spacing))
		if query == "pricing" && i%10 != 3 || query == "quokka" && i%1000 != 7 ||
			f.ProjectIDs != nil && i%3 != 0 || f.Speaker != "" && i%4 != 0 ||
			f.Language != "" && i%2 != 0 || f.ExternalID != "" && (i%5 != 0 || i%50 != 5) ||
			!f.From.IsZero() && created.Before(f.From) || !f.To.IsZero() && !created.Before(f.To) {
			continue
		}
		found = append(found, i)
	}
	return found
}

// sorted sorts the numbers of transcriptions and returns their ids.
func (a *archive) sorted(numbers []int, o Order) (ids []string) {
	key := func(i int) int {
		if o.By == ByDuration {
			return i * 37 % 1000
		}
		return i * 7919 % a.n
	}
	slices.SortFunc(numbers, func(i, j int) int { return cmp.Or(cmp.Compare(key(i), key(j)), cmp.Compare(i, j)) })
	if o.Descending {
		slices.Reverse(numbers)
	}
	for _, i := range numbers {
		ids = append(ids, "a"+strconv.Itoa(1000000+i))
	}
	return ids
}

// eachFilter calls f with every subset of the filters of a list.
func eachFilter(n int, f func(name string, f Filter)) {
	for set := range 1 << 6 {
		in, name := Filter{WorkspaceID: "a", Status: memo.StatusCompleted}, ""
		for bit, add := range []struct {
			name string
			to   func()
		}{
			{"project ", func() { in.ProjectIDs = []string{"pa"} }},
			{"language ", func() { in.Language = "en" }},
			{"external ", func() { in.ExternalID = "crm-5" }},
			{"speaker ", func() { in.Speaker = "ZOË" }},
			{"from ", func() { in.From = time.UnixMilli(int64(n / 4 * spacing)) }},
			{"to ", func() { in.To = time.UnixMilli(int64(n / 4 * 3 * spacing)) }},
		} {
			if set>>bit&1 == 1 {
				add.to()
				name += add.name
			}
		}
		f(name, in)
	}
}

var everyOrder = []Order{
	{ByCreated, true},
	{ByCreated, false},
	{ByDuration, true},
	{ByDuration, false},
	{ByRelevance, false},
}

// wantFTSFirst fails unless the plan starts each of its searches with FTS5, and reads only the
// index of hits for what it finds. With walk, FTS5 must find the hits in the order of their
// rowids, from the end if it is descending.
func (a *archive) wantFTSFirst(t *testing.T, query string, args []any, walk *Order) {
	t.Helper()
	fts := regexp.MustCompile(`^SCAN x VIRTUAL TABLE INDEX (\d+):M3[<>]*$`)
	allowed := regexp.MustCompile(
		`^SEARCH t USING COVERING INDEX transcriptions_search \(search_rowid=\? AND workspace_id=\?|` +
			`^SEARCH transcriptions USING INDEX transcriptions_spilled \(workspace_id=\?\)$|` +
			`^SEARCH s EXISTS USING PRIMARY KEY \(seq=\? AND folded=\?\)$|` +
			`^SEARCH transcriptions USING COVERING INDEX transcriptions_created \(workspace_id=\? AND status[<>]\?\)$|` +
			`^SCAN c$|^SCAN r$|^SEARCH \(subquery-\d+\)$`)
	plan, first, directions := planOf(t, a.Store, query, args), "", []string{}
	for line := range strings.Lines(plan) {
		line = strings.TrimSpace(line)
		m := fts.FindStringSubmatch(line)
		if m != nil {
			directions = append(directions, m[1])
		}
		if read := strings.HasPrefix(line, "SCAN ") || strings.HasPrefix(line, "SEARCH "); !read {
			continue
		}
		first = cmp.Or(first, line)
		if m == nil && !allowed.MatchString(line) {
			t.Fatalf("%q in the plan of\n%s\n%s", line, query, plan) // fatal: running the query could take hours
		}
	}
	want := []string{"0"}
	switch {
	case walk == nil:
	case walk.By == ByRelevance:
		want = []string{"192"} // FTS5_BI_ORDER_ROWID and FTS5_BI_ORDER_DESC
	case walk.By == ByCreated && walk.Descending:
		want = []string{"0", "192"}
	case walk.By == ByCreated:
		want = []string{"0", "64"}
	}
	if !slices.Equal(directions, want) || walk != nil && walk.By != ByRelevance && !fts.MatchString(first) {
		t.Fatalf("FTS5 is asked for %v, want %v, in the plan of\n%s\n%s", directions, want, query, plan)
	}
}

// wantVisits runs a query and fails if it reads more hits of the index than it may.
func (a *archive) wantVisits(t *testing.T, query string, args []any, most int) {
	t.Helper()
	visits.Store(0)
	const match = " WHERE search_index MATCH "
	query = strings.ReplaceAll(query, match, " WHERE visited(x.rowid) AND search_index MATCH ")
	rows, err := a.write.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		continue
	}
	if n := visits.Load(); rows.Err() != nil || n == 0 || n > int64(most) {
		t.Errorf("the query reads %d hits, want at most %d (%v)", n, most, rows.Err())
	}
}

// BenchmarkSearch counts and lists the hits of rare and of common terms in a workspace of 100,000
// transcriptions. It also reports the CPU time, which depends less on the load of the machine.
func BenchmarkSearch(b *testing.B) {
	a := newArchive(b, Config{Dir: b.TempDir()}, 100_000)
	for _, query := range []string{"quokka", "pricing", "pri", "pri1", "pri con", "quokka pri"} {
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery(query)}
		for name, run := range map[string]func(ctx context.Context) error{
			"count": func(ctx context.Context) error { _, err := a.Count(ctx, f); return err },
			"newest": func(ctx context.Context) error {
				_, err := a.List(ctx, f, Order{ByCreated, true}, Range{Limit: 20})
				return err
			},
			"best": func(ctx context.Context) error {
				_, err := a.List(ctx, f, Order{By: ByRelevance}, Range{Limit: 20})
				return err
			},
		} {
			b.Run(query+"/"+name, func(b *testing.B) {
				start := cpuTime()
				for b.Loop() {
					if err := run(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((cpuTime()-start).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// cpuTime returns the CPU time that this process has used.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
