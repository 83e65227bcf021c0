package write

import (
	"strconv"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

func (o *output) srt(d *memo.Transcription) {
	n := int64(0)
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return appendSRT(b, &n, s) })
}

// appendSRT appends a segment as a cue. It increments n, the number of the last cue. SRT
// has no escapes.
func appendSRT(b []byte, n *int64, s *memo.Segment) []byte {
	text := plaintext.OneLine(s.Text)
	if text == "" {
		return b
	}
	if *n++; *n > 1 {
		b = append(b, '\n')
	}
	b = append(strconv.AppendInt(b, *n, 10), '\n')
	b = appendTiming(b, s, ',')
	if speaker := plaintext.OneLine(string(s.Speaker)); speaker != "" {
		b = append(append(b, speaker...), ": "...)
	}
	return append(append(b, text...), '\n')
}
