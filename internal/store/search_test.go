package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"modernc.org/sqlite"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// visits counts the calls of the SQL function visited, one for each row that a
// query looks at.
var visits atomic.Int64

func init() {
	if err := sqlite.RegisterScalarFunction("visited", 1, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		visits.Add(1)
		return int64(1), nil
	}); err != nil {
		panic(err)
	}
}

// archive is a database with many texts that are only rows and terms. Text i of n is
// of the workspace "a" and has the words pri…, con…, a tenth of them pricing and a
// thousandth quokka. The workspace "b" has a tenth as many, with the same words.
type archive struct {
	*Store
	n int
}

const (
	quarters = 60_000 // milliseconds from one text to the next in the order of created_at
	bulkSQL  = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
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
			if err := tx.exec(ctx, `INSERT INTO projects (id, workspace_id, name, created_at) VALUES ($1, $2, 'P', 1)`, "p"+w, w); err != nil {
				return err
			}
			seq, many := fmt.Sprintf("%d + i", k*n), n
			if k > 0 {
				many = n/10 + 1
			}
			if err := tx.exec(ctx, bulkSQL+`INSERT INTO transcriptions
					(seq, id, workspace_id, project_id, status, language, external_id, duration_ms, created_at, char_count, item)
				SELECT `+seq+`, '`+w+`' || CAST(1000000 + i AS TEXT), '`+w+`', CASE WHEN i % 3 = 0 THEN 'p`+w+`' END, 'completed',
					CASE WHEN i % 2 = 0 THEN 'en' ELSE 'de' END, CASE WHEN i % 5 = 0 THEN 'crm-' || CAST(i % 50 AS TEXT) END,
					i * 37 % 1000 * 1000, (i * 7919 % $1) * 60000, 0, '{}' FROM n`, many); err != nil {
				return err
			}
			into, tag, place := `(rowid, body) SELECT `+seq+`, `, workspaceTag(w), ``
			if s.dialect == dialectPostgres {
				into, tag, place = `(seq, terms) SELECT `+seq+`, CAST('`+scopeTerm(w)+` ' || `, "", ` AS tsvector)`
			}
			if err := tx.exec(ctx, bulkSQL+`INSERT INTO transcription_search `+into+`'`+tag+`pri' || CAST(i % 700 AS TEXT) || ' `+tag+`con' || CAST(i % 300 AS TEXT)
				|| CASE WHEN i % 10 = 3 THEN ' `+tag+`pricing' ELSE '' END || CASE WHEN i % 1000 = 7 THEN ' `+tag+`quokka' ELSE '' END`+place+` FROM n`, many); err != nil {
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

// matches are the numbers of the texts that f chooses, by the rules of newArchive.
func (a *archive) matches(f Filter, query string) (found []int) {
	for i := 1; i <= a.n; i++ {
		created := time.UnixMilli(int64(i * 7919 % a.n * quarters))
		if query == "pricing" && i%10 != 3 || query == "quokka" && i%1000 != 7 ||
			f.ProjectID != "" && i%3 != 0 || f.Language != "" && i%2 != 0 || f.ExternalID != "" && (i%5 != 0 || i%50 != 5) ||
			!f.From.IsZero() && created.Before(f.From) || !f.To.IsZero() && !created.Before(f.To) {
			continue
		}
		found = append(found, i)
	}
	return found
}

// sorted puts numbers of texts into an order, and returns their ids.
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
	for set := range 1 << 5 {
		in, name := Filter{WorkspaceID: "a", Status: memo.StatusCompleted}, ""
		for bit, add := range []struct {
			name string
			to   func()
		}{
			{"project ", func() { in.ProjectID = "pa" }},
			{"language ", func() { in.Language = "en" }},
			{"external ", func() { in.ExternalID = "crm-5" }},
			{"from ", func() { in.From = time.UnixMilli(int64(n / 4 * quarters)) }},
			{"to ", func() { in.To = time.UnixMilli(int64(n / 4 * 3 * quarters)) }},
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

// TestSearchesFindWhatTheyShould: in every order, with every set of filters.
func TestSearchesFindWhatTheyShould(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 3_000)
		eachFilter(a.n, func(name string, f Filter) {
			for _, query := range []string{"", "pricing"} {
				f.Search, f.Query = query != "", search.Query(query)
				numbers := a.matches(f, query)
				if total, err := a.Count(t.Context(), f); err != nil || total != (Total{N: len(numbers)}) {
					t.Errorf("%s%q has %+v texts (%v), want %d", name, query, total, err, len(numbers))
				}
				for _, o := range everyOrder {
					if o.By == ByRelevance && query == "" {
						continue
					}
					items, err := a.List(t.Context(), f, o, Page{Limit: 20})
					var got []string
					for _, it := range items {
						got = append(got, it.ID)
					}
					want := a.sorted(numbers, o)
					if o.By == ByRelevance { // all have the word once, and the same number of words
						slices.Sort(want)
						slices.Reverse(want)
					}
					want = want[:min(20, len(want))]
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("%s%q %v: %v\ngot  %v\nwant %v", name, query, o, err, got, want)
					}
				}
			}
		})
	})
}

