package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// auditPage is what was done in the workspace, the newest first.
type auditPage struct {
	frame
	Events   []eventRow
	Subjects []choice
	Members  []choice
	Dates    fields
	Newest   string // the address of the first page; empty on it
	Older    string // that of the page after this one, if there is one
	CSV      string
	Filtered bool
	Wrong    bool // the filter: nothing was looked for
}

// choice is an option of a select.
type choice struct {
	Value, Label string
	Chosen       bool
}

// eventRow is an event as a sentence.
type eventRow struct {
	memo.Event
	Deed deed
}

// auditLength is how many events are on a page.
const auditLength = 100

// subjects are what the trail of a workspace can be about. Sign-ins and accounts
// belong to the server, not to a workspace, and are in none.
var subjects = []choice{
	{Value: "", Label: "Everything"},
	{Value: "key", Label: "Keys"},
	{Value: "member", Label: "Members"},
	{Value: "transcription", Label: "Transcriptions"},
	{Value: "workspace", Label: "Workspace"},
}

// trail reads the filter from the address. All that is wrong is told.
func (v *visit) trail() (in app.Trail, problems []*memo.Error) {
	q := v.r.URL.Query()
	bad := func(field, message string) { problems = append(problems, memo.Invalid(field, "%s", message)) }
	in.Subject = q.Get("subject")
	if !slices.ContainsFunc(subjects, func(c choice) bool { return c.Value == in.Subject }) {
		bad("subject", "There is no such kind of event.")
	}
	if id := q.Get("member"); id != "" {
		var ok bool
		if in.ActorID, ok = app.ParseID(id); !ok {
			bad("member", "There is no such member.")
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
		bad("to", "must not lie before the other date")
	}
	if before := q.Get("before"); before != "" {
		var err error
		if in.Before, err = strconv.ParseInt(before, 10, 64); err != nil || in.Before < 1 {
			bad("before", "There is no such page.")
		}
	}
	return in, problems
}

// trailPath is the address of a page, or of the CSV, with the filter of this one.
func (v *visit) trailPath(page string, before int64) string {
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

func showAudit(v *visit) error {
	in, problems := v.trail()
	p := auditPage{frame: v.in("audit", "Audit"), CSV: v.trailPath("audit.csv", 0), Dates: fields{
		{Name: "from", Label: "From", Type: "date", Value: v.r.URL.Query().Get("from")},
		{Name: "to", Label: "Until", Type: "date", Value: v.r.URL.Query().Get("to")},
	}}
	if len(problems) > 0 && !p.Dates.tell(problems...) {
		return problems[0] // not from our form
	}
	names, err := v.names()
	if err != nil {
		return err
	}
	for _, c := range subjects {
		c.Chosen = c.Value == in.Subject
		p.Subjects = append(p.Subjects, c)
	}
	if p.Members, err = names.choices(in.ActorID); err != nil {
		return err
	}
	p.Filtered = in.Subject != "" || in.ActorID != "" || p.Dates[0].Value != "" || p.Dates[1].Value != ""
	if p.Wrong = len(problems) > 0; p.Wrong {
		return v.render(http.StatusUnprocessableEntity, "audit", p)
	}
	in.Limit = auditLength + 1 // one more tells whether there are older ones
	events, err := v.App.Events(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	if len(events) > auditLength {
		events = events[:auditLength]
		p.Older = v.trailPath("audit", events[auditLength-1].ID)
	}
	if in.Before > 0 {
		p.Newest = v.trailPath("audit", 0)
	}
	for _, e := range events {
		s, err := names.deed(e)
		if err != nil {
			return err
		}
		p.Events = append(p.Events, eventRow{e, s})
	}
	return v.render(http.StatusOK, "audit", p)
}
