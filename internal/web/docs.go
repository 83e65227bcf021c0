package web

import (
	"net/http"

	"memoai.tech/memo/internal/ratelimit"
)

// docsPage is a page of the docs. The docs are public; signed-in users see them with their
// own layout.
type docsPage struct {
	layout
	Page     string // path of the tab
	Tabs     []docsTab
	Server   string // URL of this server
	KeysPath string // path of the keys page, or "/" outside a workspace
	Clients  []clientSetup
	REST     []operation
	Limits   docsLimits
}

// docsLimits are the configured limits, in calls per period.
type docsLimits struct {
	Data, Management, Changes int
	DataLeft                  int // after one call
	Seconds                   int // of the period
}

type docsTab struct{ Path, Name, title, template string }

var docsTabs = []docsTab{
	{"/docs", "Overview", "Docs", "docs"},
	{"/docs/rest", "REST", "REST API", "docsrest"},
	{"/docs/mcp", "MCP", "MCP", "docsmcp"},
	{"/docs/errors", "Errors and limits", "Errors and limits", "docserrors"},
}

func showDocs(v *pageRequest) error {
	// The docs are public, so an error counts as not signed in.
	if visitor, err := v.Admission.SessionUser(v.ctx, v.r); err == nil {
		v.Caller = visitor.Caller
	}
	data := v.App.Limit(ratelimit.Data)
	p := docsPage{
		layout: v.sectionLayout("docs", ""), Page: v.r.URL.Path, Tabs: docsTabs,
		Limits: docsLimits{
			Data: data, Management: v.App.Limit(ratelimit.Management), Changes: v.App.Limit(ratelimit.Changes),
			DataLeft: data - 1, Seconds: int(ratelimit.Period.Seconds()),
		},
		Server: v.PublicURL, KeysPath: "/", REST: v.docs, Clients: clientSetups(v.PublicURL, keyFromEnvironment),
	}
	if p.Workspace != nil {
		p.KeysPath = "/w/" + p.Workspace.ID + "/keys"
	}
	for _, t := range docsTabs {
		if t.Path == p.Page {
			p.Title = t.title
			return v.render(http.StatusOK, t.template, p)
		}
	}
	return errNotFound
}
