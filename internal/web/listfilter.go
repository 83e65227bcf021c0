package web

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

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

// menuSpeakers is how many speakers the menu of the filter has.
const menuSpeakers = 8

// listOptions are the options of the filters and of the sort.
type listOptions struct {
	projects, speakers, languages, statuses, sorts []option // the first is the default

	suggested []string // speakers, if there are more than in the menu
}

// listOptions reads the options from the database.
func (v *pageRequest) listOptions() (o listOptions, err error) {
	projects, err := v.App.ProjectNames(v.ctx, v.Caller)
	if err != nil {
		return o, err
	}
	languages, err := v.App.Languages(v.ctx, v.Caller)
	if err != nil {
		return o, err
	}
	speakers, err := v.App.Speakers(v.ctx, v.Caller)
	if err != nil {
		return o, err
	}
	o = listOptions{
		projects: []option{{"", "Any project"}}, speakers: []option{{"", "Any speaker"}},
		languages: []option{{"", "Any language"}}, sorts: sortOptions,
		statuses: []option{{string(memo.StatusCompleted), statusName(memo.StatusCompleted)}},
	}
	for _, p := range projects {
		o.projects = append(o.projects, option{p.ID, p.Name})
	}
	for _, name := range speakers[:min(len(speakers), menuSpeakers)] {
		o.speakers = append(o.speakers, option{name, name})
	}
	if len(speakers) > menuSpeakers {
		o.suggested = speakers
	}
	for _, l := range languages {
		o.languages = append(o.languages, option{l, languageName(memo.Optional(l))})
	}
	slices.SortFunc(o.languages[1:], func(a, b option) int { return cmp.Compare(a.Label, b.Label) })
	for _, s := range memo.Statuses {
		if s != memo.StatusCompleted {
			o.statuses = append(o.statuses, option{string(s), statusName(s)})
		}
	}
	return o, nil
}

// filter reads the filter from the URL and its options. It sets all problems at once.
func (v *pageRequest) filter(p *transcriptionsPage) (in app.ListQuery, err error) {
	o, err := v.listOptions()
	if err != nil {
		return in, err
	}
	v.readListParameters(&o)
	in = v.listQuery(o)
	p.Fields = v.form(
		formField{Name: "q", Label: "Search"}, formField{Name: "when", Label: "Time"},
		formField{Name: "from", Label: "From"}, formField{Name: "to", Label: "To"},
		formField{Name: "project", Label: "Project"}, formField{Name: "speaker", Label: "Speaker"},
		formField{Name: "language", Label: "Language"},
		formField{Name: "status", Label: "Status"}, formField{Name: "sort", Label: "Sort"},
	)
	p.Q = typed(in.Query)
	p.readChoices(o, in)
	return in, nil
}

// readListParameters sets what was entered to the parameters of the URL, with the defaults of the
// status and the sort.
func (v *pageRequest) readListParameters(o *listOptions) {
	q := v.r.URL.Query()
	v.entered = q
	q.Set("q", strings.TrimSpace(q.Get("q")))
	q.Set("speaker", strings.TrimSpace(q.Get("speaker")))
	if q.Get("q") != "" {
		o.sorts = append(slices.Clone(sortOptions), option{"relevance", "Most relevant first"})
	} else if q.Get("sort") == "relevance" {
		q.Del("sort") // the query was cleared and the sort was left
	}
	q.Set("sort", cmp.Or(q.Get("sort"), o.sorts[0].Value))
	q.Set("status", cmp.Or(q.Get("status"), o.statuses[0].Value))
}

// listQuery returns the query for what was entered, and sets what is wrong with it.
func (v *pageRequest) listQuery(o listOptions) app.ListQuery {
	q := v.entered
	in := app.ListQuery{
		Query: q.Get("q"), Sort: q.Get("sort"), Status: memo.Status(q.Get("status")), Limit: pageRows,
		Cursor: q.Get("cursor"), ProjectID: v.enteredID("project"), Language: q.Get("language"),
		Speaker: q.Get("speaker"),
		From:    v.enteredDate("from", "2026-05-20"), To: v.enteredDate("to", "2026-05-20"),
	}
	if when := q.Get("when"); when != "" {
		var ok bool
		if in.From, in.To, ok = daysOf(when, v.Now()); !ok {
			v.refuseField("when", "must be one of the options")
		}
	}
	if !hasOption(o.languages, in.Language) {
		if in.Language = string(transcript.Language(in.Language)); in.Language == "" {
			v.refuseField("language", "must be one of the options")
		}
		q.Set("language", cmp.Or(in.Language, q.Get("language")))
	}
	if !hasOption(o.statuses, q.Get("status")) {
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
	return in
}

// readChoices sets the buttons of the filter, and what they say about the list.
func (p *transcriptionsPage) readChoices(o listOptions, in app.ListQuery) {
	p.Choices = []choice{
		{
			Name: "when", Label: "Time", Options: timeOptions, Text: daysText(in.From, in.To), Dates: true,
			From: p.Fields.Get("from").Value, To: p.Fields.Get("to").Value,
		},
		{Name: "project", Label: "Project", Options: o.projects, Text: "Unknown project"},
		{
			Name: "speaker", Label: "Speaker", Options: o.speakers, Text: p.Fields.Get("speaker").Value,
			Suggested: o.suggested,
		},
		{Name: "language", Label: "Language", Options: o.languages, Text: languageName(memo.Optional(in.Language))},
		{Name: "status", Label: "Status", Options: o.statuses, Text: "Unknown status"},
		{Name: "sort", Label: "Sort", Options: o.sorts, Text: "Unknown sort"},
	}
	defaults := map[string]string{"status": o.statuses[0].Value, "sort": o.sorts[0].Value}
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
