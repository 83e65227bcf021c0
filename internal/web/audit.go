package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// auditPage is what was done in the workspace, the newest first.
type auditPage struct {
	layout
	Events   []eventRow
	Filter   formFields
	Newest   string // the address of the first page; empty on it
	Older    string // that of the page after this one, if there is one
	CSV      string
	Filtered bool
	Wrong    bool   // the filter: nothing was looked for
	Problem  string // with it, where no field is to blame
}

// eventRow is an event as a sentence.
type eventRow struct {
	memo.AuditEvent
	Sentence eventSentence
}

// auditLength is how many events are on a page.
const auditLength = 50

// auditSubjects are what the trail of a workspace can be about. Sign-ins that succeed,
// and accounts, belong to the server and not to a workspace.
var auditSubjects = []option{
	{Value: "", Label: "All events"},
	{Value: "key", Label: "Keys"},
	{Value: "member", Label: "Members"},
	{Value: "transcription", Label: "Transcriptions"},
	{Value: "workspace", Label: "Workspace"},
	{Value: "session", Label: "Failed sign-ins"},
}

// eventQuery reads the filter from the address. All that is wrong is told.
func (v *pageRequest) eventQuery() (in app.EventQuery, problems []*memo.Error) {
	q := v.r.URL.Query()
	bad := func(field, message string) { problems = append(problems, memo.Invalid(field, "%s", message)) }
	in.Subject = q.Get("subject")
	if !hasOption(auditSubjects, in.Subject) {
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

// auditPath is the address of a page, or of the CSV, with the filter of this one.
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
		layout: v.sectionLayout("audit", "Audit trail"), CSV: v.auditPath("audit.csv", 0), Wrong: len(problems) > 0,
		Filter: formFields{
			{Name: "subject", Label: "Events"},
			{Name: "member", Label: "Performed by"},
			{Name: "from", Label: "From", Type: "date"},
			{Name: "to", Label: "Until", Type: "date"},
		},
	}
	for i := range p.Filter {
		f := &p.Filter[i]
		f.Value = typed(v.r.URL.Query().Get(f.Name))
		p.Filtered = p.Filtered || f.Value != ""
	}
	if !p.Filter.showErrors(problems...) { // only the page is in no field, and it is read last
		p.Problem = problems[len(problems)-1].Message
	}
	if v.r.URL.Query().Get("before") != "" {
		p.Newest = v.auditPath("audit", 0)
	}
	p.Filter[0].Options = selectOption(in.Subject, auditSubjects)
	if p.Filter[1].Options, err = v.actors(in.ActorID); err != nil {
		return err
	}
	if p.Wrong {
		return v.render(http.StatusUnprocessableEntity, "audit", p)
	}
	in.Limit = auditLength + 1 // one more tells whether there are older ones
	events, err := v.App.Events(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	if len(events) > auditLength {
		events = events[:auditLength]
		p.Older = v.auditPath("audit", events[auditLength-1].ID)
	}
	for _, e := range events {
		p.Events = append(p.Events, eventRow{e, v.deed(e)})
	}
	return v.render(http.StatusOK, "audit", p)
}

// actors offers the members, with one who has left where they are chosen: the
// trail keeps their e-mail with what they did.
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
		did, err := v.App.Events(v.ctx, v.Caller, app.EventQuery{ActorID: chosen, Limit: 1})
		if err != nil {
			return nil, err
		}
		label := "Former member"
		if len(did) > 0 {
			label = did[0].Actor
		}
		list = append(list, option{Value: chosen, Label: label})
	}
	return selectOption(chosen, list), nil
}
