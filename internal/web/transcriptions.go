package web

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
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

// choice is a filter or the sort of the list: a button with the current value that opens a menu of the
// others.
type choice struct {
	Name, Label string   // of the parameter, and of the menu
	Options     []option // the first is the default
	Value, Text string   // of the current option; if it is none of them, Text must be set
	Others      []option // the other parameters, with their values
	Chosen      bool     // the value is not the default
	Dates       bool     // the menu also has a form for two dates
	From, To    string   // these
	Suggested   []string // if there are more values than options, the menu has a field that suggests these
}

// read reads the current value.
func (c *choice) read(params url.Values) {
	dates := c.Dates && (params.Has("from") || params.Has("to"))
	c.Value = cmp.Or(params.Get(c.Name), c.Options[0].Value)
	if c.Value == "" && dates {
		c.Value = "custom"
	}
	if i := slices.IndexFunc(c.Options, func(o option) bool { return o.Value == c.Value }); i >= 0 {
		c.Text = c.Options[i].Label
	}
	c.Chosen = c.Value != c.Options[0].Value
	c.Others = parameters(params, c.Name)
	if c.Dates {
		c.Others = parameters(params, c.Name, "from", "to")
	}
}

// rowGroup is a month of the list, or all rows if the list is not sorted by time. Month is then empty.
type rowGroup struct {
	Month string
	Rows  []transcriptionRow
}

var timeOptions = []option{
	{"", "Any time"},
	{"today", "Today"},
	{"week", "This week"},
	{"month", "This month"},
	{"lastmonth", "Last month"},
}

// daysOf returns the first and the last day of one of [timeOptions], in UTC.
func daysOf(when string, now time.Time) (from, to time.Time, ok bool) {
	today := now.UTC().Truncate(24 * time.Hour)
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	month := today.AddDate(0, 0, 1-today.Day())
	switch when {
	case "today":
		return today, today, true
	case "week":
		return monday, monday.AddDate(0, 0, 6), true
	case "month":
		return month, month.AddDate(0, 1, -1), true
	case "lastmonth":
		return month.AddDate(0, -1, 0), month.AddDate(0, 0, -1), true
	}
	return from, to, false
}

// daysText describes the days from one to another, either of which may be zero.
func daysText(from, to time.Time) string {
	day := func(t time.Time) string { return newDay(t).Text }
	switch {
	case to.IsZero():
		return "Since " + day(from)
	case from.IsZero():
		return "Until " + day(to)
	case from.Equal(to):
		return day(to)
	case from.Day() == 1 && to.Equal(from.AddDate(0, 1, -1)):
		return from.Format("January 2006")
	}
	return day(from) + " to " + day(to)
}

var sortOptions = []option{
	{"-created_at", "Newest first"},
	{"created_at", "Oldest first"},
	{"-duration", "Longest first"},
	{"duration", "Shortest first"},
}

