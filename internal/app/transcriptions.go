package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/jsonform"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/transcript"
)

// ListQuery selects a page of transcriptions. A zero field means no filter.
type ListQuery struct {
	Status       memo.Status
	ProjectID    string
	Language     string
	Speaker      string    // the name, in any case and with or without accents
	From, To     time.Time // days in UTC, both inclusive
	UpdatedAfter time.Time
	ExternalID   string
	Query        string
	Sort         string // one of [Sorts]; empty is -created_at
	Limit        int    // clamped to 1–100
	Offset       int
	Cursor       string // Page.NextCursor of the previous page, instead of Offset
	NoSnippets   bool   // in a search, skip the snippets; those of an item cost reading its text
	AllWords     bool   // in a search, do not fill up with transcriptions that lack words
	ReportNames  bool   // also read the names of the AI reports of each item
}

// Sorts are the sorts of a list. The first is the default.
var Sorts = []string{"-created_at", "created_at", "duration", "-duration", "updated_at", "-updated_at", "relevance"}

// MaxLimit is the maximum number of items on a page.
const MaxLimit = 100

// maxFilter is the maximum length of a filter in characters.
const maxFilter = 200

// Page is a page of a list. NextCursor is empty on the last page.
type Page struct {
	Items            []ListItem
	Total            int
	Closest          int  // of Total: those that lack words of the search
	HasMoreThanTotal bool // in a search or with a speaker: these are counted up to a limit
	Limit            int
	Offset           int
	NextCursor       string
	Warnings         []string // sentences about filters that no transcription can match
}

// TotalRelation returns "eq" if Total is exact, and "gte" if there are more.
func (p Page) TotalRelation() string {
	if p.HasMoreThanTotal {
		return "gte"
	}
	return "eq"
}

// ListItem is an item of a list, with its snippets in a search. It has the stored JSON, which
// most surfaces copy.
type ListItem struct {
	Project   *memo.ProjectRef
	CharCount int
	Snippets  []Snippet
	Missing   []string // in a search: the words that it lacks, as the index has them
	Reports   []string // the names of its AI reports that have a text, with ListQuery.ReportNames

	stored store.ListItem
}

// AppendJSON appends the item to b as a JSON object without its closing brace, so that the caller
// can add members.
func (it ListItem) AppendJSON(b []byte) ([]byte, error) { return it.stored.AppendJSON(b) }

// Item decodes the item.
func (it ListItem) Item() (memo.ListItem, error) { return it.stored.Item() }

// deepOffset is the offset beyond which skipping rows costs as much as a search. A list by speaker
// may cost as much, because it looks up the other filters for each transcription of the speaker.
const deepOffset = 10_000

// viewOf returns what the caller sees.
func viewOf(c memo.Caller) store.View {
	return store.View{WorkspaceID: c.WorkspaceID, ProjectIDs: c.ProjectIDs}
}

// filter returns the filter of a query for a caller. It is false if they do not see the project.
func (in ListQuery) filter(c memo.Caller) (store.Filter, bool) {
	f := store.Filter{
		WorkspaceID: c.WorkspaceID, Status: in.Status, ProjectIDs: c.ProjectIDs, Language: in.Language,
		Speaker: in.Speaker, ExternalID: in.ExternalID, From: in.From, UpdatedAfter: in.UpdatedAfter,
		Search: in.Query != "",
	}
	if f.Search {
		f.Query = search.ParseQuery(in.Query)
	}
	if !in.To.IsZero() {
		f.To = in.To.AddDate(0, 0, 1)
	}
	if in.ProjectID == "" {
		return f, true
	}
	f.ProjectIDs = []string{in.ProjectID}
	return f, len(c.ProjectIDs) == 0 || slices.Contains(c.ProjectIDs, in.ProjectID)
}

// Transcriptions returns a page of the transcriptions of the caller's workspace.
func (a *App) Transcriptions(ctx context.Context, c memo.Caller, in ListQuery) (Page, error) {
	if err := requireReader(c); err != nil {
		return Page{}, err
	}
	order, at, err := in.orderAndRange()
	if err != nil {
		return Page{}, err
	}
	p := Page{Limit: min(max(in.Limit, 1), MaxLimit), Offset: in.Offset, Items: []ListItem{}}
	filter, visible := in.filter(c)
	if !visible {
		a.usage.did(c, listed(filter, 0))
		return p, nil
	}
	if filter.Search {
		release, err := a.admitQuery(ctx, c)
		if err != nil {
			return Page{}, err
		}
		defer release()
		if filter, err = a.store.WithoutCommonTerms(ctx, viewOf(c), filter); err != nil {
			return Page{}, err
		}
	}
	total, err := a.total(ctx, c, filter)
	if err != nil {
		return Page{}, err
	}
	p.Total, p.HasMoreThanTotal = total.N, total.More
	if p.Total == 0 {
		p.Warnings = in.warnings()
	}
	switch {
	case filter.Search && !in.AllWords && p.Total < filledTo && at.After == nil:
		err = a.fillUp(ctx, c, &p, in, filter, order, at.Offset)
	case at.Offset < p.Total || p.HasMoreThanTotal: // an offset after the end costs no query
		err = a.readPage(ctx, c, &p, in, filter, order, at)
	}
	if err != nil {
		return Page{}, err
	}
	a.usage.did(c, listed(filter, len(p.Items)))
	return p, nil
}

