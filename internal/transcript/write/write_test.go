package write_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/write"
)

func TestOnlyKnownFormatsAreWritten(t *testing.T) {
	for _, f := range transcript.Formats {
		if !slices.Contains(write.Formats(), f) {
			t.Errorf("%s has no writer", f)
		}
	}
	var b bytes.Buffer
	err := write.File(t.Context(), &b, "pdf", &memo.Transcription{})
	if memo.KindOf(err) != memo.KindInvalid || b.Len() > 0 {
		t.Errorf("File as pdf: %v after %d bytes, want it refused", err, b.Len())
	}
}

// nasty returns a transcription in which every text looks like the syntax of some format.
func nasty() *memo.Transcription {
	texts := []string{
		"a --> b", "NOTE x", "WEBVTT", "<v Eve>b</v> &lt; & <b>", "1", "00:00:01.000 --> 00:00:02.000",
		"# h", "- l", "1. l", "> q", "```", "[x](http://evil.example)", "![x](y)", "<script>", "---", "***", "| a | b |",
		"&#x3C;", "\\", "_a_", "SPEAKER_00",
	}
	d := &memo.Transcription{ListItem: memo.ListItem{
		Title: "# T <script> [x](y) #", Status: memo.StatusCompleted, MediaType: "audio",
		Summary: "> q\n\n    code\n===\n---\n1) x", Language: "en",
		Speakers: []memo.Speaker{{Name: "*Eve* <v>: &"}}, Topics: []memo.Topic{{Title: "- t"}, {Title: "1. t"}},
		CreatedAt: time.Date(2026, 5, 20, 9, 14, 0, 0, time.UTC),
	}}
	for i, text := range texts {
		d.Segments = append(d.Segments, memo.Segment{
			Start: memo.Seconds(i), End: memo.Seconds(i), SpeakerID: "1", Speaker: "*Eve* <v>: &", Text: text,
		})
	}
	d.Segments[0].End = 0.5
	d.Segments[1].Start, d.Segments[1].End = 3599999.999, 3600000
	return d
}

func TestMarkupInTextIsEscaped(t *testing.T) {
	untimed := nasty()
	for i := range untimed.Segments {
		s := &untimed.Segments[i]
		s.Start, s.End = 0, 0
		if i%2 == 1 {
			s.Speaker, s.SpeakerID = "", ""
		}
	}
	for _, f := range write.Formats() {
		t.Run(string(f), func(t *testing.T) {
			compareGolden(t, "nasty."+string(f), written(t, f, nasty()))
			compareGolden(t, "untimed."+string(f), written(t, f, untimed))
		})
	}
}

// TestExportWithoutSegmentsIsComplete: the export of a failed transcription, for example,
// is a valid file.
func TestExportWithoutSegmentsIsComplete(t *testing.T) {
	want := map[transcript.Format]string{
		transcript.Markdown: "# Untitled\n\n## Transcript\n", transcript.Text: "\n", transcript.SRT: "",
		transcript.VTT: "WEBVTT\n",
		transcript.JSON: `{"id":"","title":"","status":"","summary":null,"language":null,"duration_seconds":0,` +
			`"speakers":[],"topics":[],"media_type":"","external_id":null,"created_at":"0001-01-01T00:00:00.000Z",` +
			`"updated_at":"0001-01-01T00:00:00.000Z","project":null,"text":"","segments":[],"prompt_results":[]}` + "\n",
		transcript.CSV: "start,end,speaker,text\n", transcript.Podcast: `{"version":"1.0.0","segments":[` + "\n]}\n",
	}
	for _, f := range write.Formats() {
		t.Run(string(f), func(t *testing.T) {
			if got := string(written(t, f, &memo.Transcription{})); got != want[f] {
				t.Errorf("got %q, want %q", got, want[f])
			}
		})
	}
}

