package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSpell: every spelling is different and means the same. Otherwise the "read" rows
// of the table would measure cached responses.
func TestSpell(t *testing.T) {
	const text = "status=completed&sort=-created_at"
	want, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	var sp speller
	seen := map[string]bool{}
	for range 5000 {
		s := sp.spell(text)
		if seen[s] {
			t.Fatalf("%s was returned twice", s)
		}
		seen[s] = true
		got, err := url.ParseQuery(s)
		if err != nil || got.Encode() != want.Encode() {
			t.Fatalf("%s parses as %v, %v; want %v", s, got, err, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{1: {1}, 2: {3, 1, 2}, 2.5: {4, 1, 3, 2}} {
		if got := median(values); got != want {
			t.Errorf("median of %v: got %v, want %v", values, got, want)
		}
	}
}

// TestCorpus: the corpus is the same in every run, and has the numbers that the rows of
// the table need.
func TestCorpus(t *testing.T) {
	var long, common, rare int
	var runs [2]*corpus
	for i := range runs {
		var err error
		if runs[i], err = newCorpus(smallRows, longTexts); err != nil {
			t.Fatal(err)
		}
	}
	for i := range smallRows {
		n, err := runs[0].transcription(i)
		if err != nil {
			t.Fatal(err)
		}
		if n.Markdown.Size >= longText {
			long++
		}
		if strings.Contains(string(n.Doc.Summary), commonWord) {
			common++
		}
		if strings.Contains(string(n.Doc.Summary), rareWord) {
			rare++
		}
		if i%53 != 0 { // compare only a sample
			continue
		}
		second, err := runs[1].transcription(i)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(n, second); diff != "" {
			t.Errorf("transcription %d differs in the second run (-first +second):\n%s", i, diff)
		}
	}
	if long != longTexts || common != smallRows/10 || rare != rareHits {
		t.Errorf("%d long, %d common, %d rare; want %d, %d, %d", long, common, rare, longTexts, smallRows/10, rareHits)
	}
}

func TestTable(t *testing.T) {
	var tab resultTable
	tab.lines = []tableLine{{name: "list", memo: "99 µs", baseline: "33 µs", ratio: "3.00", aim: "≤ 4×", verdict: "ok"}}
	var b strings.Builder
	tab.print(&b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[2], "| list ") || len([]rune(lines[0])) != len([]rune(lines[2])) {
		t.Errorf("the table is malformed:\n%s", b.String())
	}
}