// readPage reads the items of a page.
func (a *App) readPage(
	ctx context.Context, c memo.Caller, p *Page, in ListQuery, filter store.Filter, order store.Order, at store.Range,
) error {
	if !filter.Search && (at.Offset > deepOffset || filter.Speaker != "" || sortsUpdated(filter, order)) {
		release, err := a.admitQuery(ctx, c)
		if err != nil {
			return err
		}
		defer release()
	}
	at.Limit = p.Limit + 1 // one more, to know whether there is a next page
	items, err := a.store.List(ctx, filter, order, at)
	if err != nil {
		return err
	}
	if len(items) > p.Limit {
		items = items[:p.Limit]
		p.NextCursor = nextCursor(in.Sort, at.Offset+p.Limit, items[p.Limit-1].ListPosition)
	}
	return a.addItems(ctx, c, p, in, filter, items)
}

func (a *App) addItems(
	ctx context.Context, c memo.Caller, p *Page, in ListQuery, filter store.Filter, items []store.ListItem,
) (err error) {
	var reports map[string][]string
	if in.ReportNames {
		if reports, err = a.store.ReportNames(ctx, items); err != nil {
			return err
		}
	}
	p.Items = make([]ListItem, 0, len(items))
	for _, it := range items {
		f := ListItem{Project: it.Project, CharCount: it.CharCount, Reports: reports[it.ID], stored: it}
		if filter.Search && !in.NoSnippets {
			if f.Snippets, err = a.snippets(ctx, c, it, filter.Query); err != nil {
				return err
			}
		}
		p.Items = append(p.Items, f)
	}
	return nil
}

// sortsUpdated reports whether a list sorts what may be all transcriptions: an index finds those that
// were updated, but in another order.
func sortsUpdated(f store.Filter, o store.Order) bool {
	return !f.UpdatedAfter.IsZero() && o.By != store.ByUpdated
}

// listed says what a call did that read a list.
func listed(f store.Filter, n int) string {
	if f.Search {
		return "found " + memo.Plural(n, "transcription")
	}
	return "listed " + memo.Plural(n, "transcription")
}

var storeOrders = map[string]store.Order{
	"created_at": {By: store.ByCreated}, "-created_at": {By: store.ByCreated, Descending: true},
	"duration": {By: store.ByDuration}, "-duration": {By: store.ByDuration, Descending: true},
	"updated_at": {By: store.ByUpdated}, "-updated_at": {By: store.ByUpdated, Descending: true},
	"relevance": {By: store.ByRelevance},
}

