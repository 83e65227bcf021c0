package bench

import (
	"net/url"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestSpell: every spelling is different and means the same. Otherwise the "read" rows
// would measure cached responses.
func TestSpell(t *testing.T) {
	const text = "status=completed&sort=-created_at"
	want, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 5000 {
		s := spell("«" + text + "»")
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

func TestPercentile(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(100 - i)
	}
	for share, want := range map[float64]float64{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := percentile(values, share); got != want {
			t.Errorf("percentile %v: got %v, want %v", share, got, want)
		}
	}
}

func TestTableSaysWhichAimsAreMet(t *testing.T) {
	old := table
	defer func() { table = old }()
	table = []line{
		{work: "one", cost: "9 µs", now: 2.4, before: 7.95, unit: "× bare", aim: 3.5},
		{work: "two", now: 251.4, unit: "MB", aim: 250},
		{work: "three", now: 12, unit: "ms"},
	}
	var out strings.Builder
	printTable(&out)
	var got [][]string
	for l := range strings.Lines(out.String()) {
		got = append(got, strings.Fields(l))
	}
	want := [][]string{
		nil,
		{"work", "cost", "before", "now", "aim"},
		{"one", "9", "µs", "8", "2.4", "×", "bare", "3.5", "met"},
		{"two", "251", "MB", "250", "NOT", "MET"},
		{"three", "12", "ms"},
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}
