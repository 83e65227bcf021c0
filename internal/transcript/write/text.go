package write

import "memoai.tech/memo"

func (o *output) text(d *memo.Transcription) {
	timed := memo.HasTimes(d.Segments)
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return append(memo.AppendLine(b, s, timed), '\n') })
	if len(d.Segments) == 0 {
		o.b = append(o.b, '\n')
	}
}
