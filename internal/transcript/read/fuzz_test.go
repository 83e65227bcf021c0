package read_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
	"memoai.tech/memo/internal/transcript/write"
)

// fuzzLimits are so small that the fuzzer reaches them.
var fuzzLimits = transcript.Limits{Bytes: 1 << 16, Segments: 200, LineBytes: 1 << 12, Speakers: 50}

// seed is a file from which the fuzzer starts.
type seed struct{ name, data string }

// seeds returns the short samples, and valid and invalid files of every format.
func seeds(f *testing.F) (all []seed) {
	f.Helper()
	for _, s := range samples {
		if data := sampleData(f, s.file); len(data) <= 4000 { // long seeds slow the fuzzer down
			all = append(all, seed{s.file, string(data)})
		}
	}
	files, _ := filepath.Glob("testdata/dialects/*.json")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && len(data) <= 4000 {
			all = append(all, seed{"a.json", string(data)})
		}
	}
	return append(all, []seed{
		{
			"a.vtt",
			"WEBVTT - t\nLanguage: en\n\nNOTE x\n\nid\n00:01.000 --> 01:00:02.000 line:0\n<v.a Ann>a &lt; b</v> <i>c</i>\n<v " +
				"Bob>d --> e\n",
		},
		{"a.vtt", "WEBVTT\r\r1\r00:00.000 --> 00:00.001\rAnn: a\r"},
		{"a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n&#0;&#x1b;<00:01.500>< <v\n00:02.000 --> 00:03.000\n"},
		{"a.srt", "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<i>a</i>\n\n2\n\n3\n0:00:02.5-->00:03\nAnn: 42\n\nb\n"},
		{"a.srt", "00:00:00,000 --> 00:00:00,001\n00:00:01,000 --> 00:00:02,000\n7\n00:00:01,000 --> 00:00:02,000\nb"},
		{
			"a.json",
			`{"text":"a","segments":[{"id":0,"start":0.0,"end":1.5,"text":" a",` +
				`"words":[{"word":"a","speaker":"S"}]}],"language":"en"}`,
		},
		{"a.json", `[{"start":1e0,"end":2,"text":"\ud83d\ude00 \u001b[1m","speaker":null}]`},
		{
			"a.json",
			`{"title":"t","status":"failed","summary":"a\nb","duration_seconds":0,"speakers":[{"name":"A"}],` +
				`"topics":[{"title":"x"}],"project":{"id":"1","name":"P"},"created_at":"2026-05-20T09:14:00Z",` +
				`"segments":[],` +
				`"prompt_results":[{"id":1,"status":"queued","text":"y","created_at":"2026-05-20T09:14:00Z"}]}`,
		},
		{
			"a.json",
			`{"segments":[{"start":2,"end":1.9,"text":"NaN","avg_logprob":NaN},` +
				`{"start":3,"text":"b","x":[-Infinity]}],"duration":Infinity}`,
		},
		{"a.csv", "start,end,speaker,text\n0:01,00:02.5,A,\"b, \"\"c\"\"\"\n1,2\r\n3,4,B,c,d\n"},
		{"a.tsv", "sep=\t\nstart_ms\tduration\tword\n1000\t5\tWell,\n1005\t5\t\"a\"\n"},
		{"a.json", `[{"beginMs":1e3,"finishMs":"2000","utterance":"a b c","who":7},{"beginMs":null,"utterance":"d"}]`},
		{
			"a.json",
			`{"title":"t","date":1779268440000,"x":{"items":[{"time":"2026-05-20T09:14:00Z","content":"a",` +
				`"user":{"name":"B"}}]}}`,
		},
		{"a.json", `{"words":[{"word":"Dr","start":0,"end":1},{"word":"A","start":1}],"text":"Dr. A?","duration":9000}`},
		{
			"a.json",
			`{"segments":[{"start":100,"end":300,"text":"a b c","words":[{"speaker":1}]}],` +
				`"speakers":[{"id":1,"name":"C"}]}`,
		},
		{"a.json", `{'text': 'a'}`},
		{"a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n[SPEAKER_00]: a\n"},
		{"a.vtt", "x\n\nWEBVTT\n\nS 1\n00:01.000 --> 00:60.000\n\n(Ann)\na\n-\n(Bob)\nb\n2\n00:00.000 --> 00:00.000\n>> c"},
		{"a.vtt", "00:01.000 --> 00:02.000\na b\n\n00:02.000 --> 00:03.000\na b\nc\n\n00:03.000 --> 00:04.000\nc\nd\n\n" +
			"00:04.000 --> 00:05.000\nd\ne\n"},
		{"a.sbv", "0:00:01.000,0:00:02.500\nAnn: a\n\n23:00:03.000,23:00:02.000\n{\\i1}b<br>&amp;"},
		{
			"a.ttml", `<tt xml:lang="en" tickRate="10"><head><title>t</title><agent xml:id="a"><name>Ann</name></agent></head>` +
				`<body begin="1s"><p begin="5t" dur="00:00:01:02" agent="a">a<br/><span begin="2s">b</span></p></body></tt>`,
		},
		{"a", `<transcript><text start="0.5" dur="2">a &amp;#39; b</text></transcript>`},
		{"a.txt", "[00:42] Jordan: Of course…\nmore\n[1:02:03] b\n"},
		{"a.txt", "T - Transcript\nSep 14, 2026\n1h 2m\n\nAnn Lee  0:03 \na\n\n[Bob] 16:36:35\nb\n" +
			"Transcription ended after 01:00:00"},
		{"a.txt", "00:00:00:00 - 00:00:05:14\nSpeaker 1\na\n\n00:00:05;20 - 00:00:09;290\nSpeaker 2\nb\n"},
		{"a.txt", "Ann Lee\n:house: 11:59 AM\na\n12:01\nb\nBob\n12:02 PM\nc\n[12:03 PM]d\n"},
		{
			"a.json",
			`[{"type":"message","user":"U1","text":"a <@U2|b> &amp; <http://x|y>","ts":"1779268440.5",` +
				`"user_profile":{"real_name":"A"}},` +
				`{"type":"message","user":"U1","text":"<@U1> has left the channel","ts":"1779268441.5"}]`,
		},
		{"a.md", "# T\nn\n## Transcript\n### x\n[00:01] a\n## Notes\nb\n## More\n**A:** c\n"},
		{"a.txt", "00:03\nAnn: a\nBob: b\n00:09\nAnn: c\n"},
		{"a.txt", "0:01 - 0:02\tAnn:\ta\n(1:02:03.5) **Bob:** b\nFrom Ann 4:05 PM: c\n[00:00.1 --> 00:00.2] d"},
		{"a.txt", "Ann: a\n田中：b\nRemember: c\n\x1b[31md\x1b]0;x\x07\u2028e"},
		{"2026-05-20_x", "\xff\xfea\x00\n\x00\x3d\xd8\x00\xde"},
		{"GMT20260520-091400_R.x", "\xfe\xff\x00a"},
		{"a", "\xef\xbb\xbf[{\"text\":\"a\"}]"},
		{
			"a.md", "# T\n\n- Date: 2026-05-20 09:14 UTC\n- Speakers: Ann\n\n## Summary\n\na  \nb\n\n## Topics\n\n- x\n\n" +
				"## AI reports\n\n### R\n\nStatus: failed\n\n## Transcript\n\n**Ann** [00:01] a \\* b\n\n[00:02] c\n",
		},
		{"a.md", "---\ntitle: t\ndate: 2026-05-20\n---\n# t\n- x\n## Transcript\n**Me:** a\n**Them:** b\n**Bob**\nc\n"},
		{"a.md", "- [00:03](u) **Ann:** a\n### Bob 00:04\nb\\\n---\n"},
		{"a", "Caf\xe9"},
		{"a", "PK\x03\x04"},
	}...)
}

