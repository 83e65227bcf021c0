package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// auditPage shows the audit trail of the workspace, newest first.
type auditPage struct {
	layout
	Events   []eventRow
	Filter   formFields
	Newest   string // path of the first page; empty on it
	Older    string // path of the next page; empty on the last one
	CSV      string
	Filtered bool
	Invalid  bool   // the filter is invalid, so no events were read
	Problem  string // an error that belongs to no field
}

// eventRow is an audit event with its sentence.
type eventRow struct {
	memo.AuditEvent
	Sentence eventSentence
}

// auditLength is the number of events on a page.
const auditLength = 50

// auditSubjects are the subjects of the events of a workspace. Successful sign-ins and
// events about users do not belong to a workspace.
var auditSubjects = []option{
	{Value: "", Label: "All events"},
	{Value: "key", Label: "Keys"},
	{Value: "member", Label: "Members"},
	{Value: "transcription", Label: "Transcriptions"},
	{Value: "workspace", Label: "Workspace"},
	{Value: "session", Label: "Failed sign-ins"},
}

// eventQuery reads the filter from the URL. It returns all problems at once.
func (v *pageRequest) eventQuery() (in app.EventQuery, problems []*memo.Error) {
	q := v.r.URL.Query()
	bad := func(field, message string) { problems = append(problems, memo.Invalid(field, "%s", message)) }
	in.Noun = q.Get("subject")
	if !hasOption(auditSubjects, in.Noun) {
		bad("subject", "must be one of the options")
	}
	if id := q.Get("member"); id != "" {
		var ok bool
		if in.ActorID, ok = app.ParseID(id); !ok {
			bad("member", "must be one of the options")
		}
	}
	date := func(field string) time.Time {
		t, err := time.Parse(time.DateOnly, q.Get(field))
		if err != nil && q.Get(field) != "" {
			bad(field, "must be a date such as 2030-01-31")
		}
		return t
	}
	in.From, in.To = date("from"), date("to")
	if !in.To.IsZero() && in.To.Before(in.From) {
		bad("to", "must not be before the start date")
	}
	if before := q.Get("before"); before != "" {
		var err error
		if in.Before, err = strconv.ParseInt(before, 10, 64); err != nil || in.Before < 1 {
			bad("before", "This page does not exist.")
		}
	}
	return in, problems
}

// auditPath returns the path of a page or of the CSV with the current filter.
func (v *pageRequest) auditPath(page string, before int64) string {
	q, have := url.Values{}, v.r.URL.Query()
	for _, name := range []string{"subject", "member", "from", "to"} {
		if value := have.Get(name); value != "" {
			q.Set(name, value)
		}
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	to := "/w/" + v.WorkspaceID + "/" + page
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	return to
}

func showAudit(v *pageRequest) (err error) {
	in, problems := v.eventQuery()
	p := auditPage{
		layout: v.sectionLayout("audit", "Audit trail"), CSV: v.auditPath("audit.csv", 0), Invalid: len(problems) > 0,
		Filter: formFields{
			{Name: "subject", Label: "Events"},
			{Name: "member", Label: "Performed by"},
			{Name: "from", Label: "From", Type: "date"},
			{Name: "to", Label: "To", Type: "date"},
		},
	}
	for i := range p.Filter {
		f := &p.Filter[i]
		f.Value = typed(v.r.URL.Query().Get(f.Name))
		p.Filtered = p.Filtered || f.Value != ""
	}
	if !p.Filter.showErrors(problems...) { // only "before" has no field, and its problem is last
		p.Problem = problems[len(problems)-1].Message
	}
	if v.r.URL.Query().Get("before") != "" {
		p.Newest = v.auditPath("audit", 0)
	}
	p.Filter[0].Options = selectOption(in.Noun, auditSubjects)
	if p.Filter[1].Options, err = v.actors(in.ActorID); err != nil {
		return err
	}
	if p.Invalid {
		return v.render(http.StatusUnprocessableEntity, "audit", p)
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
	return v.render(http.StatusOK, "audit", p)
}

// actors returns the members as options. If the filter names a former member, it adds
// them, with the e-mail that the audit trail stores.
func (v *pageRequest) actors(chosen string) ([]option, error) {
	members, err := v.App.Members(v.ctx, v.Caller, v.WorkspaceID)
	if err != nil {
		return nil, err
	}
	list := []option{{Value: "", Label: "Anyone"}}
	for _, m := range members {
		list = append(list, option{Value: m.UserID, Label: m.Name + " (" + m.Email + ")"})
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
		list = append(list, option{Value: chosen, Label: label})
	}
	return selectOption(chosen, list), nil
}
