package bench

import (
	"net/url"
	"testing"
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
