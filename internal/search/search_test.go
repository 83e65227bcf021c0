package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTerms(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"Hello, WORLD! x2":        "hello world x2",
		"Über die Straße":         "uber die straße",
		"ещё Договор":             "еще договор",
		"会議です。":                   "会議 議で です す",
		"Q3の予算":                   "q3 の予 予算 算",
		`" OR 1=1; DROP TABLE --`: "or 1 1 drop table",
		"naïve ﬁne Ａ１":            "naive fine a1",
		"مرحبا بالعالم":           "مرحبا بالعالم",
		"हिन्दी भाषा":             "हिन्दी भाषा",
		strings.Repeat("a", 200):  strings.Repeat("a", maxTerm),
	} {
		if got := strings.Join(Terms(text), " "); got != want {
			t.Errorf("Terms(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestQuery(t *testing.T) {
	for q, want := range map[string][]Term{
		"%_ \"' * ()":   nil,
		"price PRICE a": {{"price", true}, {"a", false}},
		"会":             {{"会", true}},
		"会議室":           {{"会議", false}, {"議室", false}},
	} {
		if diff := cmp.Diff(want, Query(q)); diff != "" {
			t.Errorf("Query(%q): %s", q, diff)
		}
	}
	if n := len(Query(strings.Repeat("ab cd ef gh ", 1000))); n != 4 {
		t.Errorf("a repeated word counts once: got %d terms", n)
	}
}

func TestMatchPutsTheBestLinesFirst(t *testing.T) {
	lines := []string{"start of it", "art and price", "the price", "Prices rose", "price of art"}
	got := Match(Query("price art"), len(lines), func(i int) string { return lines[i] })
	if diff := cmp.Diff([]int{1, 4, 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCutKeepsTheWordAndTheLimit(t *testing.T) {
	line := strings.Repeat("vorher ", 100) + "Ziel " + strings.Repeat("nachher ", 100)
	got := Cut(Query("ziel"), line)
	if !strings.Contains(got, "Ziel") || utf8.RuneCountInString(got) > maxSnippet+2 {
		t.Errorf("got %q", got)
	}
	folded := strings.Repeat("слово ", 200) + "ещё"
	if got := Cut(Query("еще"), folded); !strings.Contains(got, "ещё") {
		t.Errorf("a folded word is cut off: %q", got)
	}
	if Cut(Query("x"), "short") != "short" {
		t.Error("a short line is cut")
	}
}

// FuzzSearch: every text is found by its own words, and nothing breaks.
func FuzzSearch(f *testing.F) {
	f.Add("The price, 会議です", "price")
	f.Fuzz(func(t *testing.T, text, q string) {
		if terms := Query(text); len(terms) > 0 && len(terms) < maxQueryTerms && utf8.RuneCountInString(text) < maxTerm {
			if len(Match(terms, 1, func(int) string { return text })) == 0 {
				t.Fatalf("%q is not found by its own words %v", text, terms)
			}
		}
		Cut(Query(q), text)
	})
}
