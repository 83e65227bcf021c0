package web

import (
	"net/http"
	"net/url"
	"strconv"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// auditPage shows the audit trail of the workspace, newest first.
type auditPage struct {
	formPage // the filter
	Events   []eventRow
	Newest   string // path of the first page; empty on it
	Older    string // path of the next page; empty on the last one
	CSV      string
	Filtered bool
	Invalid  bool // the filter is invalid, so no events were read
}

// eventRow is an audit event with its sentence.
type eventRow struct {
	memo.AuditEvent
	Sentence eventSentence
}

// auditLength is the number of events on a page: with the longest ones, it stays below 100 kB.
const auditLength = 40

// auditNouns are the nouns of the actions in a workspace. Successful sign-ins and events about
// users do not belong to a workspace.
var auditNouns = []option{
	{"", "All events"},
	{"key", "Keys"},
	{"member", "Members"},
	{"transcription", "Transcriptions"},
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
	in.ActorID = v.enteredID("member")
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

// auditPath returns the path of a page or of the CSV with the current filter.
func (v *pageRequest) auditPath(page string, before int64) string {
	q := url.Values{}
	for _, name := range []string{"subject", "member", "from", "to"} {
		if value := v.entered.Get(name); value != "" {
			q.Set(name, value)
		}
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	return "/w/" + v.WorkspaceID + "/" + page + queryString(q)
}

func showAudit(v *pageRequest) error {
	in := v.eventQuery()
	actors, err := v.actors(in.ActorID)
	if err != nil {
		return err
	}
	p := auditPage{
		formPage: formPage{v.newLayout("audit", "Activity"), v.form(
			formField{Name: "subject", Label: "Events", Options: auditNouns},
			formField{Name: "member", Label: "Performed by", Options: actors},
			formField{Name: "from", Label: "From", Type: "date"},
			formField{Name: "to", Label: "To", Type: "date"},
		)},
		CSV: v.auditPath("audit.csv", 0), Invalid: len(v.problems) > 0,
	}
	for _, f := range p.Fields {
		p.Filtered = p.Filtered || f.Value != ""
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
		p.Events = append(p.Events, eventRow{e, v.describe(e)})
	}
	return v.render("audit", p)
}

// actors returns the members as options. If the filter names a former member, it adds
// them, with the e-mail that the audit trail stores.
func (v *pageRequest) actors(chosen string) ([]option, error) {
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return nil, err
	}
	list := []option{{"", "Anyone"}}
	for _, m := range members {
		list = append(list, option{m.UserID, m.Name + " (" + m.Email + ")"})
	}
	if !hasOption(list, chosen) {
		events, err := v.App.Events(v.ctx, v.Caller, app.EventQuery{ActorID: chosen, Limit: 1})
		if err != nil {
			return nil, err
		}
		label := "Former member"
		if len(events) > 0 {
			label = events[0].Actor
		}
		list = append(list, option{chosen, label})
	}
	return list, nil
}
