package store

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/testenv"
)

// TestSearchesFindWhatTheyShould: in every order, with every set of filters.
func TestSearchesFindWhatTheyShould(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 3_000)
		eachFilter(a.n, func(name string, f Filter) {
			for _, query := range []string{"", "pricing"} {
				f.Search, f.Query = query != "", search.ParseQuery(query)
				numbers := a.matches(f, query)
				if total, err := a.Count(t.Context(), f); err != nil || total != (Total{N: len(numbers)}) {
					t.Errorf("%s%q has %+v texts (%v), want %d", name, query, total, err, len(numbers))
				}
				for _, o := range everyOrder {
					if o.By == ByRelevance && query == "" {
						continue
					}
					items, err := a.List(t.Context(), f, o, Range{Limit: 20})
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

// TestManyTextsOnSQLite: 20,000, which take their time to make.
func TestManyTextsOnSQLite(t *testing.T) {
	a := newArchive(t, Config{Dir: t.TempDir()}, 20_000)
	t.Run("plans", func(t *testing.T) { testPlans(t, a) })
	t.Run("many hits", func(t *testing.T) { testManyHits(t, a) })
}

// TestManyHitsOnPostgreSQL: totals and ranks are bounded there too.
func TestManyHitsOnPostgreSQL(t *testing.T) {
	testManyHits(t, newArchive(t, Config{URL: testenv.Postgres(t)}, 12_000))
}

// testPlans: a search asks FTS5 once and reads a row of transcriptions for
// each of its hits, and for nothing else. A list reads one stretch of one index.
func testPlans(t *testing.T, a *archive) {
	eachFilter(a.n, func(name string, f Filter) {
		for _, query := range []string{"", "quokka", "pricing pri"} {
			if query == "pricing pri" && name != "from " {
				continue // many hits take their time
			}
			f.Search, f.Query = query != "", search.ParseQuery(query)
			hits := int64(len(a.matches(f, "pricing")))
			if f.Search {
				word, _, _ := strings.Cut(query, " ")
				hits = int64(len(a.matches(Filter{}, word)))
			}
			for _, o := range everyOrder {
				if o.By == ByRelevance && query == "" {
					continue
				}
				for _, p := range []Range{{Limit: 20}, {Limit: 20, After: &ListPosition{1000, "a"}}} {
					if o.By == ByRelevance && p.After != nil {
						continue
					}
					t.Run(fmt.Sprintf("%s%q %v %v", name, query, o, p), func(t *testing.T) {
						chosen, _, args := a.pageQuery(f, o, p)
						if f.Search {
							a.wantFTSFirst(t, chosen, args)
							a.wantVisits(t, chosen, args, hits)
						} else if f.ExternalID == "" {
							explain(t, a.Store, chosen, args)
						} else if plan := planOf(t, a.Store, chosen, args); !strings.Contains(plan,
							"INDEX transcriptions_external (workspace_id=? AND external_id=?") ||
							o.By == ByCreated && strings.Contains(plan, "TEMP B-TREE") {
							t.Errorf("the few texts with an external id are not looked up:\n%s", plan)
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

// testManyHits: totals and ranks are bounded, pages are not.
func testManyHits(t *testing.T, a *archive) {
	f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("pri")}
	if total, err := a.Count(t.Context(), f); err != nil || total != (Total{N: 10_000, More: true}) {
		t.Errorf("a search has %+v hits, %v", total, err)
	}
	exact := f
	exact.Search = false
	if total, err := a.Count(t.Context(), exact); err != nil || total != (Total{N: a.n}) {
		t.Errorf("a list has %+v texts, %v", total, err)
	}
	o := Order{By: ByCreated, Descending: true}
	items, err := a.List(t.Context(), f, o, Range{Limit: 10, Offset: 11_000})
	var got []string
	for _, it := range items {
		got = append(got, it.ID)
	}
	if want := a.sorted(a.matches(f, "pri"), o)[11_000:11_010]; err != nil || !slices.Equal(got, want) {
		t.Errorf("after the total: %v, %v, want %v", got, err, want)
	}
	seen := map[string]bool{}
	for offset := 0; offset < a.n; offset += 3_500 { // one page has ranked hits and others
		items, err := a.List(t.Context(), f, Order{By: ByRelevance}, Range{Limit: 3_500, Offset: offset})
		if want := min(3_500, a.n-offset); err != nil || len(items) != want {
			t.Fatalf("by relevance from %d: %d items, want %d (%v)", offset, len(items), want, err)
		}
		for _, it := range items {
			if seen[it.ID] {
				t.Fatalf("by relevance from %d: %s comes twice", offset, it.ID)
			}
			seen[it.ID] = true
		}
	}
}

// TestASearchIsOfOneWorkspace: also where the tags of two are the same.
func TestASearchIsOfOneWorkspace(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 10)
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("zebra")}
		ctx := t.Context()
		if err := a.Write(ctx, func(tx *Tx) error {
			for _, seq := range []int64{1, 11} { // of a, and of b under the tag of a
				if err := tx.unindex(ctx, seq); err != nil {
					return err
				}
				if err := tx.index(ctx, seq, prepareTerms(a.dialect, "a", memo.ListItem{Title: "Zebra"}, nil)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		items, err := a.List(ctx, f, Order{By: ByRelevance}, Range{Limit: 10})
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
		term := search.ParseQuery(q)[0]
		if n := utf8.RuneCountInString(tagged(workspaceTag("a"), term.Text)); !term.Prefix ||
			!strings.Contains(ddl, fmt.Sprintf("prefix='%d'", n)) {
			t.Errorf("%q has %d characters with its tag, the index is\n%s", q, n, ddl)
		}
	}
	if search.ParseQuery("pr")[0].Prefix {
		t.Error("two letters are a prefix, and no index serves it")
	}
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 2)
		ctx := t.Context()
		if err := a.Write(ctx, func(tx *Tx) error {
			if err := tx.unindex(ctx, 1); err != nil {
				return err
			}
			return tx.index(ctx, 1, prepareTerms(a.dialect, "a", memo.ListItem{Title: "Pricing 来年の予算 00会"}, nil))
		}); err != nil {
			t.Fatal(err)
		}
		for q, want := range map[string]int{
			"pricin": 1, "来": 1, "来年": 1, "年の予": 1, "算": 1, "00": 1, "000": 0, "会": 1,
			"00会": 1, "予年": 0,
		} {
			f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery(q)}
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
			doc := memo.ListItem{Title: "Title", Summary: "Summary"}
			terms := prepareTerms(dialectSQLite, "a", doc, tc.segments)
			tag := workspaceTag("a")
			body := strings.Fields(terms.body)
			if terms.title != tag+"title " || terms.summary != tag+"summary " || len(body) != tc.want ||
				body[0] != tag+tc.first || body[len(body)-1] != tag+tc.last {
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
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("pri")}
		for range 7 {
			for _, o := range everyOrder {
				if _, err := a.List(t.Context(), f, o, Range{Limit: 5}); err != nil {
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
			if err := a.write.QueryRow(`SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE $1`,
				like).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if searches, lists := prepared("%AS tsquery%"),
			prepared("SELECT count(*) FROM transcriptions t WHERE%"); searches != 0 || lists != 1 {
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
			add("q "+q, Filter{Search: true, Query: search.ParseQuery(q)})
		}
	})
}
