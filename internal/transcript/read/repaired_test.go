package read_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// TestBlemishesInJSONAreRepaired, each with a warning: nothing that was said is lost.
func TestBlemishesInJSONAreRepaired(t *testing.T) {
	for _, tt := range []struct {
		desc, data string
		want       []string
		warnings   string
	}{
		{
			"a start that is NaN", `[{"start":0,"end":1,"text":"a"},{"start":NaN,"end":3,"text":"b"}]`,
			[]string{"0-1 a", "1-3 b"},
			"A segment has no start; it got the end of the one before.",
		},
		{
			"an end that is infinite", `[{"start":0,"end":Infinity,"text":"a"},{"start":5,"end":6,"text":"b"}]`,
			[]string{"0-5 a", "5-6 b"},
			"",
		},
		{
			"no times in two segments",
			`[{"start":2,"end":4,"text":"a"},{"text":"b"},{"start":null,"end":null,"text":"c"},{"start":6,"end":7,"text":"d"}]`,
			[]string{"2-4 a", "4-4 b", "4-4 c", "6-7 d"},
			"2 segments have no start; they got the end of the one before.",
		},
		{
			"ends before starts", `[{"start":2,"end":1,"text":"a"},{"start":5.5,"end":5,"text":"b"}]`,
			[]string{"2-2 a", "5.5-5.5 b"},
			"2 segments ended before they started; their ends were removed.",
		},
		{"a start a little before 0", `[{"start":-0.02,"end":1,"text":"a"}]`, []string{"0-1 a"}, ""},
		{
			"no text", `[{"start":0,"end":1},{"start":1,"end":2,"text":null},{"start":2,"end":3,"text":"a"}]`,
			[]string{"2-3 a"},
			"2 segments without text were left out.",
		},
		{"times that are strings", `[{"start":"1.5","end":"00:00:02,25","text":"a"}]`, []string{"1.5-2.25 a"}, ""},
		{
			"a text that is a number", `[{"start":0,"end":1,"text":"a"},{"start":1,"end":2,"text":7}]`,
			[]string{"0-1 a", "1-2 7"},
			"",
		},
		{"null for a segment", `[{"start":0,"end":1,"text":"a"},null]`, []string{"0-1 a"}, ""},
		{
			"speakers that are numbers",
			`[{"start":0,"end":1,"text":"a","speaker":3},{"start":1,"end":2,"text":"b","speaker":"3"}]`,
			[]string{"0-1 Speaker 3 says a", "1-2 3 says b"},
			"",
		},
		{
			"nobody for a speaker", `[{"start":0,"end":1,"text":"a","speaker":null,"speaker_id":"x"}]`,
			[]string{"0-1 x says a"},
			"",
		},
		{
			"a date without a zone", `{"created_at":"2026-05-20 09:14:00","segments":[{"start":0,"end":1,"text":"a"}]}`,
			[]string{"0-1 a"},
			"The date in the file has no time zone: it was read as UTC.",
		},
		{
			"one word in an hour", `[{"start":0,"end":3600,"text":"Hello"}]`,
			[]string{"0-3600 Hello"},
			"The times may be wrong: they mean 0.00028 words a second.",
		},
		{"music for two minutes", `[{"start":0.0,"end":120.0,"text":"Thank you."}]`, []string{"0-120 Thank you."}, ""},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := read.File(t.Context(), "a.json", []byte(tt.data), transcript.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, got)
			if diff := cmp.Diff(tt.want, show(got.Segments)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			checkWarnings(t, got.Warnings, tt.warnings)
		})
	}
}

// TestWordsBecomeSegments at another speaker, after a pause and at the end of a sentence.
func TestWordsBecomeSegments(t *testing.T) {
	word := func(start float64, text string) string {
		return fmt.Sprintf(`{"word":%q,"start":%v,"end":%v}`, text, start, start+0.25)
	}
	for desc, tt := range map[string]struct {
		words []string
		want  []string
	}{
		"a title and an initial": {
			[]string{word(1, "Dr."), word(1.5, "J."), word(2, "Lee"), word(2.5, "left."), word(3, "Why?"), word(3.5, "Oh")},
			[]string{"1-2.75 Dr. J. Lee left.", "3-3.25 Why?", "3.5-3.75 Oh"},
		},
		"a pause": {[]string{word(1, "a"), word(2.25, "b"), word(3.75, "c")}, []string{"1-2.5 a b", "3.75-4 c"}},
		"quotes and marks": {
			[]string{word(1, "“Yes"), word(1.5, "!"), word(1.5, "”"), word(2, "No"), word(2.5, ","), word(3, "no")},
			[]string{"1-1.75 “Yes!”", "2-3.25 No, no"},
		},
		"spaces in the words": {[]string{word(1, " a"), word(1.25, " "), word(1.5, "b ")}, []string{"1-1.75 a b"}},
		"Japanese": {
			[]string{word(1, "豆腐"), word(1.5, "を"), word(2, "二丁"), word(2.5, "。"), word(3, "はい")},
			[]string{"1-2.75 豆腐を二丁。", "3-3.25 はい"},
		},
	} {
		checkRead(t, desc, "a.json", `{"words":[`+strings.Join(tt.words, ",")+`]}`, tt.want)
	}
	const dialogue = `{"tokens":[{"word":"a","t0":1,"t1":2,"who":"A"},{"word":"b","t0":2,"t1":3,"who":"B"},` +
		`{"word":"c","t0":3,"t1":4,"who":"B"},{"word":"d","t0":4,"t1":5}]}`
	checkRead(t, "speakers", "a.json", dialogue, []string{"1-2 A says a", "2-4 B says b c", "4-5 d"})
}

// TestTextWithoutSentencesIsCut into parts, and the warning does not speak of sentences.
func TestTextWithoutSentencesIsCut(t *testing.T) {
	for desc, text := range map[string]string{
		"one word": strings.Repeat("x", 70_000), "no ends": strings.Repeat("so and then ", 6000),
	} {
		t.Run(desc, func(t *testing.T) {
			got, err := read.File(t.Context(), "a.txt", []byte(text), transcript.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, got)
			checkWarnings(t, got.Warnings, "cut into parts")
		})
	}
}
