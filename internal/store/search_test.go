package store

import (
	"errors"
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

// TestListsReturnWhatMatches compares lists and searches, with every set of filters and in every
// sort, with the rules by which newArchive made the transcriptions.
func TestListsReturnWhatMatches(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 3_000)
		eachFilter(a.n, func(name string, f Filter) {
			for _, query := range []string{"", "pricing"} {
				f.Search, f.Query = query != "", search.ParseQuery(query)
				numbers := a.matches(f, query)
				if total, err := a.Count(t.Context(), f); err != nil || total != (Total{N: len(numbers)}) {
					t.Errorf("%s%q: the total is %+v (%v), want %d", name, query, total, err, len(numbers))
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
					if o.By == ByRelevance { // the hits rank equally: each has the term once, in as many terms
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

// TestLargeArchiveOnSQLite shares one archive of 20,000 transcriptions, which takes
// seconds to create.
func TestLargeArchiveOnSQLite(t *testing.T) {
	a := newArchive(t, Config{Dir: t.TempDir()}, 20_000)
	t.Run("plans", func(t *testing.T) { testPlans(t, a) })
	t.Run("many hits", func(t *testing.T) { testManyHits(t, a) })
}

func TestManyHitsOnPostgreSQL(t *testing.T) {
	testManyHits(t, newArchive(t, Config{URL: testenv.Postgres(t)}, 12_000))
}

// TestTimesOfLargeArchives: archives of any size can be made, on both databases.
func TestTimesOfLargeArchives(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		const n = 300_000
		var different, last int64
		if err := mustOpen(t, cfg).write.QueryRow(bulkSQL+`SELECT count(DISTINCT created), max(created)
			FROM (SELECT `+createdSQL+` AS created FROM n) x`, n).Scan(&different, &last); err != nil {
			t.Fatal(err)
		}
		if different != n || last != (n-1)*spacing {
			t.Errorf("%d different times up to %d, want %d up to %d", different, last, n, (n-1)*spacing)
		}
	})
}

// testPlans: a search reads the hits of its days and one entry of the index of hits for each. By
// creation time and without other filters it reads only those of its page, twice. A list reads
// one range of one index.
func testPlans(t *testing.T, a *archive) {
	eachFilter(a.n, func(name string, f Filter) {
		for _, query := range []string{"", "quokka", "pricing pri"} {
			if query == "pricing pri" && name != "from " {
				continue // a query with many hits is slow
			}
			f.Search, f.Query = query != "", search.ParseQuery(query)
			word, _, _ := strings.Cut(query, " ")
			hits := len(a.matches(Filter{From: f.From, To: f.To}, word)) // the other filters do not reduce them
			narrowed := f.ProjectIDs != nil || f.Language != "" || f.ExternalID != "" || f.Speaker != ""
			for _, o := range everyOrder {
				if o.By == ByRelevance && query == "" {
					continue
				}
				for _, p := range []Range{{Limit: 20}, {Limit: 20, After: &ListPosition{int64(a.n / 2 * spacing), "a"}}} {
					if o.By == ByRelevance && p.After != nil {
						continue
					}
					t.Run(fmt.Sprintf("%s%q %v %v", name, query, o, p), func(t *testing.T) {
						chosen, _, args := a.pageQuery(f, o, p)
						if f.Search {
							a.wantFTSFirst(t, chosen, args, &o)
							most := hits
							switch {
							case o.By == ByRelevance:
								most = min(hits, maxRanked)
							case o.By == ByCreated && narrowed:
								most = 2 * hits
							case o.By == ByCreated:
								most = 2 * min(hits, p.Limit)
							}
							a.wantVisits(t, chosen, args, most)
						} else if f.ExternalID == "" || f.Speaker != "" {
							explain(t, a.Store, chosen, args)
						} else if plan := planOf(t, a.Store, chosen, args); !strings.Contains(plan,
							"INDEX transcriptions_external (workspace_id=? AND external_id=?") ||
							o.By == ByCreated && strings.Contains(plan, "TEMP B-TREE") {
							t.Errorf("the plan does not use the index of external ids:\n%s", plan)
						}
						list, args := a.listQuery(f, o, p)
						plan := planOf(t, a.Store, list, args)
						if strings.Contains(plan, "SCAN t") || strings.Contains(plan, "SCAN p") {
							t.Errorf("the plan scans a table:\n%s", plan)
						}
					})
				}
			}
			count, args := a.countQuery(f)
			if f.Search {
				a.wantFTSFirst(t, count, args, nil)
				a.wantVisits(t, count, args, min(hits, maxCount+1))
			} else {
				planWithout(t, a.Store, count, args, "SCAN t", "SCAN s", "TEMP B-TREE")
			}
		}
	})
}

// testManyHits: the total of a search and the number of ranked hits are bounded, but
// every hit is on a page.
func testManyHits(t *testing.T, a *archive) {
	f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("pri")}
	if total, err := a.Count(t.Context(), f); err != nil || total != (Total{N: 10_000, More: true}) {
		t.Errorf("a search: the total is %+v (%v), want 10,000 or more", total, err)
	}
	exact := f
	exact.Search = false
	if total, err := a.Count(t.Context(), exact); err != nil || total != (Total{N: a.n}) {
		t.Errorf("a list: the total is %+v (%v), want %d", total, err, a.n)
	}
	o := Order{By: ByCreated, Descending: true}
	items, err := a.List(t.Context(), f, o, Range{Limit: 10, Offset: 11_000})
	var got []string
	for _, it := range items {
		got = append(got, it.ID)
	}
	if want := a.sorted(a.matches(f, "pri"), o)[11_000:11_010]; err != nil || !slices.Equal(got, want) {
		t.Errorf("a page after the counted hits: got %v (%v), want %v", got, err, want)
	}
	seen := map[string]bool{}
	for offset := 0; offset < a.n; offset += 3_500 { // one page has both ranked and unranked hits
		items, err := a.List(t.Context(), f, Order{By: ByRelevance}, Range{Limit: 3_500, Offset: offset})
		if want := min(3_500, a.n-offset); err != nil || len(items) != want {
			t.Fatalf("by relevance from %d: %d items, want %d (%v)", offset, len(items), want, err)
		}
		for _, it := range items {
			if seen[it.ID] {
				t.Fatalf("by relevance from %d: %s was on an earlier page too", offset, it.ID)
			}
			seen[it.ID] = true
		}
	}
}

// TestTotalOfSearchHasOneStatus: also if the workspace has texts with other statuses.
func TestTotalOfSearchHasOneStatus(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 100)
		mustExec(t, a.Store, `UPDATE transcriptions SET status = 'failed' WHERE seq % 4 = 0`,
			`UPDATE transcriptions SET status = 'processing' WHERE seq % 10 = 1`)
		for status, want := range map[memo.Status]int{
			memo.StatusCompleted: 65, memo.StatusFailed: 25, memo.StatusProcessing: 10, memo.StatusQueued: 0, "x": 0,
		} {
			f := Filter{WorkspaceID: "a", Status: status, Search: true, Query: search.ParseQuery("pri")}
			if total, err := a.Count(t.Context(), f); err != nil || total.N != want {
				t.Errorf("%s: the total is %+v (%v), want %d", status, total, err, want)
			}
		}
	})
}

