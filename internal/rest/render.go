package rest

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo/internal/app"
)

// The two most frequent responses, a list and a transcription, are built from stored JSON that
// is copied without decoding.

// appendListPage appends a page of a list as JSON. search says that its items have snippets.
func appendListPage(b []byte, p app.Page, search bool) ([]byte, error) {
	b = append(b, `{"items":[`...)
	for i, it := range p.Items {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = it.AppendJSON(b); err != nil {
			return nil, err
		}
		if search {
			snippets, err := json.Marshal(it.Snippets)
			if err != nil {
				return nil, err
			}
			b = append(append(b, `,"snippets":`...), snippets...)
		}
		b = append(b, '}')
	}
	b = append(b, `],"total":`...)
	b = strconv.AppendInt(b, int64(p.Total), 10)
	b = append(append(append(b, `,"total_relation":"`...), p.TotalRelation()...), `","limit":`...)
	b = strconv.AppendInt(b, int64(p.Limit), 10)
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, int64(p.Offset), 10)
	b = append(b, `,"next_cursor":`...)
	if p.NextCursor == "" {
		b = append(b, "null"...)
	} else {
		b = append(append(append(b, '"'), p.NextCursor...), '"')
	}
	return append(b, '}'), nil
}

// appendTranscription appends a full transcription as JSON.
func appendTranscription(b []byte, t app.Transcription) ([]byte, error) {
	b, err := t.AppendJSON(b)
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"text":`...), t.TextJSON...)
	b = append(append(b, `,"segments":`...), t.Segments...)
	reports, err := json.Marshal(t.Reports)
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"prompt_results":`...), reports...)
	return append(b, '}'), nil
}
