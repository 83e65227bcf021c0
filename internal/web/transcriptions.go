package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/search"
)

// transcriptionsPage lists the transcriptions of the workspace or the results of a search.
type transcriptionsPage struct {
	formPage        // the filter, with its problems
	Path     string // of the list
	Q        string // the current query
	Terms    []search.Term
	Choices  []choice
	Groups   []rowGroup
	Total    string // with its noun
	Count    int    // if the whole list can be downloaded as one ZIP: its length
	Next     string // path of the next page; empty on the last one
	First    string // path of the first page; empty on it
	Empty    bool   // the workspace is empty and no filter is set
	Invalid  bool   // the filter is invalid, so nothing was read
	Filtered bool   // a filter narrows the list
	Start    *firstSteps
	Export   string // path of the bulk export
	Formats  []option

	params url.Values // the parameters of the filter that are not the default
	names  []string   // what the list is filtered by, for the name of a ZIP
}

// rowGroup is a month of the list, or all rows if the list is not sorted by time. Month is then empty.
type rowGroup struct {
	Heading string // a month, or empty
	Closest bool   // the rows lack words of the search
	Rows    []transcriptionRow
}

// transcriptionRow is a transcription in the list.
type transcriptionRow struct {
	memo.ListItem
	About    template.HTML // the shortened summary
	Project  *memo.ProjectRef
	Snippets []app.Snippet
}

// newStatusPill returns the status of a transcription that has no transcript, and since when it has it.
func newStatusPill(s memo.Status, since, now time.Time) pillPart {
	kind := "warn"
	if s == memo.StatusFailed {
		kind = "bad"
	}
	return pillPart{kind, statusName(s) + " " + timeAgo(since, now)}
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
		p.add(row, groupOf(f, row, in.Sort))
	}
	p.Count = found.Total - found.Closest
	p.Total = formatNumber(p.Count) + " transcriptions"
	switch {
	case p.Count == 1:
		p.Total = "1 transcription"
	case p.Count == 0:
		p.Total = "No transcriptions"
	}
	if found.HasMoreThanTotal {
		p.Total = "More than " + p.Total
	}
	if found.HasMoreThanTotal || found.Total > app.MaxListArchiveFiles {
		p.Count = 0
	}
	narrowed := p.Filtered || p.Q != ""
	p.Empty = found.Total == 0 && !narrowed
	if !narrowed {
		if p.Start, err = v.firstSteps(p.layout); err != nil {
			return err
		}
	}
	p.Export = p.Path + "/export" + queryString(p.params)
	if in.Cursor != "" {
		p.First = p.Path + queryString(p.params)
	}
	if found.NextCursor != "" {
		p.params.Set("cursor", found.NextCursor)
		p.Next = p.Path + queryString(p.params)
	}
	return v.render("transcriptions", p)
}

// groupOf returns the group that a row belongs to: its month if the list is by time, or those that
// lack words of the search.
func groupOf(f app.ListItem, row transcriptionRow, sort string) rowGroup {
	switch {
	case f.Missing != nil:
		return rowGroup{Heading: "With most of the words", Closest: true}
	case strings.HasSuffix(sort, "created_at"):
		return rowGroup{Heading: row.CreatedAt.UTC().Format("January 2006")}
	}
	return rowGroup{}
}

// add adds a row to its group.
func (p *transcriptionsPage) add(row transcriptionRow, group rowGroup) {
	if n := len(p.Groups); n == 0 || p.Groups[n-1].Heading != group.Heading {
		p.Groups = append(p.Groups, group)
	}
	last := &p.Groups[len(p.Groups)-1]
	last.Rows = append(last.Rows, row)
}

// queryString returns q with its question mark, or "" if q is empty.
func queryString(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
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

// maxFaces is how many speakers of a row have an avatar.
const maxFaces = 3

// Faces returns the names of the speakers who have an avatar.
func (r transcriptionRow) Faces() (names []string) {
	for _, s := range r.Speakers[:min(len(r.Speakers), maxFaces)] {
		names = append(names, s.Name)
	}
	return names
}

// backToList returns the path of the list or search that led to a page, at the row of a transcription.
func (v *pageRequest) backToList(id string) string {
	path := v.transcriptionsPath()
	from, err := url.Parse(v.r.Referer())
	if err != nil || from.Path != path {
		return path + "#" + id
	}
	q := from.Query()
	q.Del("done")
	return path + queryString(q) + "#" + id
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
