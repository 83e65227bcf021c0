package write

import (
	"strconv"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// podcast writes the JSON of Podcasting 2.0, which has times in seconds, speakers and texts. The three decimals of
// every time say that it is in seconds, and not in milliseconds.
func (o *output) podcast(d *memo.Transcription) {
	o.b = append(o.b, `{"version":"1.0.0","segments":[`...)
	first := true
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte {
		text := plaintext.OneLine(s.Text)
		if text == "" {
			return b
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '\n')
		before := byte('{')
		if speaker := plaintext.OneLine(string(s.Speaker)); speaker != "" {
			b, before = appendMember(b, before, "speaker", speaker), ','
		}
		b = append(append(b, before), `"startTime":`...)
		b = strconv.AppendFloat(b, float64(s.Start), 'f', 3, 64)
		b = strconv.AppendFloat(append(b, `,"endTime":`...), float64(s.End), 'f', 3, 64)
		return append(appendMember(b, ',', "body", text), '}')
	})
	o.b = append(o.b, "\n]}\n"...)
}
