package read_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// TestInvalidFileIsRefused checks each refusal with the line and the reason that people see.
func TestInvalidFileIsRefused(t *testing.T) {
	small := transcript.Limits{Bytes: 2000, Segments: 3, LineBytes: 20, Speakers: 2}
	unlimited := transcript.DefaultLimits
	tests := []struct {
		desc, name, data string
		limits           transcript.Limits
		line             int
		reason           string // a part of the reason
	}{
		{"an empty file", "a.txt", "", unlimited, 0, "is empty"},
		{"only a BOM", "a.txt", "\ufeff", unlimited, 0, "is empty"},
		{"blank lines", "a.vtt", "\n \r\n\t", unlimited, 0, "is empty"},
		{"only control characters", "a.txt", "\x01\x02\n\x1b[31m", unlimited, 0, "no text"},
		{"a cue without text", "a.srt", "1\n00:00:01,000 --> 00:00:02,000\n\n", unlimited, 0, "no text"},
		{"only a header", "a.vtt", "WEBVTT\n", unlimited, 0, "no text"},
		{"no segments", "a.json", `{"text":"","segments":[],"language":"en"}`, unlimited, 0, "no text"},
		{"an empty array", "a.json", "[]", unlimited, 0, "no text"},
		{
			"completed without text", "a.json", `{"title":"x","status":"completed","duration_seconds":0,"segments":[]}`,
			unlimited, 0, "no text",
		},

		{"Latin-1", "a.txt", "Hello\nCaf\xe9\n", unlimited, 2, "0xE9, which is not UTF-8. Save the file as UTF-8"},
		{"a surrogate in UTF-8", "a.txt", "\xed\xa0\x80", unlimited, 1, "not UTF-8"},
		{"an overlong slash", "a.txt", "\xc0\xaf", unlimited, 1, "not UTF-8"},
		{"a cut character", "a.txt", "日本\xe8\xaa", unlimited, 1, "not UTF-8"},
		{"NUL", "a.txt", "one\r\ntwo\r\nth\x00ree", unlimited, 3, "NUL"},
		{"UTF-16 without BOM", "a.txt", "h\x00i\x00", unlimited, 1, "UTF-16 without a byte order mark"},
		{"UTF-16 with NUL", "a.txt", "\xff\xfeh\x00\x00\x00", unlimited, 1, "NUL"},
		{"UTF-32", "a.txt", "\xff\xfe\x00\x00h\x00\x00\x00", unlimited, 1, "is UTF-32"},
		{"UTF-32, big endian", "a.csv", "\x00\x00\xfe\xff\x00\x00\x00h", unlimited, 1, "is UTF-32"},
		{"ISO-2022-JP", "a.csv", "start,text\n1,\x1b$B$3$s\x1b(B\n", unlimited, 1, "is ISO-2022-JP"},
		{"Windows-1252 from Excel", "a.csv", "start;text\n1;Caf\xe9\n", unlimited, 2, `in Excel as "CSV UTF-8"`},
		{"Shift JIS", "a.csv", "start,text\n1,\x82\xb1\x82\xf1\n", unlimited, 2, "0x82, which is not UTF-8"},
		{"half a surrogate pair", "a.txt", "\xff\xfeh\x00\n\x00\x3d\xd8h\x00", unlimited, 2, "half of a UTF-16 character"},
		{"a low surrogate first", "a.txt", "\xfe\xff\xdc\x00\x00h", unlimited, 1, "half of a UTF-16 character"},
		{"a high surrogate last", "a.txt", "\xfe\xff\x00h\xd8\x3d", unlimited, 1, "half of a UTF-16 character"},
		{"an odd number of bytes", "a.txt", "\xff\xfeh\x00i", unlimited, 1, "truncated"},
		{"a PDF", "a.txt", "%PDF-1.7\nx", unlimited, 0, "is a PDF"},
		{"a Word document", "a.docx", "PK\x03\x04\x14\x00\x06\x00", unlimited, 0, "Office document"},
		{"an image", "a.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", unlimited, 0, "a picture, not a transcript"},
		{"an MP3", "a.srt", "ID3\x04\x00\xff\xfb", unlimited, 0, "MP3"},
		{"an MP4", "a.mp4", "\x00\x00\x00\x20ftypisom\x00", unlimited, 0, "recording"},

		{"too many bytes", "a.txt", strings.Repeat("a\n", 1001), small, 0, "larger than 2000 bytes"},
		{"too many lines", "a.txt", "a\nb\n\nc\nd\n", small, 5, "more than 3 segments"},
		{
			"too many cues", "a.vtt", "WEBVTT\n" + strings.Repeat("\n00:01.000 --> 00:02.000\na\n", 4), small, 12,
			"more than 3 segments",
		},
		{
			"too many cues", "a.srt", strings.Repeat("00:00:01,000 --> 00:00:02,000\na\n\n", 4), small, 10,
			"more than 3 segments",
		},
		{
			"too many JSON segments", "a.json", "[\n" + strings.Repeat(`{"text":"a"},`+"\n", 3) + `{"text":"a"}]`, small, 5,
			"more than 3 segments",
		},
		{
			"a long name", "a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v " + strings.Repeat("a", 21) + ">hi", small, 3,
			"more than 20 bytes",
		},
		{
			"a long title", "a.vtt", "WEBVTT " + strings.Repeat("a", 21) + "\n\n00:01.000 --> 00:02.000\nhi", small, 1,
			"title of more than 20 bytes",
		},
		{"many parts of a long line", "a.txt", "a\n" + strings.Repeat("a", 61), small, 2, "more than 3 segments"},
		{"VTT text without any times", "a.vtt", "WEBVTT\n\nlost\n", unlimited, 3, `"lost" without times`},
		{"many speakers", "a.txt", "A: a\nB: b\nC: c", small, 3, "more than 2 speakers"},
		{"Memo JSON: many speakers listed", "a.json", `{"prompt_results":[],"speakers":[{"name":"a"},{"name":"b"},
			{"name":"c"}],"segments":[{"text":"a"}]}`, small, 2, "more than 2 speakers"},

		{"VTT time that is a word", "a.vtt", "WEBVTT\n\nx --> y\nhi\n", unlimited, 3, `"x" where a time`},
		{"VTT time in seconds", "a.vtt", "WEBVTT\n\n1.0 --> 2.0\nhi\n", unlimited, 3, "where a time"},
		{"VTT negative time", "a.vtt", "WEBVTT\n\n-00:01.000 --> 00:02.000\nhi\n", unlimited, 3, "negative"},
		{
			"VTT end beyond 1,000 hours", "a.vtt",
			"WEBVTT\n\n00:03.000 --> 1001:00:02.000\nhi\n",
			unlimited, 3, "beyond 1,000 hours",
		},
		{
			"VTT start at 1,000 hours", "a.vtt",
			"WEBVTT\n\n1000:00:00.000 --> 1000:00:00.000\nhi\n",
			unlimited, 3, "1,000 hours",
		},
		{
			"VTT hours that overflow", "a.vtt",
			"WEBVTT\n\n00:03.000 --> 99999999999999999999:00:02.000\nhi\n",
			unlimited, 3, "where a time",
		},
		{"VTT NaN", "a.vtt", "WEBVTT\n\nNaN --> NaN\nhi\n", unlimited, 3, "where a time"},
		{"VTT without an end", "a.vtt", "WEBVTT\n\n00:03.000 -->\nhi\n", unlimited, 3, "where a time"},

		{"SRT without times", "a.srt", "hello\nworld\n", unlimited, 1, `"hello" where a cue's number`},
		{"SRT with a short arrow", "a.srt", "1\n00:00:01,000 -> 00:00:02,000\nhi\n", unlimited, 1, "number or times"},
		{"SRT bad time", "a.srt", "1\n00:00:xx,000 --> 00:00:02,000\nhi\n", unlimited, 2, "where a time"},
		{
			"SRT bad time later", "a.srt", "1\n00:00:01,000 --> 00:00:02,000\nhi\n\n2\n00:00:03,000 --> 00:61:00,000\nhi\n",
			unlimited, 6, "59 minutes",
		},
		{"SRT negative", "a.srt", "1\n-00:00:01,000 --> 00:00:02,000\nhi\n", unlimited, 2, "negative"},

		{"text beyond 1,000 hours", "a.txt", "[999999:00] x\n[00:01] y", unlimited, 1, "1,000 hours"},

		{"truncated JSON", "a.json", "{\"segments\":[\n{\"start\":0,\"end\":1,\"text\":\"hi\"}\n", unlimited, 3, "truncated"},
		{"truncated JSON text", "a.json", "{\"segments\":[\n{\"text\":\"hi", unlimited, 2, "truncated"},
		{
			"a deeply nested array", "a.json", `{"segments":` + strings.Repeat("[", 200_000), unlimited, 0,
			"max depth (element 1)",
		},
		{
			"a deeply nested unknown member", "a.json",
			`{"x":` + strings.Repeat(`{"x":`, 200_000),
			unlimited, 1, "not valid JSON",
		},
		{
			"JSON with too many names", "a.json",
			"{\n" + strings.Repeat(" ", 10) + manyMembers() + `"segments":[]}`,
			unlimited, 2, "more than 10000 members",
		},
		{
			"JSON with too many names in an object", "a.json",
			`{"x":[{` + manyMembers() + `"y":0}],"segments":[]}`,
			unlimited, 1, "more than 10000 members",
		},
		{
			"truncated JSON on one line", "a.json", `{"segments":[{"start":0,"end":1,"text":"a"},{"start":3.25,"text":"b`,
			unlimited, 0, `is truncated: the JSON does not end (element 2, at "start":3.25)`,
		},
		{
			"a segment of JSON on one line", "a.json",
			`{"segments":[{"start":0,"end":1,"text":"a"},{"start":62,"end":[],"text":"b"},{"start":70,"end":"?","text":"c"}]}`,
			unlimited, 0, `has "?" where a time is expected (segment 3, at 01:10)`,
		},
		{
			"Memo JSON: a segment on one line", "a.json",
			`{"segments":[{"start":0,"end":1,"text":"a"},{"start":62,"end":61,"text":"b"}]}`,
			unlimited, 0, `ends before it starts (segment 2, at 01:02)`,
		},
		{
			"what Python prints", "a.json", `{'text': 'a', 'segments': [{'start': 0.0, 'end': 1.0, 'text': 'a'}]}`,
			unlimited, 1, "Python object as print writes it, not JSON. Write it with json.dump",
		},
		{"a list that Python prints", "a.txt", "[{'start': 0.0, 'text': 'a'}]", unlimited, 1, "Python object"},
		{
			"objects that Python prints", "a.txt", "[Segment(id=1, seek=0, start=0.0, end=1.0, text=' a')]",
			unlimited, 1, "Python object",
		},
		{
			"Zoom's timeline", "a.json", `{"timeline":[{"ts":"00:00:01.000","users":[{"username":"Ann"}]}]}`,
			unlimited, 0, "has no words: it is Zoom's timeline",
		},
		{"a table without names of columns", "a.csv", "1,2,hello\n3,4,hi\n", unlimited, 1, "no column of texts"},
		{
			"a table with a word for a time", "a.csv", "start,end,text\n0,1,\"a\nb\"\nsoon,2,c\n", unlimited, 4,
			`"soon" where a time is expected`,
		},
		{
			"a table that goes back in time", "a.csv", "start,end,text\n0,1,a\n-7,2,c\n", unlimited, 3, "negative",
		},
		{"too many rows", "a.csv", "start,text\n0,a\n1,b\n2,c\n3,d\n", small, 5, "more than 3 segments"},
		{"JSON with more text after it", "a.json", "[{\"text\":\"a\"}]\n[]", unlimited, 2, "after the end"},
		{"JSON with a duplicate name", "a.json", `[{"text":"a","text":"b"}]`, unlimited, 0, "duplicate object member"},
		{"JSON with a lone surrogate", "a.json", "[\n{\"text\":\"\\ud800\"}]", unlimited, 2, "surrogate"},
		{"JSON with an escaped NUL", "a.json", "[\n{\"text\":\"a\\u0000b\"}]", unlimited, 2, "NUL"},
		{"JSON with a text that is NaN", "a.json", "[\n{\"text\":NaN}]", unlimited, 0, "contains no text"},
		{"only NaN", "a.json", "NaN", unlimited, 1, "not valid JSON"},
		{"NaN for a name", "a.json", `{"segments":[{NaN:1,"text":"a"}]}`, unlimited, 0, "not valid JSON"},
		{"NaN for a later name", "a.json", `{"segments":[{"text":"a",NaN:1}]}`, unlimited, 0, "not valid JSON"},
		{"NaN after a number", "a.json", `{"a":1NaN,"segments":[]}`, unlimited, 1, "not valid JSON"},
		{"NaNs", "a.json", `{"a":NaNs,"segments":[]}`, unlimited, 1, "not valid JSON"},
		{"nan", "a.json", `{"a":nan,"segments":[]}`, unlimited, 1, "not valid JSON"},
		{"truncated JSON with NaN", "a.json", `{"a":NaN,"segments":[{"text":"NaN`, unlimited, 0, "truncated"},
		{
			"Memo JSON: NaN", "a.json",
			"{\"media_type\":\"audio\",\n\"duration_seconds\":NaN,\"segments\":[]}",
			unlimited, 2, "not valid JSON",
		},
		{
			"Memo JSON: infinity in a segment", "a.json",
			"{\"media_type\":\"audio\",\"segments\":[{\"text\":\"a\",\n\"score\":-Infinity}]}",
			unlimited, 2, "not valid JSON",
		},
		{
			"JSON with infinity", "a.json", "[{\"start\":0,\"end\":1e999,\"text\":\"a\"}]", unlimited, 0,
			`"1e999" where a time is expected (segment 1, at 00:00)`,
		},
		{"JSON with a negative time", "a.json", "[\n\n{\"start\":-1,\"end\":1,\"text\":\"a\"}]", unlimited, 3, "negative"},
		{
			"JSON beyond 1,000 hours", "a.json", "[{\"start\":1,\"end\":1e9,\"text\":\"a\"}]", unlimited, 0,
			"1,000 hours (segment 1, at 00:01)",
		},
		{
			"Memo JSON: only a start", "a.json",
			"{\"media_type\":\"audio\",\"segments\":[\n{\"start\":2,\"text\":\"a\"}]}",
			unlimited, 2, `only one of "start" and "end"`,
		},
		{
			"Memo JSON: a little backwards", "a.json",
			"{\"media_type\":\"audio\",\"segments\":[\n{\"start\":2,\"end\":1.9,\"text\":\"a\"}]}",
			unlimited, 2, "ends before it starts",
		},
		{"JSON with a text that is a number", "a.json", "[\n{\"text\":7}]", unlimited, 0, "no list of texts"},
		{"JSON segment without text", "a.json", "[\n{\"start\":0,\"end\":1}]", unlimited, 0, "no list of texts"},
		{
			"JSON segment that is a number", "a.json", `[{"start":1,"end":2,"text":"a"},` + "\n7]", unlimited, 2,
			"not an object (segment 2, after 00:01)",
		},
		{
			"JSON of another program", "a.json",
			`{"name":"left-pad","version":"1.0.0"}`,
			unlimited, 0, "no list of texts with times was found",
		},
		{"null", "a.json", "null", unlimited, 1, "neither an object nor an array"},
		{"a JSON string", "a.json", `"hi"`, unlimited, 1, "neither an object nor an array"},
		{
			"Memo JSON: a list item", "a.json",
			`{"title":"x","duration_seconds":1,"media_type":"audio"}`,
			unlimited, 0, "lists leave the text out",
		},
		{
			"Memo JSON: an unknown status", "a.json",
			"{\"duration_seconds\":1,\n\"status\":\"done\",\"segments\":[]}",
			unlimited, 2, `status "done"`,
		},
		{
			"Memo JSON: an unknown media type", "a.json",
			"{\"duration_seconds\":1,\n\"media_type\":\"film\",\"segments\":[]}",
			unlimited, 2, `media_type "film"`,
		},
		{
			"Memo JSON: a word for a time", "a.json",
			"{\"duration_seconds\":1,\n\"created_at\":\"noon\",\"segments\":[]}",
			unlimited, 2, `time "noon"`,
		},
		{
			"Memo JSON: year 10000 in UTC", "a.json",
			"{\"created_at\":\"9999-12-31T23:30:00-01:00\",\"segments\":[]}",
			unlimited, 1, "0 to 9999",
		},
		{
			"Memo JSON: a negative duration", "a.json",
			"{\"duration_seconds\":-1,\"segments\":[]}",
			unlimited, 1, "duration",
		},
		{
			"Memo JSON: topics that are a string", "a.json",
			"{\"prompt_results\":[],\n\"topics\":\"x\",\"segments\":[]}",
			unlimited, 2, "/topics",
		},
		{
			"Memo JSON: a long title", "a.json",
			"{\"prompt_results\":[],\n\"title\":\"" + long(501) + "\",\"segments\":[]}",
			unlimited, 2, "a title of more than 500",
		},
		{
			"Memo JSON: a long external_id", "a.json",
			"{\"prompt_results\":[],\n\"external_id\":\"" + long(201) + "\",\"segments\":[]}",
			unlimited, 2, "an external_id of more than 200",
		},
		{
			"Memo JSON: a long language", "a.json",
			"{\"prompt_results\":[],\n\"language\":\"" + long(201) + "\",\"segments\":[]}",
			unlimited, 2, "a language of more than 200",
		},
		{
			"Memo JSON: a long speaker", "a.json",
			"{\"prompt_results\":[],\"speakers\":[{\"name\":\"A\"},\n{\"name\":\"" + long(501) +
				"\"}],\"segments\":[]}",
			unlimited, 2, "a speaker's name of more than 500",
		},
		{
			"Memo JSON: a long speaker of a segment", "a.json",
			"{\"prompt_results\":[],\"segments\":[\n{\"text\":\"a\",\"speaker\":\"" + long(501) + "\"}]}",
			unlimited, 2, "a speaker's name of more than 500",
		},
		{
			"Memo JSON: a long topic", "a.json",
			"{\"prompt_results\":[],\"topics\":[\n{\"title\":\"" + long(201) + "\"}],\"segments\":[]}",
			unlimited, 2, "a topic of more than 200",
		},
		{
			"Memo JSON: many topics", "a.json",
			"{\"prompt_results\":[],\"topics\":[" + strings.Repeat("{\"title\":\"a\"},", 100) +
				"\n{\"title\":\"a\"}],\"segments\":[]}",
			unlimited, 2, "more than 100 topics",
		},
		{
			"Memo JSON: a long summary", "a.json",
			"{\"prompt_results\":[],\n\"summary\":\"" + long(16_001) + "\",\"segments\":[]}",
			unlimited, 2, "a summary of more than 16000 characters",
		},
		{
			"Memo JSON: a summary too long as JSON", "a.json",
			"{\"prompt_results\":[],\"summary\":\"" + long(16_000) + "\",\"topics\":[{\"title\":\"" + long(200) +
				"\"}],\"segments\":[{\"text\":\"a\",\"speaker\":\"" + long(500) + "\"}]}",
			unlimited, 0, "of more than 64 kB together",
		},
		{
			"Memo JSON: many speakers with long names", "a.json",
			"{\"prompt_results\":[],\"speakers\":[" + strings.Repeat("{\"name\":\""+long(499)+"\"},", 140) +
				"{\"name\":\"a\"}],\"segments\":[{\"start\":0,\"end\":1,\"text\":\"a\"}]}",
			unlimited, 0, "of more than 64 kB together",
		},
		{
			"Memo JSON: a report with a long text", "a.json",
			"{\"prompt_results\":[\n{\"text\":\"" + long(200_001) + "\"}],\"segments\":[]}",
			unlimited, 2, "a report with a text of more than 200000 characters",
		},
		{
			"Memo JSON: long reports", "a.json",
			"{\"prompt_results\":[" + strings.Repeat("{\"text\":\""+strings.Repeat("a", 200_000)+"\"},", 5) +
				"\n{\"text\":\"" + long(20_000) + "\"}],\"segments\":[]}",
			unlimited, 2, "reports of more than 1 MB together",
		},
		{
			"Memo JSON: many reports", "a.json",
			"{\"prompt_results\":[" + strings.Repeat("{\"text\":\"a\"},", 50) +
				"\n{\"text\":\"a\"}],\"segments\":[]}",
			unlimited, 2, "more than 50 reports",
		},
		{
			"Memo JSON: a long report", "a.json",
			"{\"prompt_results\":[\n{\"name\":\"" + long(201) + "\"}],\"segments\":[]}",
			unlimited, 2, "a name of more than 200",
		},
		{
			"Memo JSON: a long slug", "a.json",
			"{\"prompt_results\":[\n{\"slug\":\"" + long(201) + "\"}],\"segments\":[]}",
			unlimited, 2, "a slug of more than 200",
		},
		{
			"Memo JSON: a long project", "a.json",
			"{\"prompt_results\":[],\n\"project\":{\"name\":\"" + long(101) + "\"},\"segments\":[]}",
			unlimited, 2, "project whose name must have at most 100",
		},
		{
			"Memo JSON: a project of two lines", "a.json",
			"{\"prompt_results\":[],\n\"project\":{\"name\":\"a\\nb\"},\"segments\":[]}",
			unlimited, 2, "control characters",
		},
		{
			"Memo JSON: a project with a right-to-left override", "a.json",
			"{\"prompt_results\":[],\n\"project\":{\"name\":\"a\\u202eb\"},\"segments\":[]}",
			unlimited, 2, "control characters",
		},
		{
			"Memo JSON: a project that is an API key", "a.json",
			"{\"prompt_results\":[],\n\"project\":{\"name\":\"x " + memo.KeyPrefix +
				"0123456789abcdef\"},\"segments\":[]}",
			unlimited, 2, "API key",
		},
		{
			"VTT with a long title", "a.vtt",
			"WEBVTT " + long(501) + "\n\n00:01.000 --> 00:02.000\nhi",
			unlimited, 1, "a title of more than 500",
		},
		{
			"VTT with a long name", "a.vtt",
			"WEBVTT\n\n00:01.000 --> 00:02.000\n<v " + long(501) + ">hi",
			unlimited, 3, "a speaker's name of more than 500",
		},
		{
			"WhisperX with a long name", "a.json",
			"[\n{\"text\":\"a\",\"speaker\":\"" + long(501) + "\"}]",
			unlimited, 2, "a speaker's name of more than 500",
		},
		{
			"Memo JSON: a report's status", "a.json",
			"{\"prompt_results\":[\n{\"status\":\"x\"}],\"segments\":[]}",
			unlimited, 2, "report with the status",
		},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			if strings.HasPrefix(tt.desc, "Memo JSON") {
				tt.data = memoJSON(tt.data)
			}
			doc, err := read.File(t.Context(), tt.name, []byte(tt.data), tt.limits)
			e, ok := errors.AsType[*transcript.Error](err)
			if !ok || doc != nil {
				t.Fatalf("File = %v, %v; want an *Error", doc, err)
			}
			if e.Line != tt.line || !strings.Contains(e.Reason, tt.reason) {
				t.Errorf("got line %d: %s\nwant line %d: …%s…", e.Line, e.Reason, tt.line, tt.reason)
			}
			if strings.ContainsAny(e.Reason, "\n\r\x1b") || len(e.Reason) > 300 {
				t.Errorf("the reason is not one short line: %q", e.Reason)
			}
		})
	}
}