// TestPlansOfSQLite: a search asks FTS5 once and reads a row of transcriptions for
// each of its hits, and for nothing else. A list reads one stretch of one index.
func TestPlansOfSQLite(t *testing.T) {
	a := newArchive(t, Config{Dir: t.TempDir()}, 20_000)
	eachFilter(a.n, func(name string, f Filter) {
		for _, query := range []string{"", "quokka", "pricing pri"} {
			if query == "pricing pri" && name != "from " {
				continue // many hits take their time
			}
			f.Search, f.Query = query != "", search.Query(query)
			hits := int64(len(a.matches(f, "pricing")))
			if f.Search {
				word, _, _ := strings.Cut(query, " ")
				hits = int64(len(a.matches(Filter{}, word)))
			}
			for _, o := range everyOrder {
				if o.By == ByRelevance && query == "" {
					continue
				}
				for _, p := range []Page{{Limit: 20}, {Limit: 20, Offset: 5}, {Limit: 20, After: &Position{1000, "a"}}} {
					if o.By == ByRelevance && p.After != nil {
						continue
					}
					t.Run(fmt.Sprintf("%s%q %v %v", name, query, o, p), func(t *testing.T) {
						chosen, _, args := a.choose(f, o, p)
						if f.Search {
							a.wantFTSFirst(t, chosen, args)
							a.wantVisits(t, chosen, args, hits)
						} else if f.ExternalID == "" || o.By == ByCreated {
							explain(t, a.Store, chosen, args)
						}
						whole, args := a.listQuery(f, o, p)
						if plan := planOf(t, a.Store, whole, args); strings.Contains(plan, "SCAN t") || strings.Contains(plan, "SCAN p") {
							t.Errorf("a table is scanned:\n%s", plan)
						}
					})
				}
			}
			count, args := a.countQuery(f)
			if f.Search {
				a.wantFTSFirst(t, count, args)
				a.wantVisits(t, count, args, hits)
			} else {
				explain(t, a.Store, count, args)
			}
		}
	})
}

// wantFTSFirst fails unless FTS5 is asked once, and its rows are looked up by rowid.
func (a *archive) wantFTSFirst(t *testing.T, query string, args []any) {
	t.Helper()
	var steps []string
	for line := range strings.Lines(planOf(t, a.Store, query, args)) {
		if strings.HasPrefix(line, "SCAN x ") || strings.HasPrefix(line, "SEARCH ") {
			steps = append(steps, strings.TrimSpace(line))
		}
	}
	if len(steps) != 2 || !strings.HasPrefix(steps[0], "SCAN x VIRTUAL TABLE INDEX ") || strings.Contains(steps[0], "=") ||
		steps[1] != "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)" {
		t.Fatalf("the plan is %q of\n%s", steps, query) // to run it could take hours
	}
}

// wantVisits runs a query and fails when it looks at more rows of transcriptions
// than the words have hits.
func (a *archive) wantVisits(t *testing.T, query string, args []any, hits int64) {
	t.Helper()
	visits.Store(0)
	rows, err := a.write.Query(strings.Replace(query, " WHERE ", " WHERE visited(t.seq) AND ", 1), args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		continue
	}
	if n := visits.Load(); rows.Err() != nil || n == 0 || n > hits {
		t.Errorf("looks at %d rows for %d hits (%v)", n, hits, rows.Err())
	}
}

