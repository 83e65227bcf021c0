package rest

import (
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/params"
)

// storedJSON is a response that is made of stored JSON, which is copied without decoding. It is cached
// under the content version.
type storedJSON interface {
	AppendJSON(b []byte) ([]byte, error)
}

// storedSchemas describes the types of which the store has the JSON.
var storedSchemas = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[app.ListItem](): params.ResponseSchema(reflect.TypeFor[struct {
		memo.ListItem
		Project  *memo.ProjectRef `json:"project"`
		Snippets []app.Snippet    `json:"snippets,omitempty"` // with q only
		Missing  []string         `json:"missing_words,omitempty" doc:"with q: what it lacks; absent if it has all"`
	}](), nil),
	reflect.TypeFor[changeOut](): params.ResponseSchema(reflect.TypeFor[struct {
		Type      string             `json:"type" enum:"upsert,delete"`
		Item      *changedItemSchema `json:"item,omitempty"` // of an upsert
		ID        string             `json:"id,omitempty"`   // of a delete
		DeletedAt time.Time          `json:"deleted_at,omitzero"`
	}](), nil),
	reflect.TypeFor[app.Transcription](): params.ResponseSchema(reflect.TypeFor[memo.Transcription](), nil),
}

// changePage is a page of changes.
type changePage struct {
	Changes    []changeOut `json:"changes"`
	NextCursor string      `json:"next_cursor" doc:"give it as after, now or later"`
	HasMore    bool        `json:"has_more"`
}

// changeOut is one change: an upsert has item, a delete has id and deleted_at.
type changeOut struct{ app.Change }

// AppendJSON appends what the tags say, but copies the stored items.
func (p changePage) AppendJSON(b []byte) (_ []byte, err error) {
	b = append(b, `{"changes":[`...)
	for i, c := range p.Changes {
		if i > 0 {
			b = append(b, ',')
		}
		if c.Item == nil {
			b = append(append(b, `{"type":"delete","id":"`...), c.ID...)
			b = append(c.At.AppendFormat(append(b, `","deleted_at":"`...), memo.InstantFormat), `"}`...)
			continue
		}
		if b, err = c.Item.AppendJSON(append(b, `{"type":"upsert","item":`...)); err != nil {
			return nil, err
		}
		b = append(b, "}}"...)
	}
	b = append(append(b, `],"next_cursor":"`...), p.NextCursor...)
	return append(strconv.AppendBool(append(b, `","has_more":`...), p.HasMore), '}'), nil
}

// changedItemSchema is the item of a change.
type changedItemSchema struct {
	memo.ListItem
	Project *memo.ProjectRef `json:"project"`
}

// listPage is a page of a list.
type listPage struct {
	Items         []app.ListItem `json:"items"`
	Total         int            `json:"total"`
	TotalRelation string         `json:"total_relation" enum:"eq,gte" doc:"eq: total is exact; gte: there are more, as a search counts up to 10,000"`
	Limit         int            `json:"limit"`
	Offset        int            `json:"offset"`
	NextCursor    memo.Optional  `json:"next_cursor"`
	Warnings      []string       `json:"warnings,omitzero" doc:"values of filters that no transcription can have"`

	hasSnippets bool
}

// AppendJSON appends what the tags say, but copies the stored items.
func (p listPage) AppendJSON(b []byte) (_ []byte, err error) {
	b = append(slices.Grow(b, 1024*len(p.Items)+256), `{"items":[`...)
	for i, it := range p.Items {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = it.AppendJSON(b); err != nil {
			return nil, err
		}
		if p.hasSnippets {
			snippets, err := json.Marshal(it.Snippets)
			if err != nil {
				return nil, err
			}
			b = append(append(b, `,"snippets":`...), snippets...)
		}
		if it.Missing != nil {
			missing, err := json.Marshal(it.Missing)
			if err != nil {
				return nil, err
			}
			b = append(append(b, `,"missing_words":`...), missing...)
		}
		b = append(b, '}')
	}
	b = append(b, `],"total":`...)
	b = strconv.AppendInt(b, int64(p.Total), 10)
	b = append(append(append(b, `,"total_relation":"`...), p.TotalRelation...), `","limit":`...)
	b = strconv.AppendInt(b, int64(p.Limit), 10)
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, int64(p.Offset), 10)
	cursor, err := p.NextCursor.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"next_cursor":`...), cursor...)
	if p.Warnings != nil {
		warnings, err := json.Marshal(p.Warnings)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"warnings":`...), warnings...)
	}
	return append(b, '}'), nil
}
