package web

import (
	"html/template"
	"slices"
	"strings"
	"sync"

	"memoai.tech/memo/docs"
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
	// Transcripts says how to get transcripts out of other tools.
	Transcripts template.HTML
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
	{"/docs/transcripts", "Transcripts", "Get transcripts out of other tools", "docstranscripts"},
	{"/docs/errors", "Errors and limits", "Errors and limits", "docserrors"},
}

func showDocs(v *pageRequest) error {
	v.identify()
	tab := docsTabs[slices.IndexFunc(docsTabs, func(t docsTab) bool { return t.Path == v.r.URL.Path })]
	data := v.App.Limit(ratelimit.Data)
	p := docsPage{
		layout: v.newLayout("docs", tab.title), Page: tab.Path, Tabs: docsTabs, Server: v.PublicURL, KeysPath: "/",
		REST: v.docs, Clients: clientSetups(v.PublicURL, keyFromEnvironment),
		Limits: docsLimits{
			Data: data, Management: v.App.Limit(ratelimit.Management), Changes: v.App.Limit(ratelimit.Changes),
			DataLeft: data - 1, Seconds: int(ratelimit.Period.Seconds()),
		},
	}
	if tab.template == "docstranscripts" {
		p.Transcripts = transcriptsGuide()
	}
	if p.Workspace != nil {
		p.KeysPath = "/w/" + p.Workspace.ID + "/keys"
	}
	return v.render(tab.template, p)
}

// transcriptsGuide is [docs.Transcripts] without its title, which the page has.
var transcriptsGuide = sync.OnceValue(func() template.HTML {
	_, text, _ := strings.Cut(docs.Transcripts, "\n")
	html := renderMarkdown(text, nil, 1<<20) // its headings are those of a report, which are under an h2
	headings := []string{"</h3>", "</h2>"}
	for _, s := range docs.TranscriptSections() {
		headings = append(headings, "<h3>"+s.Title+"</h3>", `<h2 id="`+s.Anchor+`">`+s.Title+"</h2>")
	}
	return template.HTML(strings.NewReplacer(headings...).Replace(string(html)))
})