// Check returns an error of KindInvalid for each invalid field.
func (in ListQuery) Check() (problems []*memo.Error) {
	refuseIf := func(invalid bool, field, format string, args ...any) {
		if invalid {
			problems = append(problems, memo.Invalid(field, format, args...))
		}
	}
	sort := cmp.Or(in.Sort, Sorts[0])
	_, known := storeOrders[sort]
	refuseIf(!known, "sort", "must be one of %v", Sorts)
	refuseIf(sort == "relevance" && in.Query == "", "sort", "relevance needs a search: give q as well")
	refuseIf(utf8.RuneCountInString(in.Query) > search.MaxQuery, "q", "must have at most %d characters", search.MaxQuery)
	for _, f := range [][2]string{
		{"status", string(in.Status)},
		{"language", in.Language},
		{"speaker", in.Speaker},
		{"external_id", in.ExternalID},
		{"cursor", in.Cursor},
	} {
		refuseIf(utf8.RuneCountInString(f[1]) > maxFilter, f[0], "must have at most %d characters", maxFilter)
	}
	refuseIf(!in.From.IsZero() && !in.To.IsZero() && in.From.After(in.To), "date_from", "must not be after date_to")
	refuseIf(in.Cursor != "" && in.Offset != 0, "cursor", "takes the place of offset: give only one of them")
	if in.Cursor != "" && known && len(in.Cursor) <= maxFilter {
		if _, err := parseCursor(sort, in.Cursor); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// warnings names the values that are not a status or a language. They are not refused, because a later
// version may have more statuses, and an imported file may name any language.
func (in ListQuery) warnings() (list []string) {
	if in.Status != "" && !slices.Contains(memo.Statuses, in.Status) {
		list = append(list, fmt.Sprintf("status %q is unknown: use one of %v", memo.Printable(string(in.Status), maxFilter),
			memo.Statuses))
	}
	if in.Language != "" && !transcript.IsLanguage(in.Language) {
		use := cmp.Or(string(transcript.Language(in.Language)), "en")
		list = append(list, fmt.Sprintf("language %q is unknown: use a code such as %s",
			memo.Printable(in.Language, maxFilter), use))
	}
	return list
}

// orderAndRange checks the query and sets the default sort. It returns the order of the list and
// the position of the page.
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

// totalKey is the key of a total in [App.totals]: counting a million transcriptions takes 100 ms.
type totalKey struct {
	version int64
	filter  [sha256.Size]byte // store.CountKey, which includes the workspace
}

// total returns how many transcriptions a filter selects, from the cache or by counting.
func (a *App) total(ctx context.Context, c memo.Caller, f store.Filter) (store.Total, error) {
	key := totalKey{c.ContentVersion, a.store.CountKey(f)}
	if n, ok := a.totals.get(key); ok {
		return n, nil
	}
	if !f.Search { // the caller has admitted a search
		release, err := a.admitQuery(ctx, c)
		if err != nil {
			return store.Total{}, err
		}
		defer release()
	}
	n, err := a.store.Count(ctx, f)
	if err != nil {
		return store.Total{}, err
	}
	a.totals.add(key, n)
	return n, nil
}

// Transcription returns one transcription with its text.
func (a *App) Transcription(ctx context.Context, c memo.Caller, id string) (Transcription, error) {
	if err := requireReader(c); err != nil {
		return Transcription{}, err
	}
	a.usage.did(c, "asked for a transcription")
	w, err := a.store.Transcription(ctx, viewOf(c), id, a.admitForResponse(ctx, c))
	return Transcription{w}, err
}

// Text returns the text of one transcription, one line per segment.
func (a *App) Text(ctx context.Context, c memo.Caller, id string) (string, error) {
	if err := requireReader(c); err != nil {
		return "", err
	}
	a.usage.did(c, "asked for a transcription")
	return a.store.Text(ctx, viewOf(c), id, a.admitForResponse(ctx, c))
}

// Reports returns the AI reports of one transcription.
func (a *App) Reports(ctx context.Context, c memo.Caller, id string) ([]memo.Report, error) {
	if err := requireReader(c); err != nil {
		return nil, err
	}
	return a.store.Reports(ctx, viewOf(c), id, a.admitForResponse(ctx, c))
}

// RequireTranscription returns KindNotFound unless the caller's workspace has the transcription.
func (a *App) RequireTranscription(ctx context.Context, c memo.Caller, id string) error {
	if err := requireReader(c); err != nil {
		return err
	}
	_, missing, err := a.store.Items(ctx, viewOf(c), []string{id})
	if err == nil && len(missing) > 0 {
		return memo.NotFound("Transcription")
	}
	return err
}

// Projects returns a page of the projects of the caller's workspace, and how many it has. limit
// is clamped to 1–100.
func (a *App) Projects(ctx context.Context, c memo.Caller, limit, offset int) ([]memo.Project, int, error) {
	if err := requireReader(c); err != nil {
		return nil, 0, err
	}
	release, err := a.admitQuery(ctx, c)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	total, err := a.store.CountProjects(ctx, viewOf(c))
	if err != nil || offset >= total {
		return []memo.Project{}, total, err
	}
	projects, err := a.store.Projects(ctx, viewOf(c), min(max(limit, 1), MaxLimit), offset)
	a.usage.did(c, "listed "+memo.Plural(len(projects), "project"))
	return projects, total, err
}

// ProjectNames returns the projects of the caller's workspace, sorted by name, for a form. It
// does not count their transcriptions, which would cost a query for each.
func (a *App) ProjectNames(ctx context.Context, c memo.Caller) ([]memo.ProjectRef, error) {
	if err := requireReader(c); err != nil {
		return nil, err
	}
	return a.store.ProjectNames(ctx, viewOf(c), maxProjectNames)
}

// maxProjectNames is how many projects a form offers. Users can type other names.
const maxProjectNames = 300

// Transcription is a full transcription in the form in which it is stored, from which its JSON is
// copied.
type Transcription struct{ stored store.Transcription }

// AppendJSON appends the JSON of the transcription, see [memo.Transcription]. It copies the stored JSON
// of the text and the segments, because decoding and encoding megabytes again would cost more than
// reading them.
func (t Transcription) AppendJSON(b []byte) ([]byte, error) {
	w := t.stored
	b, err := w.AppendJSON(slices.Grow(b, len(w.TextJSON)+len(w.Segments)+4096))
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"text":`...), w.TextJSON...)
	b = append(append(b, `,"segments":`...), w.Segments...)
	reports, err := jsonform.Marshal(w.Reports)
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"prompt_results":`...), reports...)
	return append(b, '}'), nil
}

// Item decodes the transcription without its segments and reports.
func (t Transcription) Item() (memo.ListItem, error) { return t.stored.Item() }

// Project returns the project of the transcription, or nil.
func (t Transcription) Project() *memo.ProjectRef { return t.stored.Project }

// Decode decodes the transcription without its Text. If ctx ends first, it returns its cause.
func (t Transcription) Decode(ctx context.Context) (*memo.Transcription, error) {
	return t.stored.Decode(ctx)
}
