package memo_test

import (
	"fmt"
	"math"
	"testing"

	"memoai.tech/memo"
)

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		name     string
		segments []memo.Segment
		want     string
	}{
		{
			"with times",
			[]memo.Segment{
				{Start: 42, End: 45.2, Speaker: "Jordan", Text: "Of course…"},
				{Start: 3599.999, End: 3600, Text: "nobody said this"},
				{Start: 3723, End: 3724, Speaker: "Alex", Text: "late"},
				{Start: 360000, End: 360001, Text: "very late"},
			},
			"[00:42] Jordan: Of course…\n[59:59] nobody said this\n[1:02:03] Alex: late\n[100:00:00] very late",
		},
		{"without times", []memo.Segment{{Speaker: "A", Text: "one"}, {Text: "two"}}, "A: one\ntwo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := memo.Lines(tt.segments); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRoundSeconds(t *testing.T) {
	for in, want := range map[float64]memo.Seconds{0: 0, 3.4799999: 3.48, 1840.5: 1840.5, 0.0004: 0} {
		t.Run(fmt.Sprint(in), func(t *testing.T) {
			if got, ok := memo.RoundSeconds(in); !ok || got != want {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
	for _, in := range []float64{-0.001, math.NaN(), math.Inf(1), 1e9} {
		t.Run(fmt.Sprint(in), func(t *testing.T) {
			if _, ok := memo.RoundSeconds(in); ok {
				t.Error("it was accepted")
			}
		})
	}
}
