package search_test

import (
	"slices"
	"testing"

	"memoai.tech/memo/internal/search"
)

func TestHighlightsCoverTheTerms(t *testing.T) {
	for _, c := range []struct {
		query, text string
		want        []string
	}{
		{"price", "The PRICE of Prices, a surprise", []string{"PRICE", "Prices"}},
		{"uber", "<b>Über</b> über", []string{"Über", "über"}},
		{"uber", "u\u0308ber", []string{"u\u0308ber"}},
		{"予算", "来年の予算を", []string{"予算"}},
		{"予算案", "予算案と予算", []string{"予算案", "予算"}},
		{"еще", "Ещё раз", []string{"Ещё"}},
		{"price", "nothing \xff here", nil},
		{"", "nothing", nil},
		{"q3", "Q3の予算", []string{"Q3"}},
		{"ガ", "これはｶﾞです", []string{"ｶﾞ"}},
		{"予算", "は\u3099予算で", []string{"予算"}},
	} {
		t.Run(c.query+" in "+c.text, func(t *testing.T) {
			var got []string
			for _, m := range search.Highlights(search.ParseQuery(c.query), c.text) {
				got = append(got, c.text[m.Start:m.End])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzHighlights: in any text the highlights are in order, not empty and within the text.
func FuzzHighlights(f *testing.F) {
	f.Add("The price, 会議です ｶﾞｷﾞ ½", "price 会議")
	f.Add("\xffa\xfe", "a")
	f.Fuzz(func(t *testing.T, text, q string) {
		query, at := search.ParseQuery(q), 0
		ranges := search.Highlights(query, text)
		for _, m := range ranges {
			if m.Start < at || m.End <= m.Start || m.End > len(text) {
				t.Fatalf("%q in %q: highlights %v are out of order or out of range", q, text, ranges)
			}
			at = m.End
		}
	})
}
