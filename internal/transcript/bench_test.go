package transcript_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
	"memoai.tech/memo/internal/transcript/write"
)

// longCall returns a transcription of 30,000 segments for the benchmarks.
func longCall() *memo.Transcription {
	d := &memo.Transcription{ListItem: memo.ListItem{
		Title: "Acme — discovery call", Status: memo.StatusCompleted,
		CreatedAt: time.Unix(0, 0),
	}}
	n := 0
	for i := 0; n < 30_000; i++ {
		s := memo.Segment{
			Start: memo.Seconds(i * 5), End: memo.Seconds(i*5) + 4.25, SpeakerID: "1", Speaker: "Jordan",
			Text: fmt.Sprintf("Of course, but what does it cost us & them in year %d, and who is “we” then?", i),
		}
		n += len(s.Text)
		d.Segments = append(d.Segments, s)
	}
	d.Text = memo.Lines(d.Segments)
	return d
}

func BenchmarkWrite(b *testing.B) {
	d := longCall()
	for _, f := range transcript.Formats {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(written(b, f, d))))
			for b.Loop() {
				if err := write.File(b.Context(), io.Discard, f, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	d := longCall()
	for _, f := range []transcript.Format{transcript.Text, transcript.SRT, transcript.VTT, transcript.JSON} {
		data := written(b, f, d)
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := read.File(b.Context(), "a."+string(f), data, transcript.DefaultLimits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func written(b *testing.B, f transcript.Format, d *memo.Transcription) []byte {
	b.Helper()
	var out bytes.Buffer
	if err := write.File(b.Context(), &out, f, d); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
