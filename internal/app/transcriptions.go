package app

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/store"
)

// ListQuery asks for a page of transcriptions (contract section 2). The zero value
// of a field leaves the filter out.
type ListQuery struct {
	Status     memo.Status
	ProjectID  string
	Language   string
	From, To   time.Time // days in UTC, both inclusive
	ExternalID string
	Query      string
	Sort       string // one of [Sorts]; empty is -created_at
	Limit      int    // is clamped to 1–100
	Offset     int
	Cursor     string // from Page.NextCursor, instead of Offset
	NoSnippets bool   // of a search: where the words occur is not wanted, which costs a text each
}

// Sorts lists the orders of a list, the default first.
var Sorts = []string{"-created_at", "created_at", "duration", "-duration", "relevance"}

// MaxLimit is the most that one page holds.
const MaxLimit = 100

// maxFilter is how many characters a filter of a list may have.
const maxFilter = 200

// Page is a part of a list. NextCursor is empty at the end.
type Page struct {
	Items            []ListItem
	Total            int
	HasMoreThanTotal bool // there are more than Total, as a search is not counted to its end
	Limit            int
	Offset           int
	NextCursor       string
}

// TotalRelation is "eq" where Total is exact, and "gte" where there are more.
func (p Page) TotalRelation() string {
	if p.HasMoreThanTotal {
		return "gte"
	}
	return "eq"
}

// ListItem is an item of a list; with a search it says where the words occur.
type ListItem struct {
	store.ListItem
	Snippets []Snippet
}

// Snippet is a place where a searched word is said.
type Snippet struct {
	Text    string        `json:"text"`
	Start   memo.Seconds  `json:"start"`
	Speaker memo.Optional `json:"speaker"`
	Offset  int           `json:"-"` // characters of the text before the line that it is from
	Line    int           `json:"-"` // of the text, from 1
}

// deepOffset is from where on passing over rows costs as much as a search.
const deepOffset = 10_000

// Transcriptions lists what the caller's workspace has.
func (a *App) Transcriptions(ctx context.Context, c memo.Caller, in ListQuery) (Page, error) {
	if err := requireReader(c); err != nil {
		return Page{}, err
	}
	order, at, err := in.orderAndRange()
	if err != nil {
		return Page{}, err
	}
	filter := store.Filter{
		WorkspaceID: c.WorkspaceID, Status: in.Status, ProjectID: in.ProjectID, Language: in.Language,
		ExternalID: in.ExternalID, From: in.From, Search: in.Query != "", Query: search.ParseQuery(in.Query),
	}
	if !in.To.IsZero() {
		filter.To = in.To.AddDate(0, 0, 1)
	}
	if filter.Search {
		release, err := a.query(ctx, c)
		if err != nil {
			return Page{}, err
		}
		defer release()
	}
	p := Page{Limit: min(max(in.Limit, 1), MaxLimit), Offset: in.Offset, Items: []ListItem{}}
	total, err := a.total(ctx, c, filter)
	if err != nil {
		return Page{}, err
	}
	p.Total, p.HasMoreThanTotal = total.N, total.More
	if at.Offset >= p.Total && !p.HasMoreThanTotal {
		return p, nil // a place after the end costs nothing, however far
	}
	if !filter.Search && at.Offset > deepOffset {
		release, err := a.query(ctx, c)
		if err != nil {
			return Page{}, err
		}
		defer release()
	}
	at.Limit = p.Limit + 1 // one more tells whether there is a next page
	items, err := a.store.List(ctx, filter, order, at)
	if err != nil {
		return Page{}, err
	}
	if len(items) > p.Limit {
		items = items[:p.Limit]
		p.NextCursor = nextCursor(in.Sort, at.Offset+p.Limit, items[p.Limit-1].ListPosition)
	}
	for _, it := range items {
		f := ListItem{ListItem: it}
		if filter.Search && !in.NoSnippets {
			if f.Snippets, err = a.snippets(ctx, c, it, filter.Query); err != nil {
				return Page{}, err
			}
		}
		p.Items = append(p.Items, f)
	}
	return p, nil
}

var storeOrders = map[string]store.Order{
	"created_at": {By: store.ByCreated}, "-created_at": {By: store.ByCreated, Descending: true},
	"duration": {By: store.ByDuration}, "-duration": {By: store.ByDuration, Descending: true},
	"relevance": {By: store.ByRelevance},
}

