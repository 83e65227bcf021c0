package read_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// checkWarned checks what is read and that the warnings, of which each has one of the parts, say what was changed.
func checkWarned(t *testing.T, desc, name, data string, want []string, warnings ...string) {
	t.Helper()
	t.Run(desc, func(t *testing.T) {
		got, err := read.File(t.Context(), name, []byte(data), transcript.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		checkResult(t, got)
		if diff := cmp.Diff(want, show(got.Segments)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		ok := len(got.Warnings) == len(warnings)
		for i := 0; ok && i < len(warnings); i++ {
			ok = strings.Contains(got.Warnings[i], warnings[i])
		}
		if !ok {
			t.Errorf("the warnings are %q, want %q", got.Warnings, warnings)
		}
	})
}

func TestFaultyCaptionsAreRead(t *testing.T) {
	const head = "WEBVTT\n\n"
	for _, tt := range []struct {
		desc, name, data string
		want             []string
		warnings         []string
	}{
		{
			"no header, empty lines after the times", "a.vtt",
			"00:01.000 --> 00:02.000\n\nA.\n\n00:02.000 --> 00:03.000\n\nB.\n",
			[]string{"1-2 A.", "2-3 B."},
			[]string{"does not start with WEBVTT", "2 empty lines"},
		},
		{
			"text before the header", "a.txt", "Downloaded today\n\nWEBVTT - T\n\n00:01.000 --> 00:02.000\na\n",
			[]string{"1-2 a"},
			[]string{"before the line WEBVTT was left out"},
		},
		{
			"text before the first cue", "a.srt", "Made with love\n\n1\n00:00:01,000 --> 00:00:02,000\na\n",
			[]string{"1-2 a"},
			[]string{`left out: "Made with love"`},
		},
		{
			"an empty line in a text", "a.vtt", head + "1\n00:01.000 --> 00:02.000\na\n\nb\n\n2\n00:02.000 --> 00:03.000\nc",
			[]string{"1-2 a b", "2-3 c"},
			[]string{"empty lines in its text. Line 7"},
		},
		{
			"ends before starts", "a.srt",
			"1\n00:00:05,000 --> 00:00:04,000\na\n\n2\n00:00:06,000 --> 00:00:01,000\nb\n",
			[]string{"5-5 a", "6-6 b"},
			[]string{"2 cues ended before they started; their ends were removed. First on line 2."},
		},
		{
			"the second 60", "a.vtt", head + "00:01.000 --> 00:60.000\na",
			[]string{"1-60 a"},
			[]string{"the second 60"},
		},
		{
			"doubled carriage returns", "a.srt", "1\r\r\n00:00:01,000 --> 00:00:02,000\r\r\na\r\r\nb\r\r\n",
			[]string{"1-2 a b"},
			[]string{"doubled"},
		},
		{
			"no empty line before numbers", "a.vtt",
			head + "1\n00:01.000 --> 00:02.000\na\n2\n00:02.000 --> 00:03.000\nb\n3\n00:03.000 --> 00:04.000\nc",
			[]string{"1-2 a", "2-3 b", "3-4 c"},
			[]string{"2 cues came without an empty line"},
		},
		{
			"marks around times", "a.srt", "\ufeff1\n\u200e00:00:01,000 --> 00:00:02,000\u200b\na\n\n\u200b2\n" +
				"\ufeff00:00:02,000 --> 00:00:03,000\nb",
			[]string{"1-2 a", "2-3 b"},
			nil,
		},
		{
			"tags and entities", "a.srt", "1\n00:00:01,000 --> 00:00:02,000\n{\\i1}a{\\i0}<br/>b &lt;c&gt; & d\n",
			[]string{"1-2 a b <c> & d"},
			[]string{"formatting", "character references"},
		},
		{
			"text after a comment", "a.vtt", head + "00:01.000 --> 00:02.000\na\n\nNOTE x\n\nb\n\n00:02.000 --> 00:03.000\nc",
			[]string{"1-2 a", "1-2 b", "2-3 c"},
			[]string{"had no times"},
		},
		{
			"a long title in a comment", "a.vtt",
			head + "NOTE\nTitle: " + strings.Repeat("x", 600) + "\n\n00:01.000 --> 00:02.000\na\n",
			[]string{"1-2 a"},
			nil,
		},
		{
			"out of order", "a.srt", "1\n00:00:05,000 --> 00:00:06,000\na\n\n2\n00:00:01,000 --> 00:00:02,000\nb\n",
			[]string{"1-2 b", "5-6 a"},
			[]string{"were sorted"},
		},
		{
			"times of day over midnight", "a.vtt", head + "23:59:58.000 --> 23:59:59.000\na\n\n00:00:01.000 --> 00:00:03.000\nb",
			[]string{"0-1 a", "3-5 b"},
			[]string{"times of day"},
		},
	} {
		checkWarned(t, tt.desc, tt.name, tt.data, tt.want, tt.warnings...)
	}
}

// TestLateExcerptKeepsItsTimes: only times that are written as Zoom writes the time of day are times of day.
func TestLateExcerptKeepsItsTimes(t *testing.T) {
	want := []string{"25200-25202 a", "25202-25203 b"}
	for _, tt := range []struct{ desc, name, data string }{
		{"VTT", "a.vtt", "WEBVTT\n\n07:00:00.000 --> 07:00:02.000\na\n\n07:00:02.000 --> 07:00:03.000\nb\n"},
		{"SRT", "a.srt", "1\n07:00:00,000 --> 07:00:02,000\na\n\n2\n07:00:02,000 --> 07:00:03,000\nb\n"},
		{"SBV", "a.sbv", "7:00:00.000,7:00:02.000\na\n\n7:00:02.000,7:00:03.000\nb\n"},
		{"CSV", "a.csv", "start,end,text\n07:00:00.000,07:00:02.000,a\n07:00:02.000,07:00:03.000,b\n"},
		{"JSON", "a.json", `[{"start":25200,"end":25202,"text":"a"},{"start":25202,"end":25203,"text":"b"}]`},
		{"text", "a.txt", "[7:00:00] a\n[7:00:02] b\n"},
		{"Markdown", "a.md", "# T\n\n- Language: en\n\n## Transcript\n\n[7:00:00] a\n\n[7:00:02] b\n"},
	} {
		checkWarned(t, tt.desc, tt.name, tt.data, want)
	}
	want = []string{"0-2 a", "2-3 b"}
	for _, tt := range []struct{ desc, name, data string }{
		{"VTT", "a.vtt", "WEBVTT\n\n1\n07:00:00.000 --> 07:00:02.000\na\n\n2\n07:00:02.000 --> 07:00:03.000\nb\n"},
		{"text", "a.txt", "07:00:00 a\n07:00:02 b\n"},
	} {
		checkWarned(t, "times of day in "+tt.desc, tt.name, tt.data, want, "times of day")
	}
}

func TestSpeakersOfCaptionsAreFound(t *testing.T) {
	const head = "WEBVTT\n\n"
	for _, tt := range []struct {
		desc, data string
		want       []string
	}{
		{
			"identifiers", head + "Speaker 1\n00:01.000 --> 00:02.000\na\n\nSpeaker 2\n00:02.000 --> 00:03.000\nb",
			[]string{"1-2 Speaker 1 says a", "2-3 Speaker 2 says b"},
		},
		{
			"identifiers that occur once", head + "Intro\n00:01.000 --> 00:02.000\na\n\nThe End\n00:02.000 --> 00:03.000\nb",
			[]string{"1-2 a", "2-3 b"},
		},
		{
			"chevrons", head + "00:01.000 --> 00:02.000\n>> ANN: a\n&gt;&gt; BOB: b\n\n00:02.000 --> 00:03.000\n>> c",
			[]string{"1-2 ANN says a", "1-2 BOB says b", "2-3 c"},
		},
		{
			"nobody", head + "00:01.000 --> 00:02.000\n<v ->a</v>\n\n00:02.000 --> 00:03.000\n<v Ann>b</v>",
			[]string{"1-2 a", "2-3 Ann says b"},
		},
		{
			"lines in brackets",
			head + "00:01.000 --> 00:02.000\n(Ann Lee)\na\n-\n(Bob)\nb\n\n00:02.000 --> 00:03.000\n[Bob]\nc",
			[]string{"1-2 Ann Lee says a", "1-2 Bob says b", "2-3 Bob says c"},
		},
		{
			"lines of names", "0:0:1.0 --> 0:0:2.5\nAnn Lee\nhello there\n\n0:0:3.0 --> 0:0:4.0\nBob Ray\nhi, Ann\n",
			[]string{"1-2.5 Ann Lee says hello there", "3-4 Bob Ray says hi, Ann"},
		},
		{
			"sounds in brackets", head + "00:01.000 --> 00:02.000\n(Music)\na\n\n00:02.000 --> 00:03.000\nb\n\n" +
				"00:03.000 --> 00:04.000\nc",
			[]string{"1-2 (Music) a", "2-3 b", "3-4 c"},
		},
	} {
		checkRead(t, tt.desc, "a.vtt", tt.data, tt.want)
	}
}

func TestRollingCaptionsAreReadOnce(t *testing.T) {
	lines := []string{"the river was high", "and the bridge was closed", "so we took the ferry", "it was cold"}
	scrolling, growing := "WEBVTT\n\n", ""
	for i, line := range lines {
		before := " "
		if i > 0 {
			before = lines[i-1]
		}
		word, rest, _ := strings.Cut(line, " ")
		scrolling += fmt.Sprintf("00:0%d.000 --> 00:0%d.990 align:start\n%s\n%s<00:0%d.500><c> %s</c>\n\n"+
			"00:0%d.990 --> 00:0%d.000\n%s\n \n\n", i, i, before, word, i, rest, i, i+1, line)
		growing += fmt.Sprintf("00:00:0%d,000 --> 00:00:0%d,000\n%s\n%s\n\n", i, i+1, before, line)
	}
	for name, data := range map[string]string{"a.vtt": scrolling, "a.srt": growing} {
		t.Run(name, func(t *testing.T) {
			got, err := read.File(t.Context(), name, []byte(data), transcript.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, s := range got.Segments {
				texts = append(texts, s.Text)
			}
			if diff := cmp.Diff(lines, texts); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff([]string{rolling}, got.Warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLongTextIsCutAtSentences, and its time is divided.
func TestLongTextIsCutAtSentences(t *testing.T) {
	sentence := "We looked at the numbers of the third quarter again, and they add up. "
	text := strings.Repeat(sentence, 2000)
	got, err := read.File(t.Context(), "a.vtt", []byte("WEBVTT\n\n00:00.000 --> 02:00:00.000\n"+text),
		transcript.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	checkResult(t, got)
	joined := ""
	for i, s := range got.Segments {
		if !strings.HasSuffix(s.Text, "add up.") || len(s.Text) > 1000 || i > 0 && s.Start != got.Segments[i-1].End {
			t.Fatalf("segment %d is %+v", i, s)
		}
		joined += s.Text + " "
	}
	if joined != text || got.Segments[len(got.Segments)-1].End != 7200 || len(got.Warnings) != 1 {
		t.Errorf("%d segments, %d of %d bytes, warnings %q", len(got.Segments), len(joined), len(text), got.Warnings)
	}
}
