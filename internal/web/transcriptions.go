package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/transcript"
)

// transcriptionsPage lists the transcriptions of the workspace or the results of a search.
type transcriptionsPage struct {
	layout
	Filter  listFilter
	Problem string // an error that belongs to no field
	Rows    []transcriptionRow
	Total   string // with its noun
	Next    string // path of the next page; empty on the last one
	First   string // path of the first page; empty on it
	Empty   bool   // the workspace is empty and no filter is set
	Invalid bool   // the filter is invalid, so nothing was read
	Export  string // path of the bulk export
	Formats []formatChoice
}

// listFilter is the form of the list.
type listFilter struct {
	Path     string     // of the list
	Q, Sort  string     // the current values
	Fields   formFields // the query first, then the others
	Open     bool       // a field other than the query is set
	narrowed bool       // a filter or query narrows the list
}

// QueryField returns the field of the query, and OtherFields the others.
func (f listFilter) QueryField() formField   { return f.Fields[0] }
func (f listFilter) OtherFields() formFields { return f.Fields[1:] }

var sortOptions = []option{
	{Value: "-created_at", Label: "Newest first"},
	{Value: "created_at", Label: "Oldest first"},
	{Value: "-duration", Label: "Longest first"},
	{Value: "duration", Label: "Shortest first"},
}

// transcriptionRow is a transcription in the list.
type transcriptionRow struct {
	memo.ListItem
	Link         string
	Heading      highlighted
	About        highlighted // the shortened summary
	SpeakerNames string      // names of the speakers
	Project      *memo.ProjectRef
	Snippets     []snippetRow
}

// snippetRow is a snippet with the link to its line.
type snippetRow struct {
	Link    string
	Clock   string
	Speaker string
	Text    highlighted
}

const (
	pageRows = 25
	maxAbout = 400 // characters of a summary in the list
	maxNames = 5   // names of speakers in the list
)

func (v *pageRequest) transcriptionsPath() string { return "/w/" + v.WorkspaceID + "/transcriptions" }

func showTranscriptions(v *pageRequest) error { return v.listTranscriptions(http.StatusOK, "") }

// listTranscriptions shows the list, with a problem above it if there is one.
func (v *pageRequest) listTranscriptions(status int, problem string) error {
	p := transcriptionsPage{
		layout: v.sectionLayout("transcriptions", "Transcriptions"), Problem: problem,
		Formats: formatChoices,
	}
	in, problems, err := v.filter(&p.Filter)
	if err != nil {
		return err
	}
	if p.Invalid = len(problems) > 0; p.Invalid {
		if !p.Filter.Fields.showErrors(problems...) {
			p.Problem = "This link is not valid for this list. Go to the first page."
		}
		p.First = p.Filter.Path
		return v.render(http.StatusUnprocessableEntity, "transcriptions", p)
	}
	found, err := v.App.Transcriptions(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	terms := search.ParseQuery(in.Query)
	for _, f := range found.Items {
		row, err := v.transcriptionRow(f, terms, in.Query)
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, row)
	}
	p.Total = memo.Plural(found.Total, "transcription")
	if found.HasMoreThanTotal {
		p.Total = fmt.Sprintf("More than %d,%03d transcriptions", found.Total/1000, found.Total%1000)
	}
	p.Empty = found.Total == 0 && !p.Filter.narrowed
	query := v.r.URL.Query()
	query.Del("done")
	p.Export = p.Filter.Path + "/export" + queryString(query)
	if query.Has("cursor") {
		query.Del("cursor")
		p.First = p.Filter.Path + queryString(query)
	}
	if found.NextCursor != "" {
		query.Set("cursor", found.NextCursor)
		p.Next = p.Filter.Path + queryString(query)
	}
	return v.render(status, "transcriptions", p)
}

