package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// auditPage shows the audit trail of the workspace, newest first.
type auditPage struct {
	formPage // the dates
	Kinds    []menuItem
	Actors   menu
	Actor    string    // the person of the filter
	Key      *menuItem // the key of the filter; its path is without it
	Hidden   []option  // names and values of the other filters, for the form of the dates
	HasDates bool
	Days     []eventDay
	Newest   string // path of the first page; empty on it
	Older    string // path of the next page; empty on the last one
	CSV      string
	Filtered bool
	Invalid  bool // the filter is invalid, so no events were read
}

// eventDay is the events of a day in UTC.
type eventDay struct {
	Name   string
	Events []eventRow
}

// eventRow is an audit event with its sentence.
type eventRow struct {
	memo.AuditEvent
	Who      string // the current name of the actor, or their e-mail at that time
	Sentence eventSentence
}

// Time is the time of day in UTC. It does not change with the time zone, because the days do not.
func (e eventRow) Time() timePart { return timePart{e.At, "utc", e.At.UTC().Format("15:04")} }

// dayName names a day in UTC: "Today", "Yesterday" or "Monday, May 20, 2026".
func dayName(t, now time.Time) string {
	switch formatDay(t) {
	case formatDay(now):
		return "Today"
	case formatDay(now.AddDate(0, 0, -1)):
		return "Yesterday"
	}
	return t.UTC().Format("Monday, Jan 2, 2006")
}

// auditLength is the number of events on a page: with the longest ones, it stays below 100 kB.
const auditLength = 36

// auditNouns are the nouns of the actions in a workspace. Successful sign-ins and events about
// users do not belong to a workspace.
var auditNouns = []option{
	{"", "All"},
	{"key", "Keys"},
	{"member", "Members"},
	{"project", "Projects"},
	{"transcription", "Transcriptions"},
	{"webhook", "Webhooks"},
	{"workspace", "Workspace"},
	{"session", "Failed sign-ins"},
}

// eventQuery reads the filter from the URL. It sets all problems at once.
func (v *pageRequest) eventQuery() (in app.EventQuery) {
	v.entered, v.problems = v.r.URL.Query(), nil
	in.Noun = v.entered.Get("subject")
	if !hasOption(auditNouns, in.Noun) {
		v.refuseField("subject", "must be one of the options")
	}
	in.ActorID, in.KeyID = v.enteredID("member"), v.enteredID("key")
	in.From, in.To = v.enteredDate("from", "2030-01-31"), v.enteredDate("to", "2030-01-31")
	if !in.To.IsZero() && in.To.Before(in.From) {
		v.refuseField("to", "must not be before the start date")
	}
	if before := v.entered.Get("before"); before != "" {
		var err error
		if in.Before, err = strconv.ParseInt(before, 10, 64); err != nil || in.Before < 1 {
			v.refuseField("", "This page does not exist.")
		}
	}
	return in
}

// auditFilters are the parameters of the filter.
var auditFilters = []string{"subject", "member", "key", "from", "to"}

// auditPath returns the path of a page or of the CSV with the current filter.
func (v *pageRequest) auditPath(page string, before int64) string {
	q := v.auditFilter()
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	return "/w/" + v.WorkspaceID + "/" + page + queryString(q)
}

// auditFilter returns the current filter.
func (v *pageRequest) auditFilter() url.Values {
	q := url.Values{}
	for _, name := range auditFilters {
		if value := v.entered.Get(name); value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// auditPathWith returns the path of the first page with one filter changed.
func (v *pageRequest) auditPathWith(name, value string) string {
	q := v.auditFilter()
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return "/w/" + v.WorkspaceID + "/audit" + queryString(q)
}

func showAudit(v *pageRequest) error {
	in := v.eventQuery()
	p := auditPage{
		formPage: formPage{v.newLayout("audit", "Activity"), v.form(
			formField{Name: "from", Label: "From", Type: "date"},
			formField{Name: "to", Label: "To", Type: "date"},
		)},
		CSV: v.auditPath("audit.csv", 0), Invalid: len(v.problems) > 0, Filtered: len(v.auditFilter()) > 0,
		HasDates: v.entered.Get("from") != "" || v.entered.Get("to") != "",
	}
	for _, f := range v.problems {
		if f.Field == "subject" || f.Field == "member" || f.Field == "key" {
			p.Problem = "This filter does not exist. Clear the filters and choose again."
		}
	}
	names, err := v.addAuditFilters(&p, in)
	if err != nil {
		return err
	}
	if v.entered.Get("before") != "" {
		p.Newest = v.auditPath("audit", 0)
	}
	if p.Invalid {
		v.status = http.StatusUnprocessableEntity
		return v.render("audit", p)
	}
	in.Limit = auditLength + 1 // one more, to know whether there are older events
	events, err := v.App.Events(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	if len(events) > auditLength {
		events = events[:auditLength]
		p.Older = v.auditPath("audit", events[auditLength-1].ID)
	}
	for _, e := range events {
		name := dayName(e.At, p.Now)
		if n := len(p.Days); n == 0 || p.Days[n-1].Name != name {
			p.Days = append(p.Days, eventDay{Name: name})
		}
		day := &p.Days[len(p.Days)-1]
		day.Events = append(day.Events, eventRow{e, cmp.Or(names[string(e.ActorID)], e.Actor), v.describe(e)})
	}
	if p.Key != nil && len(events) > 0 {
		p.Key.Text = cmp.Or(events[0].Name, p.Key.Text)
	}
	return v.render("audit", p)
}

// addAuditFilters adds the choices of the filters. It returns the names of the members by id.
func (v *pageRequest) addAuditFilters(p *auditPage, in app.EventQuery) (names map[string]string, err error) {
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return nil, err
	}
	p.Actors = menu{ID: "actors", Label: "By", Items: []menuItem{
		{Text: "Anyone", Href: v.auditPathWith("member", ""), Current: in.ActorID == ""},
	}}
	names = map[string]string{}
	for _, m := range members {
		names[m.UserID] = m.Name
		if len(p.Actors.Items) <= membersPerPage {
			p.Actors.Items = append(p.Actors.Items, menuItem{
				Text: m.Name, Href: v.auditPathWith("member", m.UserID), Current: in.ActorID == m.UserID,
			})
		}
	}
	if len(members) > membersPerPage { // each has a link to this page there
		p.Actors.Items = append(p.Actors.Items, newMenuItem("All members", "members", v.membersPath()))
	}
	if p.Actor = names[in.ActorID]; in.ActorID != "" && p.Actor == "" {
		if p.Actor, err = v.formerMember(in.ActorID); err != nil {
			return nil, err
		}
	}
	if in.KeyID != "" {
		p.Key = &menuItem{Text: "One key", Href: v.auditPathWith("key", "")}
	} else {
		for _, noun := range auditNouns {
			p.Kinds = append(p.Kinds, menuItem{
				Text: noun.Label, Href: v.auditPathWith("subject", noun.Value), Current: noun.Value == in.Noun,
			})
		}
	}
	for _, name := range []string{"subject", "member", "key"} {
		if value := v.entered.Get(name); value != "" {
			p.Hidden = append(p.Hidden, option{name, typed(value)})
		}
	}
	return names, nil
}

// formerMember returns the e-mail of a former member, as the audit trail stores it.
func (v *pageRequest) formerMember(id string) (string, error) {
	events, err := v.App.Events(v.ctx, v.Caller, app.EventQuery{ActorID: id, Limit: 1})
	if err != nil || len(events) == 0 {
		return "a former member", err
	}
	return events[0].Actor, nil
}
