package web

import (
	"net/http"

	"memoai.tech/memo/internal/ratelimit"
)

// docsPage is any page of the docs. They are open to everybody, with the frame
// of a signed-in user around them.
type docsPage struct {
	layout
	Page    string // of [docsTabs], its path
	Tabs    []docsTab
	Server  string // this server's address
	Key     string // where one makes a key
	Clients []clientSetup
	REST    []operation
	Limits  docsLimits
}

// docsLimits are the configured limits, in calls per period.
type docsLimits struct {
	Data, Management int
	DataLeft         int // after one call
	Seconds          int // of the period
}

type docsTab struct{ Path, Name, title, template string }

var docsTabs = []docsTab{
	{"/docs", "Overview", "Docs", "docs"},
	{"/docs/rest", "REST", "REST API", "docsrest"},
	{"/docs/mcp", "MCP", "MCP", "docsmcp"},
	{"/docs/errors", "Errors and limits", "Errors and limits", "docserrors"},
}

func showDocs(v *pageRequest) error {
	// Anyone may read the docs; a failed authorisation only leaves out the navigation.
	if visitor, err := v.Admission.SessionUser(v.ctx, v.r); err == nil {
		v.Caller = visitor.Caller
	}
	data := v.App.Limit(ratelimit.Data)
	p := docsPage{
		layout: v.sectionLayout("docs", ""), Page: v.r.URL.Path, Tabs: docsTabs,
		Limits: docsLimits{
			Data: data, Management: v.App.Limit(ratelimit.Management), DataLeft: data - 1,
			Seconds: int(ratelimit.Period.Seconds()),
		},
		Server: v.PublicURL, Key: "/", REST: v.docs, Clients: clientSetups(v.PublicURL, keyFromEnvironment),
	}
	if p.Here != nil {
		p.Key = "/w/" + p.Here.ID + "/keys"
	}
	for _, t := range docsTabs {
		if t.Path == p.Page {
			p.Title = t.title
			return v.render(http.StatusOK, t.template, p)
		}
	}
	return errNotFound
}