// TestJSONMatchesEncodingJSON, except that encoding/json escapes more characters. The times have three
// decimals, because encoding/json leaves out zeros.
func TestJSONMatchesEncodingJSON(t *testing.T) {
	d := nasty()
	d.CreatedAt = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	d.UpdatedAt = d.CreatedAt.Add(time.Second)
	d.Reports = []memo.Report{{
		ID: 1 << 60, Name: "n\"\\", Text: "a\nb\u2028",
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC),
	}}
	d.Project = &memo.ProjectRef{ID: "i", Name: "</script>"}
	d.Text = memo.Lines(d.Segments)
	want, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var wantAny, gotAny any
	got := written(t, transcript.JSON, d)
	if err := json.Unmarshal(want, &wantAny); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &gotAny); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantAny, gotAny); diff != "" {
		t.Errorf("(-encoding/json +File)\n%s", diff)
	}
	// Compare the order of the members too.
	var compact bytes.Buffer
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(`\u2028`, "\u2028", `\u003c`, "<", `\u003e`, ">", `\u0026`, "&")
	if diff := cmp.Diff(plain.Replace(compact.String()), string(got)); diff != "" {
		t.Errorf("(-encoding/json +File)\n%s", diff)
	}
}

// TestCSVMatchesEncodingCSV, and no cell is a formula.
func TestCSVMatchesEncodingCSV(t *testing.T) {
	d := &memo.Transcription{}
	texts := []string{"a", "a, b", `"a" b`, `a "b", c`, " x ", "=1+2", `-1,"2"`, "'=1", "'a'", "@a", "日本, そう"}
	for i, text := range texts {
		d.Segments = append(d.Segments, memo.Segment{
			Start: memo.Seconds(i), End: memo.Seconds(i) + 0.5, Speaker: memo.Optional(text), Text: text,
		})
	}
	rows, err := csv.NewReader(bytes.NewReader(written(t, transcript.CSV, d))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"start", "end", "speaker", "text"}}
	for i, text := range []string{
		"a", "a, b", `"a" b`, `a "b", c`, "x", "'=1+2", `'-1,"2"`, "''=1", "'a'", "'@a", "日本, そう",
	} {
		at := memo.Seconds(i).Timestamp()
		want = append(want, []string{"00:" + at + ".000", "00:" + at + ".500", text, text})
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMarkdownIsHeadAndBody(t *testing.T) {
	for _, d := range []*memo.Transcription{{}, nasty()} {
		full := written(t, transcript.Markdown, d)
		if !bytes.Equal(full, append(write.MarkdownHead(d), write.MarkdownBody(d.Segments)...)) {
			t.Error("head and body together differ from the file")
		}
		if !bytes.HasSuffix(full, []byte("\n")) || bytes.HasSuffix(full, []byte("\n\n")) {
			t.Errorf("the file ends with %q, want one newline", full[len(full)-3:])
		}
	}
}

// TestMarkdownEscapesOnlyMarkup: nothing else is escaped, because people read the file as
// plain text too.
func TestMarkdownEscapesOnlyMarkup(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"Plain - text, e.g. 3.5 (a)!": "Plain - text, e.g. 3.5 (a)!",
		"# x #1 C#":                   `\# x \#1 C#`,
		"+1":                          `\+1`,
		"1. a":                        `1\. a`,
		"12) a":                       `12\) a`,
		"1.5 a":                       "1.5 a",
		"1.":                          `1\.`,
		"=":                           `\=`,
		":---":                        `\:---`,
		"-->":                         `\-->`,
		"_a_ b_c __d":                 `\_a\_ b_c \_\_d`,
		"AT&T &amp; &#1; &x":          `AT&T \&amp; \&#1; &x`,
		"http://a.b www.c.d":          `http\://a.b www\.c.d`,
		"~~a~~ |b|":                   `\~\~a\~\~ \|b\|`,
		"<a> `b` [c] \\ *":            "\\<a> \\`b\\` \\[c\\] \\\\ \\*",
		"日本 # そう":                     `日本 \# そう`,
	} {
		t.Run(in, func(t *testing.T) {
			if got := string(write.AppendEscapedLine(nil, in)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
