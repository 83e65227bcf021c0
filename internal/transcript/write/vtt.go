package write

import (
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

func (o *output) vtt(d *memo.Transcription) {
	o.b = append(o.b, "WEBVTT\n"...)
	o.b = appendVTTNote(o.b, d)
	o.each(d.Segments, appendVTT)
}

// appendVTTNote appends a comment with the title and the language, which package read reads. The header before it has
// only the signature, because some players accept nothing else there.
func appendVTTNote(b []byte, d *memo.Transcription) []byte {
	title, language := plaintext.OneLine(d.Title), plaintext.OneLine(string(d.Language))
	if title == "" && language == "" {
		return b
	}
	b = append(b, "\nNOTE\n"...)
	for _, fact := range []struct{ name, value string }{{"Title", title}, {"Language", language}} {
		if fact.value != "" {
			// An arrow would end the comment.
			b = append(b, fact.name+": "+strings.ReplaceAll(fact.value, "-->", "->")+"\n"...)
		}
	}
	return b
}

// appendVTT appends a segment as a cue.
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
