// These tests are internal because snippets, the cache of totals and the filter of the store are not
// exported.
package app

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// TestBestSnippetsComeFirst, even if the text of a segment starts like a time.
func TestBestSnippetsComeFirst(t *testing.T) {
	segments := []memo.Segment{
		{Start: 0, End: 1, Speaker: "A", Text: "nothing here"},
		{Start: 61, End: 62, Speaker: "Anna: the Great", Text: "one price"},
		{Start: 3661.5, End: 3662, Text: "[12:34] price and offer"},
		{Start: 3700, End: 3701, Text: strings.Repeat("word ", 200) + "offer" + strings.Repeat(" word", 200)},
	}
	raw := []byte(`[{"start":0,"end":1,"speaker_id":null,"speaker":"A","text":"nothing here"},` +
		`{"start":61,"end":62,"speaker_id":null,"speaker":"Anna: the Great","text":"one price"},` +
		`{"start":3661.5,"end":3662,"speaker_id":null,"speaker":null,"text":"[12:34] price and offer"},` +
		`{"start":3700,"end":3701,"speaker_id":null,"speaker":null,"text":"` + segments[3].Text + `"}]`)
	got, err := findSnippets(t.Context(), memo.Lines(segments), raw, search.ParseQuery("price offer"))
	if err != nil || len(got) != 3 || got[0].Start != 3661.5 || got[1].Speaker != "Anna: the Great" ||
		!strings.Contains(got[2].Text, "offer") || len(got[2].Text) > 300 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestSnippetSearchIsBounded: only the first part of a long text is searched, and nothing
// after the context has ended.
func TestSnippetSearchIsBounded(t *testing.T) {
	var segments []memo.Segment
	filler := strings.Repeat("word ", 10_000)
	for range 2*search.MaxText/len(filler) + 1 {
		segments = append(segments, memo.Segment{Text: filler})
	}
	segments[3].Text, segments[len(segments)-1].Text = "an early price", "a late offer"
	raw, err := json.Marshal(segments)
	if err != nil {
		t.Fatal(err)
	}
	text := memo.Lines(segments)
	for q, want := range map[string]int{"price": 1, "offer": 0, "price offer": 1} {
		t.Run(q, func(t *testing.T) {
			got, err := findSnippets(t.Context(), text, raw, search.ParseQuery(q))
			if err != nil || len(got) != want || want > 0 && (got[0].Text != "an early price" || got[0].Line != 4) {
				t.Errorf("got %d snippets, want %d (%v)", len(got), want, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := findSnippets(ctx, text, raw, search.ParseQuery("price")); !errors.Is(err, context.Canceled) {
		t.Errorf("findSnippets after the end of the context: %v", err)
	}
	if _, err := store.Segments(raw).At(ctx, []int{5}); !errors.Is(err, context.Canceled) {
		t.Errorf("Segments.At after the end of the context: %v", err)
	}
}

// TestTotalCacheEntriesHaveFixedSize: callers choose the words and filters, and must not
// decide how much memory an entry of the cache takes.
func TestTotalCacheEntriesHaveFixedSize(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[totalKey](), reflect.TypeFor[store.Total]()} {
		for i := range typ.NumField() {
			field := typ.Field(i).Type
			if field.Kind() == reflect.Array {
				field = field.Elem()
			}
			if k := field.Kind(); k != reflect.Uint8 && k != reflect.Int64 && k != reflect.Int && k != reflect.Bool {
				t.Errorf("%v of %v has a variable size", typ.Field(i).Name, typ)
			}
		}
	}
}

func TestEveryParameterReachesTheFilter(t *testing.T) {
	filter := func(in ListQuery) store.Filter {
		f, _ := in.filter(memo.Caller{WorkspaceID: "w"})
		return f
	}
	testenv.EveryFieldReaches(t, filter,
		"add it to ListQuery.filter, or to the exceptions of this test if it is no filter",
		"Sort", "Limit", "Offset", "Cursor", "NoSnippets", "AllWords", "ReportNames")
}
