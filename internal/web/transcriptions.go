package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/transcript"
)

// transcriptionsPage lists what the workspace has, or what a search found.
type transcriptionsPage struct {
	frame
	Filter   filter
	Problems []string // with the filter
	Rows     []transcriptionRow
	Total    int
	Next     string // the address of the next page
	First    string // the address of the first page, where this is another one
	Empty    bool   // nothing is there and nothing was asked for
	Formats  []formatChoice
}

// filter is the form of the list, with what it is set to.
type filter struct {
	Q, Project, Language, From, To, Sort, Status string
	Projects                                     []memo.ProjectRef
	Languages                                    []string
	Statuses                                     []memo.Status
	Sorts                                        []sortChoice
	Open                                         bool // more than the words is set
}

type sortChoice struct{ Value, Label string }

var sortChoices = []sortChoice{
	{"-created_at", "Newest first"}, {"created_at", "Oldest first"}, {"-duration", "Longest first"}, {"duration", "Shortest first"}, {"relevance", "Best match first"},
}

// transcriptionRow is a transcription in the list.
type transcriptionRow struct {
	memo.Transcription
	Link     string
	Heading  marked
	About    marked // the summary, cut
	Voices   string // who is heard
	Project  *memo.ProjectRef
	Snippets []snippetRow
}

// snippetRow is a place where a searched word is said.
type snippetRow struct {
	Link  string
	Clock string
	Voice string
	Text  marked
}

const (
	pageRows  = 25
	maxAbout  = 400 // characters of a summary in the list
	maxVoices = 5   // speakers who are named in the list
)

func (v *visit) transcriptionsPath() string { return "/w/" + v.WorkspaceID + "/transcriptions" }

func showTranscriptions(v *visit) error {
	p := transcriptionsPage{frame: v.in("transcriptions", "Transcriptions"), Formats: formatChoices}
	in, problems, err := v.filter(&p.Filter)
	if err != nil {
		return err
	}
	if problems = append(problems, in.Check()...); len(problems) > 0 {
		for _, e := range problems {
			p.Problems = append(p.Problems, complaint(e))
		}
		p.First = v.transcriptionsPath()
		return v.render(http.StatusUnprocessableEntity, "transcriptions", p)
	}
	found, err := v.App.Transcriptions(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	words := search.Query(in.Query)
	for _, f := range found.Items {
		row, err := v.transcriptionRow(f, words, in.Query)
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, row)
	}
	p.Total = found.Total
	query := v.r.URL.Query()
	p.Empty = p.Total == 0 && !p.Filter.set()
	if query.Del("done"); query.Has("cursor") {
		query.Del("cursor")
		p.First = v.transcriptionsPath() + asQuery(query)
	}
	if found.NextCursor != "" {
		query.Set("cursor", found.NextCursor)
		p.Next = v.transcriptionsPath() + asQuery(query)
	}
	return v.render(http.StatusOK, "transcriptions", p)
}