// TestSearchIsLimitedToItsWorkspace: this holds even if two workspaces have the same tag.
func TestSearchIsLimitedToItsWorkspace(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 10)
		f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery("zebra")}
		ctx := t.Context()
		if err := a.Write(ctx, func(tx *Tx) error {
			for _, seq := range []int64{1, 11} { // one of a, and one of b that is indexed under the tag of a
				if err := tx.unindex(ctx, seq); err != nil {
					return err
				}
				if err := tx.index(ctx, seq, prepareTerms(a.dialect, "a", titled("Zebra"))); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		items, err := a.List(ctx, f, Order{By: ByRelevance}, Range{Limit: 10})
		if err != nil || len(items) != 1 || items[0].ID != "a1000001" {
			t.Errorf("got %v (%v), want the transcription of a only", items, err)
		}
		f.WorkspaceID = "b"
		if total, err := a.Count(ctx, f); err != nil || total.N != 0 {
			t.Errorf("the other workspace finds %+v (%v), want nothing", total, err)
		}
	})
}

// TestTextHasOnlyTermsOfItsWorkspace: on SQLite, the total of a search has no other condition, so
// no text may get a term that begins with the tag of another workspace, whatever its words are.
func TestTextHasOnlyTermsOfItsWorkspace(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 10)
		ctx := t.Context()
		title := "zebra"
		for _, foreign := range []string{workspaceTag("a"), workspaceTag("a") + "00", workspaceTerm("a")} {
			for _, before := range []string{
				"", " ", "x ", "x_", "x-", "x.", "'", `"`, "*", "^", ":", "\x00", "\u00a0", "\u200b", "\u0301", "é", "会", "\xff",
			} {
				title += " " + before + foreign + "zebra"
			}
		}
		if err := a.Write(ctx, func(tx *Tx) error {
			const ofB = 11
			doc := titled(title)
			doc.Summary, doc.Speakers = memo.Optional(title), []memo.Speaker{{Name: title}}
			doc.Topics, doc.Reports = []memo.Topic{{Title: title}}, []memo.Report{{Name: title, Text: title}}
			doc.Segments = []memo.Segment{{Text: title, Speaker: memo.Optional(title)}}
			return errors.Join(tx.unindex(ctx, ofB), tx.index(ctx, ofB, prepareTerms(a.dialect, "b", doc)))
		}); err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"zebra", "zeb", workspaceTag("a"), workspaceTag("a") + "zebra", "会", "00"} {
			f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery(query)}
			if total, err := a.Count(ctx, f); err != nil || total.N != 0 {
				t.Errorf("%s finds %+v (%v) in the other workspace, want nothing", query, total, err)
			}
		}
	})
}

