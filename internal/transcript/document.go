package transcript

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
)

// appendJSON writes d as encoding/json would, which takes five times as long,
// but for HTML's characters, which stay as they are.
func appendJSON(b []byte, d *memo.Document) []byte {
	b = appendMember(b, '{', "id", d.ID)
	b = appendMember(b, ',', "title", d.Title)
	b = appendMember(b, ',', "status", string(d.Status))
	b = appendOptional(b, "summary", d.Summary)
	b = appendOptional(b, "language", d.Language)
	b = appendSeconds(append(b, `,"duration_seconds":`...), d.Duration)
	b = append(b, `,"speakers":[`...)
	for i, s := range d.Speakers {
		b = appendMember(comma(b, i), '{', "name", s.Name)
		b = append(b, '}')
	}
	b = append(b, `],"topics":[`...)
	for i, t := range d.Topics {
		b = appendMember(comma(b, i), '{', "title", t.Title)
		b = append(b, '}')
	}
	b = append(b, ']')
	b = appendMember(b, ',', "media_type", d.MediaType)
	b = appendOptional(b, "external_id", d.ExternalID)
	b = appendTime(b, "created_at", d.CreatedAt)
	b = appendTime(b, "updated_at", d.UpdatedAt)
	if d.Project == nil {
		b = append(b, `,"project":null`...)
	} else {
		b = appendMember(append(b, `,"project":`...), '{', "id", d.Project.ID)
		b = append(appendMember(b, ',', "name", d.Project.Name), '}')
	}
	b = appendMember(b, ',', "text", memo.Lines(d.Segments))
	b = append(b, `,"segments":[`...)
	for i := range d.Segments {
		s := &d.Segments[i]
		b = appendSeconds(append(comma(b, i), `{"start":`...), s.Start)
		b = appendSeconds(append(b, `,"end":`...), s.End)
		b = appendOptional(b, "speaker_id", s.SpeakerID)
		b = appendOptional(b, "speaker", s.Speaker)
		b = append(appendMember(b, ',', "text", s.Text), '}')
	}
	b = append(b, `],"prompt_results":[`...)
	for i := range d.Reports {
		r := &d.Reports[i]
		b = strconv.AppendInt(append(comma(b, i), `{"id":`...), r.ID, 10)
		b = appendMember(b, ',', "name", r.Name)
		b = appendMember(b, ',', "slug", r.Slug)
		b = appendMember(b, ',', "status", string(r.Status))
		b = appendMember(b, ',', "text", r.Text)
		b = append(appendTime(b, "created_at", r.CreatedAt), '}')
	}
	return append(b, "]}\n"...)
}

func comma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

// appendMember writes a text member after before, a brace or a comma. The
// names are ours and need no escapes.
func appendMember(b []byte, before byte, name, value string) []byte {
	b = append(b, before, '"')
	b = append(append(b, name...), `":`...)
	b, _ = jsontext.AppendQuote(b, value) // the error is of invalid UTF-8, which it replaces
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
	return append(t.UTC().AppendFormat(b, time.RFC3339Nano), '"')
}
