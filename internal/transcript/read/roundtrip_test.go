package read_test

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
	"memoai.tech/memo/internal/transcript/write"
)

// drawDocument draws a transcription that File could return, with any text and times.
func drawDocument(t *rapid.T) *memo.Transcription {
	text := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{
			"a --> b", "NOTE", "<v Eve>x", "1", "&lt;", "Remember: x", "[00:01] Ann: x", "WEBVTT",
			"</v>", `{"a":1}`, "日本：x", "# x\n\n- y", "<i>a</i> <FONT b>c</font> {\\an8} &lt#b; &amp;lt;", "=1+2", "''-'",
			"\"a\", b", "-", "@",
		}),
		rapid.StringMatching(`[a-zA-Z0-9 :.,<>&/\[\]{}"\\-]{1,40}`),
	)
	name := rapid.SampledFrom([]string{"", "Ann", "Bob van der Berg", "SPEAKER_00", "Иван", "田中", "A & <B>", "jo"})
	timed := rapid.Bool().Draw(t, "timed")
	unit := rapid.SampledFrom([]int64{1, 1000}).Draw(t, "unit") // whole seconds can look like times of day
	from := rapid.Int64Range(0, 86_400).Draw(t, "from") * 1000
	ids := map[string]memo.Optional{"": ""}
	d := &memo.Transcription{ListItem: memo.ListItem{
		Status: memo.StatusCompleted, MediaType: "audio", Speakers: []memo.Speaker{}, Topics: []memo.Topic{},
	}, Segments: []memo.Segment{}, Reports: []memo.Report{}}
	for range rapid.IntRange(1, 8).Draw(t, "segments") {
		s := memo.Segment{Text: plaintext.OneLine(text.Draw(t, "text")), Speaker: memo.Optional(name.Draw(t, "speaker"))}
		if s.Text == "" || strings.Contains(s.Text, "\x00") {
			s.Text = "x"
		}
		if timed {
			start := from + rapid.Int64Range(0, 300_000_000/unit).Draw(t, "start")*unit
			s.Start = memo.Seconds(float64(start) / 1000)
			length := rapid.Int64Range(0, 90_000/unit).Draw(t, "length") * unit
			s.End, _ = memo.RoundSeconds(float64(start+length) / 1000)
		}
		if _, known := ids[string(s.Speaker)]; !known {
			ids[string(s.Speaker)] = memo.Optional('0' + rune(len(ids)))
			d.Speakers = append(d.Speakers, memo.Speaker{Name: string(s.Speaker)})
		}
		s.SpeakerID = ids[string(s.Speaker)]
		d.Segments = append(d.Segments, s)
		d.Duration = max(d.Duration, s.End)
	}
	if !memo.HasTimes(d.Segments) {
		d.MediaType = "text"
	}
	d.Text = memo.Lines(d.Segments)
	return d
}

// sortByStart sorts the segments, as File does unless they are from Memo JSON.
func sortByStart(d *memo.Transcription) {
	slices.SortStableFunc(d.Segments, func(a, b memo.Segment) int { return cmp.Compare(a.Start, b.Start) })
	d.Text = memo.Lines(d.Segments)
}

// reread writes a transcription in a format and reads the file.
func reread(t rapid.TB, f transcript.Format, d *memo.Transcription) *memo.Transcription {
	t.Helper()
	doc, _ := rereadWithWarnings(t, f, d)
	return doc
}

func rereadWithWarnings(t rapid.TB, f transcript.Format, d *memo.Transcription) (*memo.Transcription, []string) {
	t.Helper()
	var b strings.Builder
	if err := write.File(context.Background(), &b, f, d); err != nil {
		t.Fatal(err)
	}
	got, err := read.File(context.Background(), "x."+f.Extension(), []byte(b.String()), transcript.DefaultLimits)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	return got.Transcription, got.Warnings
}

// TestJSONRoundTripLosesOnlyIDs: the ids belong to another database.
func TestJSONRoundTripLosesOnlyIDs(t *testing.T) {
	line := rapid.Custom(func(t *rapid.T) string { return plaintext.OneLine(rapid.StringN(0, 150, -1).Draw(t, "line")) })
	project := rapid.Custom(func(t *rapid.T) string {
		return "P" + rapid.StringMatching(`[ -~é日😀]{0,90}x`).Draw(t, "project")
	})
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMilli(rapid.Int64Range(-60_000_000_000_000, 250_000_000_000_000).Draw(t, "ms")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		d.ID, d.Title = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "T"+line.Draw(t, "title")
		d.Status = rapid.SampledFrom(memo.Statuses).Draw(t, "status")
		d.MediaType = rapid.SampledFrom([]string{"audio", "video", "text"}).Draw(t, "media")
		d.Summary = memo.Optional(plaintext.Multiline(rapid.String().Draw(t, "summary")))
		d.Language, d.ExternalID = memo.Optional(line.Draw(t, "language")), memo.Optional(line.Draw(t, "external"))
		d.CreatedAt, d.UpdatedAt = at.Draw(t, "created"), at.Draw(t, "updated")
		d.Topics = append(d.Topics, memo.Topic{Title: "T" + line.Draw(t, "topic")})
		d.Speakers = append(d.Speakers, memo.Speaker{Name: "silent"})
		d.Project = &memo.ProjectRef{ID: "0197a0de-7f3c-7cc4-9c1e-5b7e1f0f9a77", Name: project.Draw(t, "project")}
		d.Reports = append(d.Reports, memo.Report{
			ID: rapid.Int64().Draw(t, "id"), Name: line.Draw(t, "name"), Slug: "s", Status: memo.StatusFailed,
			Text: plaintext.Multiline(rapid.String().Draw(t, "report")), CreatedAt: at.Draw(t, "made"),
		})
		d.Segments[0].SpeakerID = "own id"
		if rapid.Bool().Draw(t, "no segments") {
			d.Status, d.Segments, d.Text = memo.StatusQueued, []memo.Segment{}, ""
		}
		got := reread(t, transcript.JSON, d)
		d.ID, d.Project.ID = "", ""
		if diff := gocmp.Diff(d, got); diff != "" {
			t.Fatalf("(-before +after)\n%s", diff)
		}
	})
}

