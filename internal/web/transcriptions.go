package web

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/transcript"
)

// transcriptionsPage lists the transcriptions of the workspace or the results of a search.
type transcriptionsPage struct {
	formPage        // the filter
	Path     string // of the list
	Q        string // the current query
	Open     bool   // a field other than the query is set
	Terms    []search.Term
	Rows     []transcriptionRow
	Total    string // with its noun
	Next     string // path of the next page; empty on the last one
	First    string // path of the first page; empty on it
	Empty    bool   // the workspace is empty and no filter is set
	Invalid  bool   // the filter is invalid, so nothing was read
	Export   string // path of the bulk export
	Formats  []option
	narrowed bool // a filter or query narrows the list
}

var sortOptions = []option{
	{"-created_at", "Newest first"},
	{"created_at", "Oldest first"},
	{"-duration", "Longest first"},
	{"duration", "Shortest first"},
}

// transcriptionRow is a transcription in the list.
type transcriptionRow struct {
	memo.ListItem
	About    template.HTML // the shortened summary
	Project  *memo.ProjectRef
	Snippets []app.Snippet
}

// Timed reports whether the time of a snippet is known. Without times, all are 0.
func (r transcriptionRow) Timed(s app.Snippet) bool { return r.Duration > 0 || s.Start > 0 }

const (
	pageRows = 25
	maxAbout = 400 // characters of a summary in the list
	maxNames = 5   // names of speakers in the list
)

func (v *pageRequest) transcriptionsPath() string { return "/w/" + v.WorkspaceID + "/transcriptions" }

// showTranscriptions shows the list, with a problem above it if there is one.
func showTranscriptions(v *pageRequest) error {
	p := transcriptionsPage{Path: v.transcriptionsPath(), Formats: formatChoices}
	refused := len(v.problems) // those of the bulk export
	in, err := v.filter(&p)
	if err != nil {
		return err
	}
	p.layout = v.newLayout("transcriptions", "Transcriptions")
	if p.Invalid = len(v.problems) > refused; p.Invalid {
		p.First, v.status = p.Path, http.StatusUnprocessableEntity
		return v.render("transcriptions", p)
	}
	found, err := v.App.Transcriptions(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	p.Terms = search.ParseQuery(in.Query)
	for _, f := range found.Items {
		row := transcriptionRow{Project: f.Project, Snippets: f.Snippets}
		if row.ListItem, err = f.Item(); err != nil {
			return err
		}
		about := truncateChars(string(row.Summary), maxAbout)
		if in.Query != "" {
			about = search.Snippet(p.Terms, string(row.Summary)) // a hit may be far into the summary
		}
		row.About = highlight(p.Terms, about)
		p.Rows = append(p.Rows, row)
	}
	p.Total = memo.Plural(found.Total, "transcription")
	if found.HasMoreThanTotal {
		p.Total = fmt.Sprintf("More than %d,%03d transcriptions", found.Total/1000, found.Total%1000)
	}
	p.Empty = found.Total == 0 && !p.narrowed
	query := v.r.URL.Query()
	query.Del("done")
	p.Export = p.Path + "/export" + queryString(query)
	if query.Has("cursor") {
		query.Del("cursor")
		p.First = p.Path + queryString(query)
	}
	if found.NextCursor != "" {
		query.Set("cursor", found.NextCursor)
		p.Next = p.Path + queryString(query)
	}
	return v.render("transcriptions", p)
}

// queryString returns q with its question mark, or "" if q is empty.
func queryString(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// filter reads the filter from the URL and the options from the database. It sets all problems
// at once.
func (v *pageRequest) filter(p *transcriptionsPage) (in app.ListQuery, err error) {
	allProjects, err := v.App.ProjectNames(v.ctx, v.Caller)
	if err != nil {
		return in, err
	}
	allLanguages, err := v.App.Languages(v.ctx, v.Caller)
	if err != nil {
		return in, err
	}
	projects, languages, statuses, sorts := []option{{"", "All"}}, []option{{"", "All"}}, []option(nil), sortOptions
	for _, p := range allProjects {
		projects = append(projects, option{p.ID, p.Name})
	}
	for _, l := range allLanguages {
		languages = append(languages, option{l, l})
	}
	for _, s := range memo.Statuses {
		statuses = append(statuses, option{string(s), string(s)})
	}
	q := v.r.URL.Query()
	v.entered = q
	q.Set("q", strings.TrimSpace(q.Get("q")))
	if q.Get("q") != "" {
		sorts = append(slices.Clone(sortOptions), option{"relevance", "Most relevant first"})
	} else if q.Get("sort") == "relevance" {
		q.Del("sort") // the query was cleared and the sort was left
	}
	q.Set("sort", cmp.Or(q.Get("sort"), app.Sorts[0]))
	q.Set("status", cmp.Or(q.Get("status"), string(memo.StatusCompleted)))
	in = app.ListQuery{
		Query: q.Get("q"), Sort: q.Get("sort"), Status: memo.Status(q.Get("status")), Limit: pageRows,
		Cursor: q.Get("cursor"), ProjectID: v.enteredID("project"), Language: q.Get("language"),
		From: v.enteredDate("from", "2026-05-20"), To: v.enteredDate("to", "2026-05-20"),
	}
	if !hasOption(languages, in.Language) {
		if in.Language = string(transcript.Language(in.Language)); in.Language == "" {
			v.refuseField("language", "must be one of the options")
		}
	}
	if !hasOption(statuses, q.Get("status")) {
		v.refuseField("status", "must be one of the options")
	}
	for _, e := range in.Check() {
		switch e.Field {
		case "date_from": // the name of the parameter in REST
			v.refuseField("from", "must not be after the end date")
		case "cursor":
			v.refuseField("", "This link is not valid for this list. Go to the first page.")
		default:
			v.problems = append(v.problems, e)
		}
	}
	p.Fields = v.form(
		formField{Name: "q", Label: "Search"},
		formField{Name: "project", Label: "Project", Options: projects},
		formField{Name: "language", Label: "Language", Options: languages},
		formField{Name: "from", Label: "From", Type: "date"},
		formField{Name: "to", Label: "To", Type: "date"},
		formField{Name: "sort", Label: "Sort", Options: sorts},
		formField{Name: "status", Label: "Status", Options: statuses},
	)
	filtered := q.Get("project")+q.Get("language")+q.Get("from")+q.Get("to") != "" || in.Status != memo.StatusCompleted
	p.Q, p.Open, p.narrowed = typed(in.Query), filtered || in.Sort != app.Sorts[0], filtered || in.Query != ""
	return in, nil
}

// Link returns the path of a transcription, with its hits if the page shows a search.
func (p transcriptionsPage) Link(id string) string {
	q := url.Values{}
	if p.Q != "" {
		q.Set("q", p.Q)
	}
	return p.Path + "/" + id + queryString(q)
}

// LineLink returns the link to a line of a transcription.
func (p transcriptionsPage) LineLink(id string, line int) string {
	return lineLink(p.Path+"/"+id, p.Q, line)
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
