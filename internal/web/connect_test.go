package web

import (
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo"
)

// TestConnectPage: the page has the URL where apps can connect, and says what to do elsewhere.
func TestConnectPage(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b, path := w.browser(w.Mark), "/w/"+w.Acme.ID+"/keys/connect"
	b.get(path).want(http.StatusOK, w.Server.URL+"/mcp</code>", "claude mcp login memo",
		`aria-current="page">Connect by URL`).without("ChatGPT") // cannot reach a loopback address
	proxied := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }
	b.do("GET", path, "", proxied).want(http.StatusOK, "--public-url", "create an API key").without("claude mcp")
	w.SetPlan(memo.PlanBasic)
	b.get(path).want(http.StatusOK, "note warn").without("claude mcp")
	hosts := hostsByURL("https://memo.example.com/mcp", true)
	if hosts[0].Menu == "" || !strings.Contains(hosts[1].Name, "ChatGPT") {
		t.Errorf("the hosts at a public address are %+v", hosts)
	}
}