// TestShortestPrefixesAreIndexed: the prefix index has the length of a tag and the shortest term
// that also finds longer words.
func TestShortestPrefixesAreIndexed(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir()})
	var ddl string
	if err := s.write.QueryRow(
		`SELECT sql FROM sqlite_master WHERE name = 'search_index'`).Scan(&ddl); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"pri", "при", "会", "ก"} {
		term := search.ParseQuery(q)[0]
		if n := utf8.RuneCountInString(tagged(workspaceTag("a"), term.Text)); !term.Prefix ||
			!strings.Contains(ddl, fmt.Sprintf("prefix='%d'", n)) {
			t.Errorf("%q has %d characters with its tag, but the index is\n%s", q, n, ddl)
		}
	}
	if search.ParseQuery("pr")[0].Prefix {
		t.Error("two letters are a prefix, but no index covers it")
	}
	onBoth(t, func(t *testing.T, cfg Config) {
		a := newArchive(t, cfg, 2)
		ctx := t.Context()
		if err := a.Write(ctx, func(tx *Tx) error {
			if err := tx.unindex(ctx, 1); err != nil {
				return err
			}
			return tx.index(ctx, 1, prepareTerms(a.dialect, "a", titled("Pricing 来年の予算 00会")))
		}); err != nil {
			t.Fatal(err)
		}
		for q, want := range map[string]int{
			"pricin": 1, "来": 1, "来年": 1, "年の予": 1, "算": 1, "00": 1, "000": 0, "会": 1,
			"00会": 1, "予年": 0,
		} {
			f := Filter{WorkspaceID: "a", Status: memo.StatusCompleted, Search: true, Query: search.ParseQuery(q)}
			if total, err := a.Count(ctx, f); err != nil || total.N != want {
				t.Errorf("%q finds %+v (%v), want %d", q, total, err, want)
			}
		}
	})
}