// TestSearchOfManyHits: totals and ranks are bounded, pages are not.
func TestSearchOfManyHits(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		const n = 12_000
		a := newArchive(t, cfg, n)
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.Query("pri")}
		if total, err := a.Count(t.Context(), f); err != nil || total != (Total{N: 10_000, More: true}) {
			t.Errorf("a search has %+v hits, %v", total, err)
		}
		exact := f
		exact.Search = false
		if total, err := a.Count(t.Context(), exact); err != nil || total != (Total{N: n}) {
			t.Errorf("a list has %+v texts, %v", total, err)
		}
		o := Order{By: ByCreated, Descending: true}
		items, err := a.List(t.Context(), f, o, Page{Limit: 10, Offset: 11_000})
		var got []string
		for _, it := range items {
			got = append(got, it.ID)
		}
		if want := a.sorted(a.matches(f, "pri"), o)[11_000:11_010]; err != nil || !slices.Equal(got, want) {
			t.Errorf("after the total: %v, %v, want %v", got, err, want)
		}
		seen := map[string]bool{}
		for offset := 0; offset < n; offset += 3_500 { // one page has ranked hits and others
			items, err := a.List(t.Context(), f, Order{By: ByRelevance}, Page{Limit: 3_500, Offset: offset})
			if want := min(3_500, n-offset); err != nil || len(items) != want {
				t.Fatalf("by relevance from %d: %d items, want %d (%v)", offset, len(items), want, err)
			}
			for _, it := range items {
				if seen[it.ID] {
					t.Fatalf("by relevance from %d: %s comes twice", offset, it.ID)
				}
				seen[it.ID] = true
			}
		}
	})
}

// TestASearchIsOfOneWorkspace: also where the tags of two are the same.
func TestASearchIsOfOneWorkspace(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 10)
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.Query("zebra")}
		ctx := t.Context()
		if err := a.Write(ctx, func(tx *Tx) error {
			for _, seq := range []int64{1, 11} { // of a, and of b under the tag of a
				if err := tx.unindex(ctx, seq); err != nil {
					return err
				}
				if err := tx.index(ctx, seq, prepareTerms(a.dialect, "a", memo.Transcription{Title: "Zebra"}, nil)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		items, err := a.List(ctx, f, Order{By: ByRelevance}, Page{Limit: 10})
		if err != nil || len(items) != 1 || items[0].ID != "a1000001" {
			t.Errorf("%v %v", items, err)
		}
		f.WorkspaceID = "b"
		if total, err := a.Count(ctx, f); err != nil || total.N != 0 {
			t.Errorf("the other workspace finds %+v, %v", total, err)
		}
	})
}

// TestShortPrefixesAreInThePrefixIndex: it takes so many characters as the shortest
// open word of a query has with its tag.
func TestShortPrefixesAreInThePrefixIndex(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir()})
	var ddl string
	if err := s.write.QueryRow(`SELECT sql FROM sqlite_master WHERE name = 'transcription_search'`).Scan(&ddl); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"pri", "при", "会", "ก"} {
		term := search.Query(q)[0]
		if n := utf8.RuneCountInString(tagged(workspaceTag("a"), term.Text)); !term.Prefix || !strings.Contains(ddl, fmt.Sprintf("prefix='%d'", n)) {
			t.Errorf("%q has %d characters with its tag, the index is\n%s", q, n, ddl)
		}
	}
	if search.Query("pr")[0].Prefix {
		t.Error("two letters are a prefix, and no index serves it")
	}
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 2)
		ctx := t.Context()
		if err := a.Write(ctx, func(tx *Tx) error {
			if err := tx.unindex(ctx, 1); err != nil {
				return err
			}
			return tx.index(ctx, 1, prepareTerms(a.dialect, "a", memo.Transcription{Title: "Pricing 来年の予算 00会"}, nil))
		}); err != nil {
			t.Fatal(err)
		}
		for q, want := range map[string]int{"pricin": 1, "来": 1, "来年": 1, "年の予": 1, "算": 1, "00": 1, "000": 0, "会": 1, "00会": 1, "予年": 0} {
			f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.Query(q)}
			if total, err := a.Count(ctx, f); err != nil || total.N != want {
				t.Errorf("%q finds %+v, %v, want %d", q, total, err, want)
			}
		}
	})
}

