package read_test

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript/read"
)

// checkResult fails unless a result has every property that File guarantees.
func checkResult(t rapid.TB, r *read.Result) {
	t.Helper()
	checkDocument(t, r.Transcription)
	checkLine(t, "format", r.Format, false)
	if len(r.Warnings) > 20 {
		t.Errorf("%d warnings, want at most 20", len(r.Warnings))
	}
	for _, w := range r.Warnings {
		checkLine(t, "warning", w, false)
		checkShort(t, "warning", w, 300)
	}
}

// checkDocument fails unless a transcription has every property that File guarantees.
func checkDocument(t rapid.TB, doc *memo.Transcription) {
	t.Helper()
	if doc.Speakers == nil || doc.Topics == nil || doc.Segments == nil || doc.Reports == nil {
		t.Error("a slice is nil")
	}
	if doc.Text != memo.Lines(doc.Segments) {
		t.Error("the text differs from the lines of the segments")
	}
	if doc.ID != "" || doc.Project != nil && doc.Project.ID != "" {
		t.Error("the transcription has an id from the file")
	}
	checkLine(t, "title", doc.Title, false)
	for _, s := range doc.Speakers {
		checkShort(t, "speaker", s.Name, 500)
	}
	for _, topic := range doc.Topics {
		checkShort(t, "topic", topic.Title, 500)
	}
	for _, r := range doc.Reports {
		checkShort(t, "report", r.Name, 200)
		checkShort(t, "slug", r.Slug, 200)
	}
	checkShort(t, "title", doc.Title, 500)
	checkShort(t, "external id", string(doc.ExternalID), 200)
	checkShort(t, "language", string(doc.Language), 200)
	if p := doc.Project; p != nil {
		if name, err := memo.CleanName("name", p.Name); err != nil || name != p.Name {
			t.Errorf("project %q: %v", p.Name, err)
		}
	}
	if doc.MediaType != "audio" && doc.MediaType != "video" && doc.MediaType != "text" {
		t.Errorf("unknown media type %q", doc.MediaType)
	}
	names := map[memo.Optional]bool{}
	for _, s := range doc.Speakers {
		checkLine(t, "speaker", s.Name, false)
		names[memo.Optional(s.Name)] = true
	}
	for i, s := range doc.Segments {
		checkLine(t, "text", s.Text, false)
		checkLine(t, "speaker", string(s.Speaker), true)
		checkLine(t, "speaker id", string(s.SpeakerID), true)
		for _, at := range []memo.Seconds{s.Start, s.End} {
			if rounded, ok := memo.RoundSeconds(float64(at)); !ok || rounded != at {
				t.Errorf("segment %d: the time %v is not a whole millisecond", i, at)
			}
		}
		if s.End < s.Start {
			t.Errorf("segment %d ends before it starts", i)
		}
	}
}

// checkShort fails if a text has more characters than the database can index.
func checkShort(t rapid.TB, desc, s string, limit int) {
	t.Helper()
	if n := utf8.RuneCountInString(s); n > limit {
		t.Errorf("%s has %d characters, want at most %d", desc, n, limit)
	}
}

// checkLine fails unless s is one line without control characters and outer spaces.
func checkLine(t rapid.TB, desc, s string, mayBeEmpty bool) {
	t.Helper()
	if s == "" && !mayBeEmpty {
		t.Errorf("%s is empty", desc)
	}
	if s != plaintext.Trim(s) || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) ||
		strings.ContainsAny(s, "\u2028\u2029") {
		t.Errorf("%s is not one clean line: %q", desc, s)
	}
}
