package web

import "net/http"

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
}

type docsTab struct{ Path, Name, title, template string }

var docsTabs = []docsTab{
	{"/docs", "Overview", "Docs", "docs"},
	{"/docs/rest", "REST", "REST API", "docsrest"},
	{"/docs/mcp", "MCP", "MCP", "docsmcp"},
	{"/docs/errors", "Errors and limits", "Errors and limits", "docserrors"},
}

func showDocs(v *pageRequest) error {
	// A visitor who is nobody, or cannot be found out to be somebody, reads as well.
	if c, err := v.App.AuthoriseUser(v.ctx, v.Admission.SessionToken(v.r), v.Admission.Client(v.r)); err == nil {
		v.Caller = c
	}
	p := docsPage{
		layout: v.sectionLayout("docs", ""), Page: v.r.URL.Path, Tabs: docsTabs,
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