// FuzzRead: every file is read as a valid transcription or refused with a reason.
func FuzzRead(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s.name, []byte(s.data))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) { checkReadOrRefused(t, name, data) })
}

// The next targets have one reader each, so that each gets its time. FuzzDocx is with its tests.

func FuzzCaptions(f *testing.F) { fuzzReader(f, "vtt", "srt", "sbv") }
func FuzzTTML(f *testing.F)     { fuzzReader(f, "ttml", "") }
func FuzzJSON(f *testing.F)     { fuzzReader(f, "json") }
func FuzzTable(f *testing.F)    { fuzzReader(f, "csv", "tsv") }
func FuzzText(f *testing.F)     { fuzzReader(f, "txt") }
func FuzzMarkdown(f *testing.F) { fuzzReader(f, "md") }

// fuzzReader starts from the seeds with some extensions.
func fuzzReader(f *testing.F, extensions ...string) {
	for _, s := range seeds(f) {
		if slices.Contains(extensions, strings.TrimPrefix(filepath.Ext(s.name), ".")) {
			f.Add([]byte(s.data))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkReadOrRefused(t, "a."+extensions[0], data) })
}

func checkReadOrRefused(t *testing.T, name string, data []byte) {
	t.Helper()
	before := bytes.Clone(data)
	result, err := read.File(t.Context(), name, data, fuzzLimits)
	if !bytes.Equal(before, data) {
		t.Fatal("File changed its input")
	}
	if err != nil {
		e, ok := errors.AsType[*transcript.Error](err)
		if !ok || e.Reason == "" || strings.ContainsAny(e.Reason, "\n\r\x1b\x00") || len(e.Reason) > 400 || result != nil {
			t.Fatalf("refused with %#v, want an *Error with a short reason", err)
		}
		if e.Line < 0 || e.Line > 2+bytes.Count(data, []byte("\n"))+bytes.Count(data, []byte("\r")) {
			t.Fatalf("the refusal names line %d, which is not in the file", e.Line)
		}
		return
	}
	checkResult(t, result)
	if doc := result.Transcription; len(doc.Segments) > fuzzLimits.Segments {
		t.Fatalf("%d segments, want at most %d", len(doc.Segments), fuzzLimits.Segments)
	}
}

