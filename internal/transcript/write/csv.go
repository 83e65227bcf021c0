package write

import (
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// csv writes a table with a row for each segment. Without times, their cells are empty.
func (o *output) csv(d *memo.Transcription) {
	timed := memo.HasTimes(d.Segments)
	o.b = append(o.b, "start,end,speaker,text\n"...)
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte {
		text := plaintext.OneLine(s.Text)
		if text == "" {
			return b
		}
		if timed {
			b = append(appendClock(b, s.Start.Millis(), '.'), ',')
			b = append(appendClock(b, s.End.Millis(), '.'), ',')
		} else {
			b = append(b, ",,"...)
		}
		b = append(appendCell(b, plaintext.OneLine(string(s.Speaker))), ',')
		return append(appendCell(b, text), '\n')
	})
}

// appendCell appends a text. Spreadsheets run a text that starts like a formula, unless an apostrophe comes before it;
// package read removes the apostrophe.
func appendCell(b []byte, s string) []byte {
	formula := strings.TrimLeft(s, "'")
	escape := formula != "" && strings.IndexByte("=+-@", formula[0]) >= 0
	if !strings.ContainsAny(s, "\",\n\r") {
		if escape {
			b = append(b, '\'')
		}
		return append(b, s...)
	}
	b = append(b, '"')
	if escape {
		b = append(b, '\'')
	}
	for i := range len(s) {
		if s[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
