package write

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
)

// json writes d as encoding/json would without HTML escaping, five times as fast.
func (o *output) json(d *memo.Transcription) {
	timed := memo.HasTimes(d.Segments)
	o.b = append(appendHead(o.b, d), `,"text":"`...)
	var line []byte
	first := true
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte {
		line = line[:0]
		if !first {
			line = append(line, '\n')
		}
		first = false
		line = memo.AppendLine(line, s, timed)
		start := len(b)
		b, _ = jsontext.AppendQuote(b, line) // the error reports invalid UTF-8, which is replaced
		copy(b[start:], b[start+1:])
		return b[:len(b)-2] // without its quotes
	})
	o.b = append(o.b, `","segments":[`...)
	first = true
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendSeconds(append(b, `{"start":`...), s.Start)
		b = appendSeconds(append(b, `,"end":`...), s.End)
		b = appendOptional(b, "speaker_id", s.SpeakerID)
		b = appendOptional(b, "speaker", s.Speaker)
		return append(appendMember(b, ',', "text", s.Text), '}')
	})
	o.b = appendReportsJSON(append(o.b, `],"prompt_results":[`...), d.Reports)
	o.b = append(o.b, "]}\n"...)
}

func appendHead(b []byte, d *memo.Transcription) []byte {
	b = appendMember(b, '{', "id", d.ID)
	b = appendMember(b, ',', "title", d.Title)
	b = appendMember(b, ',', "status", string(d.Status))
	b = appendOptional(b, "summary", d.Summary)
	b = appendOptional(b, "language", d.Language)
	b = appendSeconds(append(b, `,"duration_seconds":`...), d.Duration)
	b = append(b, `,"speakers":[`...)
	for i, s := range d.Speakers {
		b = appendMember(appendComma(b, i), '{', "name", s.Name)
		b = append(b, '}')
	}
	b = append(b, `],"topics":[`...)
	for i, t := range d.Topics {
		b = appendMember(appendComma(b, i), '{', "title", t.Title)
		b = append(b, '}')
	}
	b = append(b, ']')
	b = appendMember(b, ',', "media_type", d.MediaType)
	b = appendOptional(b, "external_id", d.ExternalID)
	b = appendTime(b, "created_at", d.CreatedAt)
	b = appendTime(b, "updated_at", d.UpdatedAt)
	if d.Project == nil {
		return append(b, `,"project":null`...)
	}
	b = appendMember(append(b, `,"project":`...), '{', "id", d.Project.ID)
	return append(appendMember(b, ',', "name", d.Project.Name), '}')
}

func appendReportsJSON(b []byte, reports []memo.Report) []byte {
	for i := range reports {
		r := &reports[i]
		b = strconv.AppendInt(append(appendComma(b, i), `{"id":`...), r.ID, 10)
		b = appendMember(b, ',', "name", r.Name)
		b = appendMember(b, ',', "slug", r.Slug)
		b = appendMember(b, ',', "status", string(r.Status))
		b = appendMember(b, ',', "text", r.Text)
		b = append(appendTime(b, "created_at", r.CreatedAt), '}')
	}
	return b
}

func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

// appendMember appends before, which is a brace or a comma, and a member with a
// string value. The name must not need escapes.
func appendMember(b []byte, before byte, name, value string) []byte {
	b = append(b, before, '"')
	b = append(append(b, name...), `":`...)
	b, _ = jsontext.AppendQuote(b, value) // the error reports invalid UTF-8, which is replaced
	return b
}

func appendOptional(b []byte, name string, value memo.Optional) []byte {
	if value == "" {
		b = append(b, ',', '"')
		return append(append(b, name...), `":null`...)
	}
	return appendMember(b, ',', name, string(value))
}

func appendSeconds(b []byte, s memo.Seconds) []byte {
	return strconv.AppendFloat(b, float64(s), 'f', -1, 64)
}

func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(b, ',', '"')
	b = append(append(b, name...), `":"`...)
	return append(t.UTC().AppendFormat(b, memo.InstantFormat), '"')
}