// TestTermsOfLongTextAreBounded: repeated terms are left out first, then the last ones.
func TestTermsOfLongTextAreBounded(t *testing.T) {
	segmentsOf := func(from, n int) []memo.Segment {
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
		"exactly as many as fit": {segmentsOf(0, maxTerms-2), maxTerms - 2, "w0", "w49997"},
		"exactly as many, some of them repeated": {
			slices.Concat(segmentsOf(0, 100), segmentsOf(0, maxTerms-102)),
			maxTerms - 2, "w0", "w49897",
		},
		"one more than fits, one of them repeated": {
			slices.Concat(segmentsOf(0, 1), segmentsOf(0, maxTerms-2)),
			maxTerms - 2, "w0", "w49997",
		},
		"a few, often repeated": {
			slices.Concat(slices.Repeat(segmentsOf(7, 100), 1000), segmentsOf(0, 2)),
			102, "w7", "w1",
		},
		"more than fit": {segmentsOf(0, 3*maxTerms), maxTerms - 2, "w0", "w49997"},
		"as many as fit, and one of the title": {
			append(segmentsOf(0, maxTerms-2), memo.Segment{Text: "title"}),
			maxTerms - 2, "w0", "w49997",
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc := titled("Title")
			doc.Summary, doc.Segments = "Summary", tc.segments
			terms := prepareTerms(dialectSQLite, "a", doc)
			tag := workspaceTag("a")
			body := strings.Fields(terms.body)
			if terms.title != tag+"title " || terms.summary != tag+"summary " || len(body) != tc.want ||
				body[0] != tag+tc.first || body[len(body)-1] != tag+tc.last {
				t.Errorf("title %q, summary %q, %d terms from %s to %s", terms.title, terms.summary, len(body), body[0],
					body[len(body)-1])
			}
		})
	}
}

// TestPostgreSQLPlansEverySearch: searches are not prepared, because the plan of a
// prepared statement would not depend on the terms. Lists are prepared.
func TestPostgreSQLPlansEverySearch(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		if cfg.URL == "" {
			t.Skip("the test is about prepared statements of PostgreSQL")
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
			prepared("SELECT (SELECT CAST(coalesce(sum(n)%"); searches != 0 || lists != 1 {
			t.Errorf("%d searches and %d lists are prepared, want 0 and 1", searches, lists)
		}
	})
}

// TestCountKeyCoversEveryFilter: otherwise two different lists would share a cached total.
func TestCountKeyCoversEveryFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		keys := map[[32]byte]string{}
		add := func(name string, f Filter) {
			t.Helper()
			if old, ok := keys[s.CountKey(f)]; ok {
				t.Errorf("the filters %s and %s have the same key: add a condition to selection in list.go", name, old)
			}
			keys[s.CountKey(f)] = name
		}
		add("none", Filter{})
		typ := reflect.TypeFor[Filter]()
		for i := range typ.NumField() {
			field := typ.Field(i)
			if field.Name == "Query" || field.Name == "Search" || !field.IsExported() {
				continue
			}
			for _, value := range []string{"x", "y"} {
				var f Filter
				switch v := reflect.ValueOf(&f).Elem().Field(i); v.Kind() {
				case reflect.String:
					v.SetString(value)
				case reflect.Slice:
					v.Set(reflect.ValueOf([]string{value}))
				case reflect.Struct:
					v.Set(reflect.ValueOf(time.UnixMilli(int64(value[0]))))
				default:
					t.Fatalf("this test does not know how to fill the field %s", field.Name)
				}
				add(field.Name+" "+value, f)
			}
		}
		for _, q := range []string{"", "one", "two", "one two", "on"} {
			add("q "+q, Filter{Search: true, Query: search.ParseQuery(q)})
		}
	})
}

// titled returns a transcription with a title and nothing else.
func titled(title string) *memo.Transcription {
	return &memo.Transcription{ListItem: memo.ListItem{Title: title}}
}