// FuzzRoundTrip reads a file, writes the transcription in every format and reads it again.
// JSON must give the same transcription, and every other format a valid one.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s.name, []byte(s.data))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) { checkAnyFile(t, name, data) })
}

func checkAnyFile(t rapid.TB, name string, data []byte) {
	t.Helper()
	result, err := read.File(context.Background(), name, data, fuzzLimits)
	if err != nil {
		return
	}
	checkResult(t, result)
	doc := result.Transcription
	if diff := cmp.Diff(doc, reread(t, transcript.JSON, doc)); diff != "" {
		t.Fatalf("json (-before +after)\n%s", diff)
	}
	sortByStart(doc)
	parts := append(write.MarkdownHead(doc), write.MarkdownBody(doc.Segments)...)
	if !bytes.Equal(written(t, transcript.Markdown, doc), parts) {
		t.Fatal("md: head and body together differ from the file")
	}
	if len(doc.Segments) == 0 {
		return
	}
	// A text file has no escapes, so its text can be read as a time or as another format.
	if second, err := read.File(context.Background(), "x.txt", written(t, transcript.Text, doc), fuzzLimits); err == nil {
		checkResult(t, second)
	}
	for _, format := range []transcript.Format{transcript.SRT, transcript.VTT, transcript.CSV, transcript.Podcast} {
		second, warnings := rereadWithWarnings(t, format, doc)
		checkDocument(t, second)
		if len(second.Segments) != len(doc.Segments) && !slices.Contains(warnings, rolling) {
			t.Fatalf("%s: %d segments became %d", format, len(doc.Segments), len(second.Segments))
		}
	}
}

// TestShuffledTokensAreReadOrRefused reads files of random tokens of every format, which
// the fuzzer takes long to find.
func TestShuffledTokensAreReadOrRefused(t *testing.T) {
	tokens := rapid.SampledFrom([]string{
		"\n", "\n", "\n\n", "\r\n", " ", "\t", "1", "2\n",
		"00:00:01,000 --> 00:00:02,000\n", "00:01.000 --> 00:02.000 a:b\n", "00:00:00.000 --> 00:00:00.001\n",
		"-->", " --> ", "-00:01", "00:61.000", "NOTE", "STYLE\n", "REGION\n", "WEBVTT", "<v Ann>", "</v>", "<v.x B&amp;C>",
		"<", ">", "<i>", "</i>", "&", "&lt;", "&#0;", "&#10;",
		"Ann: ", "ann: ", "[Ann]: ", "NaN", `"end":NaN`, "SPEAKER_00: ", "田中：", "[00:42] ", "[1:02:03] ",
		"[", "]", "{", "}",
		`"text":"a"`, `"start":1`, `"end":2`, ",", ":", `"segments":[`, `{"text":"b"}`, "a", "é", "日本", "😀",
		"\u2028", "\u0085", "\x1b[31m", "\x1b]", "\x07", "\u202e", "\u200d", "\ufeff", "{\\an8}", "\\", "42", "#3",
	})
	rapid.Check(t, func(t *rapid.T) {
		extension := rapid.SampledFrom([]string{"vtt", "srt", "txt", "json", "x"}).Draw(t, "extension")
		text := strings.Join(rapid.SliceOfN(tokens, 0, 40).Draw(t, "tokens"), "")
		switch rapid.IntRange(0, 3).Draw(t, "start") {
		case 0:
			text = "WEBVTT\n\n" + text
		case 1:
			text = "1\n00:00:01,000 --> 00:00:02,000\n" + text
		}
		checkAnyFile(t, "x."+extension, []byte(text))
	})
}
