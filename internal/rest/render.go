package rest

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo/internal/app"
)

// appendListPage appends a page of a list as JSON. Its items are copied without decoding, as in the
// response with one transcription. search says that they have snippets.
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
