package write

import (
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

func (o *output) srt(d *memo.Transcription) {
	n := int64(0)
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return appendSRT(b, &n, s) })
}

// appendSRT appends a segment as a cue. It increments n, the number of the last cue.
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
		b = append(appendSRTText(b, speaker), ": "...)
	}
	return append(appendSRTText(b, text), '\n')
}

// appendSRTText escapes what programs, and package read, read as a character reference, a tag or an instruction. Other
// characters remain as they are, because SRT itself has no escapes.
func appendSRTText(b []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		var escaped string
		switch {
		case s[i] == '&' && startsReference(s[i+1:]):
			escaped = "&amp;"
		case s[i] == '<' && startsSRTTag(s[i+1:]):
			escaped = "&lt;"
		case s[i] == '{' && strings.HasPrefix(s[i+1:], `\`):
			escaped = "&#123;"
		default:
			continue
		}
		b = append(append(b, s[from:i]...), escaped...)
		from = i + 1
	}
	return append(b, s[from:]...)
}

// startsSRTTag reports whether s, the text after "<", is one of the tags of SRT.
func startsSRTTag(s string) bool {
	s = strings.TrimPrefix(s, "/")
	n := 0
	for n < len(s) && n < 5 && isAlnum(s[n]) {
		n++
	}
	switch strings.ToLower(s[:n]) {
	case "i", "b", "u", "s", "font", "br":
		return true
	}
	return false
}
