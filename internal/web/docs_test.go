package web

import (
	"html"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

// address is any address in a page's text.
var address = regexp.MustCompile(`https?://[^/\s"'<)]*`)

func TestDocs(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	visitor := w.browser(memo.User{})
	for _, tab := range docsTabs {
		p := visitor.get(tab.Path).want(http.StatusOK, `aria-current="page">`+html.EscapeString(tab.Name), "Sign in")
		if len(p.body) > 100_000 {
			t.Errorf("%s is of %d bytes", tab.Path, len(p.body))
		}
		for _, a := range address.FindAllString(html.UnescapeString(p.body), -1) {
			if a != "https://memo.example.com" && a != "https://opencode.ai" { // its schema
				t.Errorf("%s names the address %s", tab.Path, a)
			}
		}
		if strings.Contains(p.body, "{key}") || strings.Contains(p.body, "{server}") {
			t.Errorf("%s has a blank that was not filled in", tab.Path)
		}
		for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
			if n := strings.Count(p.body, id[0]); n != 1 {
				t.Errorf("%s has the id %s %d times", tab.Path, id[1], n)
			}
		}
	}
}

func TestDocsShowTheConfiguredLimits(t *testing.T) {
	cfg := sqliteWorld(t)
	cfg.Data, cfg.Management = 321, 123
	visitor := newWorld(t, cfg).browser(memo.User{})
	visitor.get("/docs/errors").want(http.StatusOK, "321 in any 60 seconds", "123 in any 60 seconds",
		`;q=321;w=60`, `;r=320;t=60`, "X-RateLimit-Limit: 321", "X-RateLimit-Remaining: 320")
	visitor.get("/docs/mcp").want(http.StatusOK, "321 for each key in any 60 seconds")
}

func TestRESTReferenceIsWhole(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	p := w.browser(memo.User{}).get("/docs/rest").want(http.StatusOK)
	text := html.UnescapeString(p.body)
	if len(w.site.docs) < 6 {
		t.Fatalf("the reference has %d calls", len(w.site.docs))
	}
	for _, op := range w.site.docs {
		want := []string{`<h3 id="` + op.ID + `"><code>` + op.Method + " " + op.Path, op.Summary, op.Example}
		for _, par := range op.Parameters {
			want = append(want, "<code>"+par.Name+"</code>", par.Description, par.Default)
		}
		if len(op.Responses) < 1 || len(op.Refused) < 5 {
			t.Errorf("%s %s has %d answers and %d refusals", op.Method, op.Path, len(op.Responses), len(op.Refused))
		}
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s %s: the reference has no %q", op.Method, op.Path, s)
			}
		}
	}
}

// TestPastes holds that the docs name the variable as each client reads it, and
// that the page of a new key has the key in all of them but VS Code's, which asks.
func TestPastes(t *testing.T) {
	const key = "mk_live_of_this_test"
	for i, c := range clientSetups("https://memo.example.com", key) {
		if strings.Contains(c.Snippet, key) == (c.ID == "vscode") || strings.Contains(c.Snippet, keyFromEnvironment) {
			t.Errorf("%s with a key:\n%s", c.Name, c.Snippet)
		}
		docs := clientSetups("https://memo.example.com", keyFromEnvironment)[i]
		if strings.Contains(docs.Snippet, key) || strings.Contains(docs.Snippet, "{key}") {
			t.Errorf("%s in the docs:\n%s", c.Name, docs.Snippet)
		}
		if named := strings.Contains(docs.Snippet, "MEMO_API_KEY"); named == (c.ID == "vscode") {
			t.Errorf("%s in the docs does not take the key from the environment:\n%s", c.Name, docs.Snippet)
		}
		if literal := strings.Contains(docs.Snippet, `Bearer $MEMO_API_KEY"`); literal != (c.ID == "curl") {
			t.Errorf("%s in the docs has a variable that only a shell fills in:\n%s", c.Name, docs.Snippet)
		}
	}
}

// TestPastesAreThoseOfTheManual: docs/mcp.md has the same for each host, broken
// into lines in its own way.
func TestPastesAreThoseOfTheManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/mcp.md")
	if err != nil {
		t.Fatal(err)
	}
	tight := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "\\\n", "")), "") }
	for _, c := range clientSetups("https://memo.example.com", keyFromEnvironment) {
		if c.MCP && !strings.Contains(tight(string(text)), tight(c.Snippet)) {
			t.Errorf("docs/mcp.md sets %s up otherwise:\n%s", c.Name, c.Snippet)
		}
	}
}

func TestDocsKnowWhoReads(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	w.browser(memo.User{}).post("/signin", "email", w.Olga.Email, "password", testworld.Password, "next", "/docs/mcp").
		want(http.StatusOK, w.Olga.Email, `href="/w/`+w.Acme.ID+`/keys"`).without(">Sign in<")
}