// memoJSON adds to an object what it lacks of the shape of an export, on its first line.
func memoJSON(object string) string {
	depth, outer := 0, "" // the parts of the object that are not in another value
	for _, r := range object {
		switch r {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth == 1 {
			outer += string(r)
		}
	}
	var b strings.Builder
	for _, member := range []string{
		`"title":"x"`, `"status":"completed"`, `"duration_seconds":1`, `"speakers":[]`, `"topics":[]`, `"media_type":"audio"`,
		`"created_at":"2026-05-20T09:14:00Z"`,
	} {
		if name, _, _ := strings.Cut(member, ":"); !strings.Contains(outer, name+":") {
			b.WriteString(member + ",")
		}
	}
	return "{" + b.String() + strings.TrimPrefix(object, "{")
}

// long returns a text of n characters of four bytes each.
func long(n int) string { return strings.Repeat("😀", n) }

// manyMembers returns more members of a JSON object than are allowed.
func manyMembers() string {
	var b strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&b, `"%d":0,`, i)
	}
	return b.String()
}

// TestHostileFileIsReadQuickly reads files that would be slow or need much memory if the
// cost of reading grew faster than the size of the file.
func TestHostileFileIsReadQuickly(t *testing.T) {
	const n = 1 << 18
	cues := func(format string) string {
		var b strings.Builder
		for i := range 210_000 {
			fmt.Fprintf(&b, format, i%60)
		}
		return b.String()
	}
	for desc, data := range map[string]string{
		"a.txt":  strings.Repeat("\n", 8*n),
		"b.txt":  strings.Repeat("a: ", n),
		"c.txt":  strings.Repeat("\x1b]", n),
		"d.txt":  strings.Repeat("\u200d", n),
		"e.txt":  strings.Repeat("[00:01] a\n", n),
		"a.vtt":  "WEBVTT\n\n00:01.000 --> 00:02.000\n" + strings.Repeat("<", 4*n),
		"b.vtt":  "WEBVTT\n\n00:01.000 --> 00:02.000\n" + strings.Repeat("&", 4*n),
		"c.vtt":  "WEBVTT\n\nNOTE\n" + strings.Repeat("a\n", 4*n),
		"d.vtt":  "WEBVTT\n" + cues("\n00:%02d.000 --> 01:00.000\n<v A>a\n"),
		"e.vtt":  "WEBVTT\n\n00:01.000 --> 00:02.000\n" + strings.Repeat("<v A>a<v B>b", n/4),
		"a.srt":  cues("00:00:%02d,000 --> 00:01:00,000\na\n\n"),
		"b.srt":  "1\n00:00:01,000 --> 00:00:02,000\n" + strings.Repeat("1\n\n", n),
		"a.json": strings.Repeat("[", 8*n),
		"b.json": `{"segments":[` + strings.Repeat(`{"text":"a"},`, n/4) + `{"text":"a"}]}`,
		"c.json": `{"segments":[{"text":"a","words":[` + strings.Repeat(`{},`, n) + `{}]}]}`,
		"d.json": `{"segments":[{"text":"a","words":[` + strings.Repeat(`NaN,"\",`, n) + `NaN]}]}`,
		"f.txt":  strings.Repeat("[a]: ", n),
		"e.json": `{"words":[` + strings.Repeat(`{"word":"a","start":1},`, n/2) + `{"word":"a","start":1}]}`,
		"f.json": `{"words":[` + strings.Repeat(`{"word":"a b","start":1,"end":2},`, n/4) + `{}],` +
			`"text":"` + strings.Repeat("a a", n) + `"}`,
		"g.json": `{"segments":[` + strings.Repeat(`{"start":1,"text":null},`, n) + `{"start":1,"text":"a"}]}`,
		"h.json": strings.Repeat(`{"a":[`, 4000) + strings.Repeat(`]}`, 4000),
		"i.json": strings.Repeat(`{"`+strings.Repeat("a", n/8)+`":`, 8) + "1" + strings.Repeat("}", 8),
		"j.json": `{"speakers":[` + strings.Repeat(`{"id":1,"name":"a"},`, n/4) + `{}],` +
			`"segments":[{"start":1,"text":"a","speaker":1}]}`,
		"k.json":     `{"events":[{"tStartMs":1,"segs":[` + strings.Repeat(`{"utf8":"a"},`, n/4) + `{}]}]}`,
		"l.json":     `{"x":"` + strings.Repeat(`\\\"`, 4*n) + `"}`,
		"a.csv":      "start,end,text\n" + strings.Repeat("1,2,a\n", n),
		"b.csv":      "start,text\n" + strings.Repeat(`"`, 8*n),
		"c.csv":      "start,text\n" + strings.Repeat("\"a,", 4*n),
		"d.csv":      "start,text" + strings.Repeat(",", 8*n) + "\n" + strings.Repeat(",", 8*n),
		"e.csv":      "start,text\n" + strings.Repeat("\"a\n", 4*n),
		"f.csv":      "start,word\n" + strings.Repeat("1,a\n", n),
		"a.tsv":      "start\ttext\n" + strings.Repeat("\"\t", 4*n),
		"no newline": strings.Repeat("a", 8*n),
	} {
		t.Run(desc, func(t *testing.T) {
			result, err := read.File(t.Context(), desc, []byte(data), transcript.DefaultLimits)
			if err == nil {
				checkResult(t, result)
			}
		})
	}
}