func asQuery(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// filterNames are what the problems of a list call its fields.
var filterNames = map[string]string{
	"q": "The search", "project": "The project", "language": "The language", "from": "The first day", "to": "The last day",
	"date_from": "The first day", "sort": "The order", "status": "The status", "cursor": "This page of the list",
}

func complaint(e *memo.Error) string {
	if e.Field == "cursor" {
		return "This address is not of a page of this list. Begin at the first page."
	}
	if e.Field == "date_from" {
		return "The first day must not be after the last."
	}
	return cmp.Or(filterNames[e.Field], e.Field) + " " + e.Message + "."
}

// filter reads the form and what it offers.
func (v *visit) filter(f *filter) (in app.List, problems []*memo.Error, err error) {
	if f.Projects, err = v.App.ProjectNames(v.ctx, v.Caller); err != nil {
		return in, nil, err
	}
	if f.Languages, err = v.App.Languages(v.ctx, v.Caller); err != nil {
		return in, nil, err
	}
	get := v.r.URL.Query().Get
	f.Q, f.Project, f.Language, f.From, f.To = strings.TrimSpace(get("q")), get("project"), get("language"), get("from"), get("to")
	f.Sort, f.Status = cmp.Or(get("sort"), app.Sorts[0]), cmp.Or(get("status"), string(memo.StatusCompleted))
	f.Statuses = memo.Statuses
	f.Open = f.Project+f.Language+f.From+f.To != "" || f.Sort != app.Sorts[0] || f.Status != string(memo.StatusCompleted)
	for _, c := range sortChoices {
		if c.Value != "relevance" || f.Q != "" {
			f.Sorts = append(f.Sorts, c)
		}
	}
	if f.Q == "" && f.Sort == "relevance" {
		f.Sort = app.Sorts[0] // the words were taken out of the form, and the order was left
	}
	in = app.List{Query: f.Q, Sort: f.Sort, Status: memo.Status(f.Status), Limit: pageRows, Cursor: get("cursor")}
	bad := func(field, format string, args ...any) {
		problems = append(problems, memo.Invalid(field, format, args...))
	}
	if f.Project != "" {
		id, ok := app.ParseID(f.Project)
		if in.ProjectID = id; !ok {
			bad("project", "must be one of the list")
		}
	}
	if f.Language != "" {
		if in.Language = string(transcript.Language(f.Language)); in.Language == "" && !slices.Contains(f.Languages, f.Language) {
			bad("language", "must be one of the list")
		} else if slices.Contains(f.Languages, f.Language) {
			in.Language = f.Language
		}
	}
	if !slices.Contains(memo.Statuses, in.Status) {
		bad("status", "must be one of the list")
	}
	for _, d := range []struct {
		field, value string
		day          *time.Time
	}{{"from", f.From, &in.From}, {"to", f.To, &in.To}} {
		if d.value == "" {
			continue
		}
		var err error
		if *d.day, err = time.Parse(time.DateOnly, d.value); err != nil {
			bad(d.field, "must be a date such as 2026-05-20")
		}
	}
	return in, problems, nil
}

// set reports whether the form asks for less than all.
func (f filter) set() bool {
	return f.Q+f.Project+f.Language+f.From+f.To != "" || f.Status != string(memo.StatusCompleted)
}

func (v *visit) transcriptionRow(f app.Found, words []search.Term, q string) (transcriptionRow, error) {
	r := transcriptionRow{Link: v.transcriptionsPath() + "/" + f.ID, Project: f.Item.Project}
	if err := json.Unmarshal(f.Doc, &r.Transcription); err != nil {
		return r, fmt.Errorf("web: item %s: %w", f.ID, err)
	}
	r.Heading = mark(words, r.Title)
	r.About = mark(words, shorten(string(r.Summary), maxAbout))
	r.Voices = voices(r.Speakers)
	if q != "" {
		r.Link += "?" + url.Values{"q": {q}}.Encode()
	}
	for _, s := range f.Snippets {
		row := snippetRow{Voice: string(s.Speaker), Text: mark(words, s.Text)}
		if r.Duration > 0 || s.Start > 0 { // a text without times has neither
			row.Clock = s.Start.Clock()
		}
		row.Link = lineLink(v.transcriptionsPath()+"/"+f.ID, q, s.Line)
		r.Snippets = append(r.Snippets, row)
	}
	return r, nil
}

// lineLink leads to a line of the reading page, on whichever of its parts.
func lineLink(path, q string, line int) string {
	query := url.Values{"line": {fmt.Sprint(line)}}
	if q != "" {
		query.Set("q", q)
	}
	return fmt.Sprintf("%s?%s#t-%d", path, query.Encode(), line)
}

// voices names the speakers, as far as a list has room.
func voices(speakers []memo.Speaker) string {
	names := make([]string, 0, maxVoices)
	for _, s := range speakers[:min(len(speakers), maxVoices)] {
		names = append(names, shorten(s.Name, memo.MaxName))
	}
	text := strings.Join(names, ", ")
	if more := len(speakers) - maxVoices; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