// statusName is a status in prose.
func statusName(s memo.Status) string { return strings.ToUpper(string(s[:1])) + string(s[1:]) }

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

	menuSpeakers = 8 // in the menu of the filter
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
		p.add(row, strings.HasSuffix(in.Sort, "created_at"))
	}
	p.Total, p.Count = formatNumber(found.Total)+" transcriptions", found.Total
	if found.Total == 1 {
		p.Total = "1 transcription"
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

// add adds a row to the group of its month.
func (p *transcriptionsPage) add(row transcriptionRow, byMonth bool) {
	month := ""
	if byMonth {
		month = row.CreatedAt.UTC().Format("January 2006")
	}
	if n := len(p.Groups); n == 0 || p.Groups[n-1].Month != month {
		p.Groups = append(p.Groups, rowGroup{Month: month})
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
	allSpeakers, err := v.App.Speakers(v.ctx, v.Caller)
	if err != nil {
		return in, err
	}
	projects, languages, sorts := []option{{"", "Any project"}}, []option{{"", "Any language"}}, sortOptions
	speakers := []option{{"", "Any speaker"}}
	for _, name := range allSpeakers[:min(len(allSpeakers), menuSpeakers)] {
		speakers = append(speakers, option{name, name})
	}
	if len(allSpeakers) <= menuSpeakers {
		allSpeakers = nil
	}
	statuses := []option{{string(memo.StatusCompleted), statusName(memo.StatusCompleted)}}
	for _, p := range allProjects {
		projects = append(projects, option{p.ID, p.Name})
	}
	for _, l := range allLanguages {
		languages = append(languages, option{l, languageName(memo.Optional(l))})
	}
	slices.SortFunc(languages[1:], func(a, b option) int { return cmp.Compare(a.Label, b.Label) })
	for _, s := range memo.Statuses {
		if s != memo.StatusCompleted {
			statuses = append(statuses, option{string(s), statusName(s)})
		}
	}
	q := v.r.URL.Query()
	v.entered = q
	q.Set("q", strings.TrimSpace(q.Get("q")))
	q.Set("speaker", strings.TrimSpace(q.Get("speaker")))
	if q.Get("q") != "" {
		sorts = append(slices.Clone(sortOptions), option{"relevance", "Most relevant first"})
	} else if q.Get("sort") == "relevance" {
		q.Del("sort") // the query was cleared and the sort was left
	}
	q.Set("sort", cmp.Or(q.Get("sort"), sorts[0].Value))
	q.Set("status", cmp.Or(q.Get("status"), statuses[0].Value))
	in = app.ListQuery{
		Query: q.Get("q"), Sort: q.Get("sort"), Status: memo.Status(q.Get("status")), Limit: pageRows,
		Cursor: q.Get("cursor"), ProjectID: v.enteredID("project"), Language: q.Get("language"),
		Speaker: q.Get("speaker"),
		From:    v.enteredDate("from", "2026-05-20"), To: v.enteredDate("to", "2026-05-20"),
	}
	when := q.Get("when")
	if when != "" {
		var ok bool
		if in.From, in.To, ok = daysOf(when, v.Now()); !ok {
			v.refuseField("when", "must be one of the options")
		}
	}
	if !hasOption(languages, in.Language) {
		if in.Language = string(transcript.Language(in.Language)); in.Language == "" {
			v.refuseField("language", "must be one of the options")
		}
		q.Set("language", cmp.Or(in.Language, q.Get("language")))
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
		formField{Name: "q", Label: "Search"}, formField{Name: "when", Label: "Time"},
		formField{Name: "from", Label: "From"}, formField{Name: "to", Label: "To"},
		formField{Name: "project", Label: "Project"}, formField{Name: "speaker", Label: "Speaker"},
		formField{Name: "language", Label: "Language"},
		formField{Name: "status", Label: "Status"}, formField{Name: "sort", Label: "Sort"},
	)
	p.Q = typed(in.Query)
	p.Choices = []choice{
		{
			Name: "when", Label: "Time", Options: timeOptions, Text: daysText(in.From, in.To), Dates: true,
			From: p.Fields.Get("from").Value, To: p.Fields.Get("to").Value,
		},
		{Name: "project", Label: "Project", Options: projects, Text: "Unknown project"},
		{
			Name: "speaker", Label: "Speaker", Options: speakers, Text: p.Fields.Get("speaker").Value,
			Suggested: allSpeakers,
		},
		{Name: "language", Label: "Language", Options: languages, Text: languageName(memo.Optional(in.Language))},
		{Name: "status", Label: "Status", Options: statuses, Text: "Unknown status"},
		{Name: "sort", Label: "Sort", Options: sorts, Text: "Unknown sort"},
	}
	defaults := map[string]string{"status": statuses[0].Value, "sort": sorts[0].Value}
	p.params = url.Values{}
	for _, f := range p.Fields {
		if f.Value != "" && f.Value != defaults[f.Name] {
			p.params.Set(f.Name, f.Value)
		}
	}
	if p.Q != "" {
		p.names = append(p.names, p.Q)
	}
	for i := range p.Choices {
		c := &p.Choices[i]
		days := c.Text
		if c.read(p.params); !c.Chosen || c.Name == "sort" {
			continue
		}
		p.Filtered = true
		if !c.Dates {
			p.names = append(p.names, c.Text)
		} else {
			p.names = append(p.names, days)
		}
	}
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

// Kept returns the parameters that a new search keeps.
func (p transcriptionsPage) Kept() []option { return parameters(p.params, "q", "cursor") }

// Clear returns the path of the list without filters, but with the search.
func (p transcriptionsPage) Clear() string {
	if p.Q == "" {
		return p.Path
	}
	return p.Path + queryString(url.Values{"q": {p.Q}})
}

// parameters returns the parameters of a query except some, by name.
func parameters(q url.Values, except ...string) (all []option) {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(except, name) {
			all = append(all, option{name, q.Get(name)})
		}
	}
	return all
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
