package web

import (
	"context"
	"errors"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

func TestLinesMatching(t *testing.T) {
	segments := []memo.Segment{{Text: "the price"}, {Speaker: "Anna", Text: "price and offer"}, {Text: "nothing"}}
	for q, want := range map[string][]int{
		"price offer": {1}, "anna offer": {1}, "offer nothing": {1, 2}, "none": nil,
		"": nil,
	} {
		got, searched, err := linesMatching(t.Context(), segments, search.ParseQuery(q))
		if err != nil || searched != len(segments) || len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
			t.Errorf("%q: got lines %v of %d searched, %v", q, got, searched, err)
		}
	}
}

// TestLinesMatchingInLongText checks that only the first part of a long text is searched and that
// the search stops with its context.
func TestLinesMatchingInLongText(t *testing.T) {
	line := strings.Repeat("word ", 12_000)
	segments := make([]memo.Segment, 2*search.MaxText/len(line))
	for i := range segments {
		segments[i].Text = line
	}
	segments[len(segments)-1].Text = "offer"
	found, searched, err := linesMatching(t.Context(), segments, search.ParseQuery("offer"))
	if err != nil || len(found) > 0 || searched > search.MaxText/len(line)+1 {
		t.Errorf("got lines %v of %d searched, %v", found, searched, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, searched, err := linesMatching(ctx, segments, search.ParseQuery("offer")); searched > 0 ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("after the context ended: %d lines searched, %v", searched, err)
	}
	p := &transcriptionPage{Terms: search.ParseQuery("offer")}
	if err := p.readHits(t.Context(), segments, 0, 0); err != nil ||
		p.Searched != len(segments)/2+1 && p.Searched != len(segments)/2 {
		t.Errorf("got %d of %d lines searched, %v", p.Searched, len(segments), err)
	}
}
