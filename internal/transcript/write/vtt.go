package write

import (
	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

func (o *output) vtt(d *memo.Transcription) {
	o.b = append(o.b, "WEBVTT\n"...)
	o.each(d.Segments, appendVTT)
}

// appendVTT appends a segment as a cue. The header before the first cue has only the
// signature, because some players accept nothing else there.
func appendVTT(b []byte, s *memo.Segment) []byte {
	text := plaintext.OneLine(s.Text)
	if text == "" {
		return b
	}
	b = appendTiming(append(b, '\n'), s, '.')
	if speaker := plaintext.OneLine(string(s.Speaker)); speaker != "" {
		b = append(appendVTTText(append(b, "<v "...), speaker), '>')
	}
	return append(appendVTTText(b, text), '\n')
}

// appendVTTText escapes characters that could be part of a tag, a reference or the arrow
// of a line of times. A text that starts with NOTE needs no escape after its times.
func appendVTTText(b []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		var escaped string
		switch s[i] {
		case '&':
			escaped = "&amp;"
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		default:
			continue
		}
		b = append(append(b, s[from:i]...), escaped...)
		from = i + 1
	}
	return append(b, s[from:]...)
}
