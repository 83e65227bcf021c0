package web

import (
	"strings"

	"memoai.tech/memo/internal/oauth"
)

// connectPage says how to connect a host by the URL alone.
type connectPage struct {
	layout
	Tabs  []navLink
	URL   string // of MCP; empty if the server has no address for OAuth
	Hosts []hostSteps
}

// hostSteps is where a host asks for the URL: in its menus, or with commands and what comes then.
type hostSteps struct{ Name, Menu, Commands, Then string }

// keyTabs are the tabs of the pages that give access to an assistant or script.
func (v *pageRequest) keyTabs(current string) []navLink {
	tabs := []navLink{
		{Text: "Connect by URL", Href: v.keysPath() + "/connect"},
		{Text: "API key", Href: v.keysPath() + "/new"},
	}
	for i := range tabs {
		tabs[i].Current = strings.HasSuffix(tabs[i].Href, current)
	}
	return tabs
}

func showConnect(v *pageRequest) error {
	p := connectPage{layout: v.newLayout("keys", "Connect an app"), Tabs: v.keyTabs("/connect")}
	if issuer := v.Admission.Issuer(v.r); issuer != "" {
		p.URL = issuer + oauth.Resource
		p.Hosts = hostsByURL(p.URL, strings.HasPrefix(issuer, "https://"))
	}
	return v.render("connect", p)
}

// hostsByURL returns the hosts that connect by a URL. Those on the web need one that they can reach.
// docs/mcp.md has the versions with which this was tried.
func hostsByURL(url string, reachable bool) []hostSteps {
	hosts := []hostSteps{
		{
			Name: "Claude, on the web, desktop and mobile", Menu: "Settings → Connectors → Add custom connector",
		},
		{
			Name: "ChatGPT", Menu: "Settings → Apps → Advanced settings → Developer mode, then Create app",
		},
		{
			Name:     "Claude Code",
			Commands: "claude mcp add --transport http --scope user memo " + url + "\nclaude mcp login memo",
		},
		{Name: "Codex", Commands: "codex mcp add memo --url " + url + "\ncodex mcp login memo"},
		{
			Name: "Gemini CLI", Commands: "gemini mcp add --scope user --transport http memo " + url,
			Then: "Then type “/mcp auth memo” in gemini.",
		},
		{Name: "opencode", Commands: "opencode mcp add memo --url " + url + "\nopencode mcp auth memo"},
		{Name: "Cursor", Menu: "Settings → MCP → Add new MCP server"},
		{Name: "VS Code", Menu: "Command “MCP: Add Server” → HTTP"},
	}
	if !reachable {
		return hosts[2:]
	}
	return hosts
}