// queryString returns q with its question mark, or "" if q is empty.
func queryString(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// filter reads the filter from the URL and the options from the database. It returns all
// problems at once.
func (v *pageRequest) filter(f *listFilter) (in app.ListQuery, problems []*memo.Error, err error) {
	allProjects, err := v.App.ProjectNames(v.ctx, v.Caller)
	if err != nil {
		return in, nil, err
	}
	allLanguages, err := v.App.Languages(v.ctx, v.Caller)
	if err != nil {
		return in, nil, err
	}
	projects, languages, sorts, statuses := []option{{Label: "All"}}, []option{{Label: "All"}}, sortOptions, []option(nil)
	for _, p := range allProjects {
		projects = append(projects, option{Value: p.ID, Label: p.Name})
	}
	for _, l := range allLanguages {
		languages = append(languages, option{Value: l, Label: l})
	}
	for _, s := range memo.Statuses {
		statuses = append(statuses, option{Value: string(s), Label: string(s)})
	}
	get := v.r.URL.Query().Get
	q, project, language, from, to := strings.TrimSpace(get("q")), get("project"), get("language"), get("from"), get("to")
	sort, status := cmp.Or(get("sort"), app.Sorts[0]), cmp.Or(get("status"), string(memo.StatusCompleted))
	if q != "" {
		sorts = append(slices.Clone(sortOptions), option{Value: "relevance", Label: "Most relevant first"})
	} else if sort == "relevance" {
		sort = app.Sorts[0] // the query was cleared and the sort was left
	}
	filtered := project+language+from+to != "" || status != string(memo.StatusCompleted)
	*f = listFilter{
		Path: v.transcriptionsPath(), Q: typed(q), Sort: sort,
		Open: filtered || sort != app.Sorts[0], narrowed: filtered || q != "",
		Fields: formFields{
			{Name: "q", Label: "Search", Value: typed(q)},
			{Name: "project", Label: "Project", Options: selectOption(project, projects)},
			{Name: "language", Label: "Language", Options: selectOption(language, languages)},
			{Name: "from", Label: "From", Type: "date", Value: typed(from)},
			{Name: "to", Label: "To", Type: "date", Value: typed(to)},
			{Name: "sort", Label: "Sort", Options: selectOption(sort, sorts)},
			{Name: "status", Label: "Status", Options: selectOption(status, statuses)},
		},
	}
	in = app.ListQuery{Query: q, Sort: sort, Status: memo.Status(status), Limit: pageRows, Cursor: get("cursor")}
	bad := func(field, format string, args ...any) {
		problems = append(problems, memo.Invalid(field, format, args...))
	}
	if project != "" {
		id, ok := app.ParseID(project)
		if in.ProjectID = id; !ok {
			bad("project", "must be one of the options")
		}
	}
	if language != "" {
		if in.Language = string(transcript.Language(language)); slices.Contains(allLanguages, language) {
			in.Language = language
		} else if in.Language == "" {
			bad("language", "must be one of the options")
		}
	}
	if !hasOption(statuses, status) {
		bad("status", "must be one of the options")
	}
	for _, d := range []struct {
		field, value string
		day          *time.Time
	}{{"from", from, &in.From}, {"to", to, &in.To}} {
		if d.value == "" {
			continue
		}
		var err error
		if *d.day, err = time.Parse(time.DateOnly, d.value); err != nil {
			bad(d.field, "must be a date such as 2026-05-20")
		}
	}
	for _, e := range in.Check() {
		if e.Field == "date_from" { // the name of the parameter in REST
			e = memo.Invalid("from", "must not be after the end date")
		}
		problems = append(problems, e)
	}
	return in, problems, nil
}

func (v *pageRequest) transcriptionRow(f app.ListItem, terms []search.Term, q string) (transcriptionRow, error) {
	item, err := f.Item()
	if err != nil {
		return transcriptionRow{}, err
	}
	r := transcriptionRow{ListItem: item, Link: v.transcriptionsPath() + "/" + item.ID, Project: f.Project}
	r.Heading = highlight(terms, r.Title)
	about := truncateChars(string(r.Summary), maxAbout)
	if q != "" {
		about = search.Snippet(terms, string(r.Summary)) // a hit may be far into the summary
	}
	r.About = highlight(terms, about)
	r.SpeakerNames = speakerNames(r.Speakers)
	if q != "" {
		r.Link += "?" + url.Values{"q": {q}}.Encode()
	}
	for _, s := range f.Snippets {
		row := snippetRow{Speaker: string(s.Speaker), Text: highlight(terms, s.Text)}
		if r.Duration > 0 || s.Start > 0 { // without times, both are 0
			row.Clock = s.Start.Timestamp()
		}
		row.Link = lineLink(v.transcriptionsPath()+"/"+r.ID, q, s.Line)
		r.Snippets = append(r.Snippets, row)
	}
	return r, nil
}

// lineLink returns the link to a line on the page of a transcription.
func lineLink(path, q string, line int) string {
	query := url.Values{"line": {fmt.Sprint(line)}}
	if q != "" {
		query.Set("q", q)
	}
	return fmt.Sprintf("%s?%s#t-%d", path, query.Encode(), line)
}

// speakerNames returns the names of the first speakers and the number of others.
func speakerNames(speakers []memo.Speaker) string {
	names := make([]string, 0, maxNames)
	for _, s := range speakers[:min(len(speakers), maxNames)] {
		names = append(names, truncateChars(s.Name, memo.MaxName))
	}
	text := strings.Join(names, ", ")
	if more := len(speakers) - maxNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