// Check returns all that is wrong with what is asked for, of KindInvalid each.
func (in ListQuery) Check() (problems []*memo.Error) {
	bad := func(is bool, field, format string, args ...any) {
		if is {
			problems = append(problems, memo.Invalid(field, format, args...))
		}
	}
	sort := cmp.Or(in.Sort, Sorts[0])
	_, known := storeOrders[sort]
	bad(!known, "sort", "must be one of %v", Sorts)
	bad(sort == "relevance" && in.Query == "", "sort", "relevance needs a search: give q as well")
	bad(utf8.RuneCountInString(in.Query) > search.MaxQuery, "q", "must have at most %d characters", search.MaxQuery)
	for _, f := range [][2]string{
		{"status", string(in.Status)}, {"language", in.Language}, {"external_id", in.ExternalID}, {"cursor", in.Cursor},
	} {
		bad(utf8.RuneCountInString(f[1]) > maxFilter, f[0], "must have at most %d characters", maxFilter)
	}
	bad(!in.From.IsZero() && !in.To.IsZero() && in.From.After(in.To), "date_from", "must not be after date_to")
	bad(in.Cursor != "" && in.Offset != 0, "cursor", "takes the place of offset: give only one of them")
	if in.Cursor != "" && known && len(in.Cursor) <= maxFilter {
		if _, err := parseCursor(sort, in.Cursor); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// orderAndRange says how the list is sorted and where the page begins.
func (in *ListQuery) orderAndRange() (store.Order, store.Range, error) {
	if problems := in.Check(); len(problems) > 0 {
		return store.Order{}, store.Range{}, problems[0]
	}
	in.Sort = cmp.Or(in.Sort, Sorts[0])
	if in.Cursor == "" {
		return storeOrders[in.Sort], store.Range{Offset: in.Offset}, nil
	}
	at, err := parseCursor(in.Sort, in.Cursor)
	if err != nil {
		return store.Order{}, store.Range{}, err
	}
	return storeOrders[in.Sort], at, nil
}

// totalCache remembers how many transcriptions a filter chooses, at the content version
// they were counted at: counting a million costs 100 ms. An entry has a fixed size,
// some 250 bytes with its place in the LRU, whatever the caller asked for.
type totalCache struct {
	mu     sync.Mutex
	counts *simplelru.LRU[totalCacheKey, store.Total]
}

type totalCacheKey struct {
	version int64
	filter  [sha256.Size]byte // store.CountKey, which has the workspace in it
}

func newTotals() *totalCache {
	counts, err := simplelru.NewLRU[totalCacheKey, store.Total](10_000, nil)
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	return &totalCache{counts: counts}
}

func (a *App) total(ctx context.Context, c memo.Caller, f store.Filter) (store.Total, error) {
	key := totalCacheKey{c.ContentVersion, a.store.CountKey(f)}
	a.totals.mu.Lock()
	n, ok := a.totals.counts.Get(key)
	a.totals.mu.Unlock()
	if ok {
		return n, nil
	}
	if !f.Search { // a search has been admitted
		release, err := a.query(ctx, c)
		if err != nil {
			return store.Total{}, err
		}
		defer release()
	}
	n, err := a.store.Count(ctx, f)
	if err != nil {
		return store.Total{}, err
	}
	a.totals.mu.Lock()
	defer a.totals.mu.Unlock()
	a.totals.counts.Add(key, n)
	return n, nil
}

// snippets finds the best places of a text, and what the segments say of them.
func (a *App) snippets(ctx context.Context, c memo.Caller, it store.ListItem, query []search.Term) ([]Snippet, error) {
	admit, release := a.admitUntilReleased(ctx, c.WorkspaceID, memoryPerStoredByte)
	defer release()
	if err := admit(int64(it.CharCount) * bytesOfChar); err != nil {
		return nil, err
	}
	text, segments, err := a.store.Lines(ctx, it)
	if err != nil {
		return nil, err
	}
	return findSnippets(ctx, text, segments, query)
}

// bytesOfChar is what a character of a text takes in text and segments, about.
const bytesOfChar = 3

// findSnippets finds the best lines of a text among its first [search.MaxText]
// bytes. Every segment is one line of the text.
func findSnippets(ctx context.Context, text string, segments []byte, query []search.Term) ([]Snippet, error) {
	var lines []string
	for rest := text[:min(len(text), search.MaxText)]; rest != ""; {
		line, tail, _ := strings.Cut(rest, "\n")
		lines, rest = append(lines, line), tail
	}
	hits, err := search.BestLines(ctx, query, len(lines), func(i int) string { return trimTimestamp(lines[i]) })
	if err != nil {
		return nil, err
	}
	found, err := segmentsAt(ctx, segments, hits)
	if err != nil {
		return nil, err
	}
	out := make([]Snippet, len(hits))
	for n, i := range hits {
		offset := i // a line break each
		for _, line := range lines[:i] {
			offset += utf8.RuneCountInString(line)
		}
		s := found[n]
		out[n] = Snippet{Text: search.Snippet(query, s.Text), Start: s.Start, Speaker: s.Speaker, Offset: offset, Line: i + 1}
	}
	return out, nil
}

// segmentsAt decodes the elements of a JSON array at these indices. It walks over
// the array once, up to the last of them.
func segmentsAt(ctx context.Context, array []byte, indices []int) ([]memo.Segment, error) {
	out := make([]memo.Segment, len(indices))
	if len(indices) == 0 {
		return out, nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(array)) // a buffer is read in place
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for i := range slices.Max(indices) + 1 {
		if i%1000 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var err error
		if n := slices.Index(indices, i); n >= 0 {
			err = json.UnmarshalDecode(d, &out[n])
		} else {
			err = d.SkipValue()
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Transcription reads one transcription with its text.
func (a *App) Transcription(ctx context.Context, c memo.Caller, id string) (Transcription, error) {
	if err := requireReader(c); err != nil {
		return Transcription{}, err
	}
	return a.store.Transcription(ctx, c.WorkspaceID, id, a.admitForResponse(ctx, c))
}

// Text reads the lines of one transcription (contract section 2, "text").
func (a *App) Text(ctx context.Context, c memo.Caller, id string) (string, error) {
	if err := requireReader(c); err != nil {
		return "", err
	}
	return a.store.Text(ctx, c.WorkspaceID, id, a.admitForResponse(ctx, c))
}

// Reports reads the AI reports of one transcription.
func (a *App) Reports(ctx context.Context, c memo.Caller, id string) ([]memo.Report, error) {
	if err := requireReader(c); err != nil {
		return nil, err
	}
	return a.store.Reports(ctx, c.WorkspaceID, id, a.admitForResponse(ctx, c))
}

// HasTranscription is nil when the caller's workspace has it.
func (a *App) HasTranscription(ctx context.Context, c memo.Caller, id string) error {
	if err := requireReader(c); err != nil {
		return err
	}
	_, missing, err := a.store.Items(ctx, c.WorkspaceID, []string{id})
	if err == nil && len(missing) > 0 {
		return memo.NotFound("Transcription")
	}
	return err
}

// Projects lists the projects of the caller's workspace, with a total.
func (a *App) Projects(ctx context.Context, c memo.Caller, limit, offset int) ([]memo.Project, int, error) {
	if err := requireReader(c); err != nil {
		return nil, 0, err
	}
	release, err := a.query(ctx, c)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	total, err := a.store.CountProjects(ctx, c.WorkspaceID)
	if err != nil || offset >= total {
		return []memo.Project{}, total, err
	}
	projects, err := a.store.Projects(ctx, c.WorkspaceID, min(max(limit, 1), MaxLimit), offset)
	return projects, total, err
}

// ProjectNames lists the projects of the caller's workspace by name, without
// their numbers, which cost a count each: for a page that offers them.
func (a *App) ProjectNames(ctx context.Context, c memo.Caller) ([]memo.ProjectRef, error) {
	if err := requireReader(c); err != nil {
		return nil, err
	}
	return a.store.ProjectNames(ctx, c.WorkspaceID, maxProjectNames)
}

// maxProjectNames is how many projects a page offers; what is not among them can be
// typed, and is found by its id.
const maxProjectNames = 300

// Transcription is a transcription with its text as it is kept, which the doors render.
type Transcription = store.Transcription