// TestVTTRoundTripKeepsSegments, the title and the language. Only a segment without a length becomes a millisecond
// long.
func TestVTTRoundTripKeepsSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		sortByStart(d)
		d.Segments[0].Speaker = "Ann" // a voice tag: without one, names are read as Zoom writes them
		d.Title = rapid.SampledFrom([]string{"Weekly: \"sync\"", "NOTE Title: x", "日本", "Language: fr"}).Draw(t, "title")
		d.Language = rapid.SampledFrom([]memo.Optional{"", "en", "de"}).Draw(t, "language")
		want := lengthened(d.Segments)
		got := reread(t, transcript.VTT, d)
		if diff := gocmp.Diff(want, withoutIDs(got.Segments)); diff != "" {
			t.Fatalf("(-before +after)\n%s", diff)
		}
		if got.Title != d.Title || got.Language != d.Language {
			t.Fatalf("%q in %q became %q in %q", d.Title, d.Language, got.Title, got.Language)
		}
	})
}

// colonNames are names that can come before a colon.
var colonNames = []memo.Optional{
	"Ann", "SPEAKER_00", "Иван", "Bob van der Berg", "田中", "María José O'Neil-Smith", "Dr. Lee",
}

// TestSRTRoundTripKeepsSegments with names that can come before a colon.
func TestSRTRoundTripKeepsSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		sortByStart(d)
		for i := range d.Segments {
			d.Segments[i].Speaker = rapid.SampledFrom(colonNames).Draw(t, "name")
		}
		if diff := gocmp.Diff(lengthened(d.Segments), withoutIDs(reread(t, transcript.SRT, d).Segments)); diff != "" {
			t.Fatalf("(-before +after)\n%s", diff)
		}
	})
}

// TestTableAndPodcastRoundTripsKeepSegments: times, speakers and texts are the same.
func TestTableAndPodcastRoundTripsKeepSegments(t *testing.T) {
	for _, format := range []transcript.Format{transcript.CSV, transcript.Podcast} {
		t.Run(string(format), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d := drawDocument(t)
				sortByStart(d)
				if diff := gocmp.Diff(withoutIDs(d.Segments), withoutIDs(reread(t, format, d).Segments)); diff != "" {
					t.Fatalf("(-before +after)\n%s", diff)
				}
			})
		})
	}
}

// TestTextRoundTripKeepsLines: lines have no end times and whole seconds, but the text that
// is read is written in the same way again.
func TestTextRoundTripKeepsLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		sortByStart(d)
		for i := range d.Segments {
			s := &d.Segments[i]
			s.Speaker = rapid.SampledFrom(colonNames).Draw(t, "name")
			if _, _, ok := read.SplitTimestamp(s.Text); ok && !memo.HasTimes(d.Segments) {
				s.Text = "x" // "Ann: [00:42] x" is how some tools write times
			}
		}
		got := reread(t, transcript.Text, d)
		if diff := gocmp.Diff(memo.Lines(d.Segments), got.Text); diff != "" {
			t.Fatalf("(-before +after)\n%s", diff)
		}
		for i, s := range got.Segments {
			before := d.Segments[i]
			if s.Text != before.Text || s.Speaker != before.Speaker || math.Floor(float64(before.Start)) != float64(s.Start) {
				t.Fatalf("segment %d: %+v became %+v", i, before, s)
			}
		}
	})
}

// lengthened returns segments with the end times that a caption format gives them.
func lengthened(segments []memo.Segment) []memo.Segment {
	segments = withoutIDs(segments)
	timed := false
	for i := range segments {
		s := &segments[i]
		s.End, _ = memo.RoundSeconds(max(float64(s.End), float64(s.Start)+0.001))
		timed = timed || s.Start > 0 || s.End.Millis() > 1
	}
	for i := range segments {
		if !timed {
			segments[i].End = 0
		}
	}
	return segments
}

// withoutIDs returns segments without the ids of their speakers, which File assigns by order.
func withoutIDs(segments []memo.Segment) []memo.Segment {
	out := []memo.Segment{}
	for _, s := range segments {
		s.SpeakerID = ""
		out = append(out, s)
	}
	return out
}

// rolling is the warning about a file whose captions repeat each other, which random texts sometimes do.
const rolling = "The captions repeat their lines while they scroll; each line was read once."
