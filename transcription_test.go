package memo

import (
	"math"
	"testing"
)

func TestLines(t *testing.T) {
	timed := []Segment{
		{Start: 42, End: 45.2, Speaker: "Jordan", Text: "Of course…"},
		{Start: 3599.999, End: 3600, Text: "nobody said this"},
		{Start: 3723, End: 3724, Speaker: "Alex", Text: "late"},
		{Start: 360000, End: 360001, Text: "very late"},
	}
	if got, want := Lines(timed),
		"[00:42] Jordan: Of course…\n[59:59] nobody said this\n[1:02:03] Alex: late\n[100:00:00] very late"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	untimed := []Segment{{Speaker: "A", Text: "one"}, {Text: "two"}}
	if got, want := Lines(untimed), "A: one\ntwo"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRoundSeconds(t *testing.T) {
	for in, want := range map[float64]Seconds{0: 0, 3.4799999: 3.48, 1840.5: 1840.5, 0.0004: 0} {
		if got, ok := RoundSeconds(in); !ok || got != want {
			t.Errorf("%v: got %v, %v", in, got, ok)
		}
	}
	for _, in := range []float64{-0.001, math.NaN(), math.Inf(1), 1e9} {
		if _, ok := RoundSeconds(in); ok {
			t.Errorf("%v was accepted", in)
		}
	}
}
