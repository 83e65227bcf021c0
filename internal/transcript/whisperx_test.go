package transcript_test

import (
	"fmt"
	"strings"
	"testing"

	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/transcript/read"
)

// whisperX returns a JSON of WhisperX of about n bytes: one line, most of which is words.
func whisperX(n int) []byte {
	words := strings.Fields("so what we want to know is whether the new plan costs more than the old one did")
	var b strings.Builder
	b.WriteString(`{"segments": [`)
	for i := 0; b.Len() < n; i++ {
		if i > 0 {
			b.WriteString(", ")
		}
		at := float64(i) * 6
		fmt.Fprintf(&b, `{"start": %.3f, "end": %.3f, "text": " %s.", "words": [`, at, at+5.5, strings.Join(words, " "))
		for j, w := range words {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, `{"word": "%s", "start": %.3f, "end": %.3f, "score": 0.%d, "speaker": "SPEAKER_%02d"}`,
				w, at+float64(j)*0.3, at+float64(j)*0.3+0.28, 100+i%900, i/4%3)
		}
		fmt.Fprintf(&b, `], "speaker": "SPEAKER_%02d"}`, i/4%3)
	}
	b.WriteString(`], "language": "en"}`)
	return []byte(b.String())
}

func BenchmarkReadWhisperX(b *testing.B) {
	data := whisperX(30 << 20)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := read.File(b.Context(), "a.json", data, transcript.DefaultLimits); err != nil {
			b.Fatal(err)
		}
	}
}