// TestTermsOfOneText: a long text leaves out repeated terms first, then the last.
func TestTermsOfOneText(t *testing.T) {
	said := func(from, n int) []memo.Segment {
		var segments []memo.Segment
		for i := from; i < from+n; i++ {
			segments = append(segments, memo.Segment{Text: "w" + strconv.Itoa(i)})
		}
		return segments
	}
	for name, tc := range map[string]struct {
		segments    []memo.Segment
		want        int
		first, last string
	}{
		"as many as fit":       {said(0, maxTerms-2), maxTerms - 2, "w0", "w49997"},
		"as many, repeated":    {slices.Concat(said(0, 100), said(0, maxTerms-102)), maxTerms - 2, "w0", "w49897"},
		"one more, a repeated": {slices.Concat(said(0, 1), said(0, maxTerms-2)), maxTerms - 2, "w0", "w49997"},
		"a few, repeated":      {slices.Concat(slices.Repeat(said(7, 100), 1000), said(0, 2)), 102, "w7", "w1"},
		"more than fit":        {said(0, 3*maxTerms), maxTerms - 2, "w0", "w49997"},
		"one of the title":     {append(said(0, maxTerms-2), memo.Segment{Text: "title"}), maxTerms - 2, "w0", "w49997"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := memo.Transcription{Title: "Title", Summary: "Summary"}
			terms := prepareTerms(dialectSQLite, "a", doc, tc.segments)
			tag := workspaceTag("a")
			body := strings.Fields(terms.body)
			if terms.title != tag+"title " || terms.summary != tag+"summary " || len(body) != tc.want || body[0] != tag+tc.first || body[len(body)-1] != tag+tc.last {
				t.Errorf("%q %q, %d terms from %s to %s", terms.title, terms.summary, len(body), body[0], body[len(body)-1])
			}
		})
	}
}

// TestPostgreSQLPlansEverySearch: none is prepared, or it would get a plan for no
// words in particular. Lists are prepared.
func TestPostgreSQLPlansEverySearch(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		if cfg.URL == "" {
			t.Skip("SQLite makes one plan for each text")
		}
		cfg.MaxConns = 1
		a := newArchive(t, cfg, 100)
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.Query("pri")}
		for range 7 {
			for _, o := range everyOrder {
				if _, err := a.List(t.Context(), f, o, Page{Limit: 5}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := a.Count(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Count(t.Context(), Filter{WorkspaceID: "a", Status: memo.StatusCompleted}); err != nil {
				t.Fatal(err)
			}
		}
		prepared := func(like string) (n int) {
			if err := a.write.QueryRow(`SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE $1`, like).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if searches, lists := prepared("%AS tsquery%"), prepared("SELECT count(*) FROM transcriptions t WHERE%"); searches != 0 || lists != 1 {
			t.Errorf("%d searches and %d lists are prepared", searches, lists)
		}
	})
}

// TestCountKeyHasEveryFilter: or two lists would share a total.
func TestCountKeyHasEveryFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		keys := map[[32]byte]string{}
		add := func(name string, f Filter) {
			t.Helper()
			if old, ok := keys[s.CountKey(f)]; ok {
				t.Errorf("%s has the key of %s", name, old)
			}
			keys[s.CountKey(f)] = name
		}
		add("nothing", Filter{})
		typ := reflect.TypeFor[Filter]()
		for i := range typ.NumField() {
			field := typ.Field(i)
			if field.Name == "Query" || field.Name == "Search" {
				continue
			}
			for _, value := range []string{"x", "y"} {
				var f Filter
				switch v := reflect.ValueOf(&f).Elem().Field(i); v.Kind() {
				case reflect.String:
					v.SetString(value)
				case reflect.Struct:
					v.Set(reflect.ValueOf(time.UnixMilli(int64(value[0]))))
				default:
					t.Fatalf("say how to fill the field %s", field.Name)
				}
				add(field.Name+" "+value, f)
			}
		}
		for _, q := range []string{"", "one", "two", "one two", "on"} {
			add("q "+q, Filter{Search: true, Query: search.Query(q)})
		}
	})
}

// BenchmarkSearch has 100,000 texts of one workspace, and counts and lists the hits of
// words that few and that many of them have.
func BenchmarkSearch(b *testing.B) {
	a := newArchive(b, Config{Dir: b.TempDir()}, 100_000)
	for _, query := range []string{"quokka", "pricing", "pri", "pri1", "pri con", "quokka pri"} {
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.Query(query)}
		for name, run := range map[string]func(ctx context.Context) error{
			"count": func(ctx context.Context) error { _, err := a.Count(ctx, f); return err },
			"newest": func(ctx context.Context) error {
				_, err := a.List(ctx, f, Order{ByCreated, true}, Page{Limit: 20})
				return err
			},
			"best": func(ctx context.Context) error {
				_, err := a.List(ctx, f, Order{By: ByRelevance}, Page{Limit: 20})
				return err
			},
		} {
			b.Run(query+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if err := run(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
