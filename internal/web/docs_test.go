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

// pageURL matches the scheme and host of any URL in a page.
var pageURL = regexp.MustCompile(`https?://[^/\s"'<)]*`)

func TestDocs(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	visitor := w.browser(memo.User{})
	for _, tab := range docsTabs {
		p := visitor.get(tab.Path).want(http.StatusOK, `aria-current="page">`+html.EscapeString(tab.Name), "Sign in")
		if len(p.body) > 100_000 {
			t.Errorf("%s has %d bytes", tab.Path, len(p.body))
		}
		for _, a := range pageURL.FindAllString(html.UnescapeString(p.body), -1) {
			if a != "https://memo.example.com" && a != "https://opencode.ai" { // the schema of opencode
				t.Errorf("%s contains the URL %s", tab.Path, a)
			}
		}
		if strings.Contains(p.body, "{key}") || strings.Contains(p.body, "{server}") {
			t.Errorf("%s has a placeholder that was not replaced", tab.Path)
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
	cfg.Data, cfg.Management, cfg.Changes = 321, 123, 213
	visitor := newWorld(t, cfg).browser(memo.User{})
	visitor.get("/docs/errors").want(http.StatusOK, "321 in any 60 seconds", "123 in any 60 seconds",
		"213 in any 60 seconds",
		`;q=321;w=60`, `;r=320;t=60`, "X-RateLimit-Limit: 321", "X-RateLimit-Remaining: 320")
	visitor.get("/docs/mcp").want(http.StatusOK, "321 per key in any 60 seconds")
}

func TestRESTReferenceIsComplete(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	p := w.browser(memo.User{}).get("/docs/rest").want(http.StatusOK)
	text := html.UnescapeString(p.body)
	if len(w.site.docs) < 6 {
		t.Fatalf("reference has only %d endpoints", len(w.site.docs))
	}
	for _, op := range w.site.docs {
		want := []string{`<h3 id="` + op.ID + `"><code>` + op.Method + " " + op.Path, op.Summary, op.Example}
		for _, par := range op.Parameters {
			want = append(want, "<code>"+par.Name+"</code>", par.Description, par.Default)
		}
		if len(op.Responses) < 1 || len(op.Refused) < 5 {
			t.Errorf("%s %s has %d responses and %d refusals", op.Method, op.Path, len(op.Responses), len(op.Refused))
		}
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s %s: reference lacks %q", op.Method, op.Path, s)
			}
		}
	}
}

// TestSnippets checks that the snippets in the docs read the key from the environment in the
// syntax of each client, and that those on the page of a new key contain the key. VS Code's
// contains neither, because VS Code asks for the key.
func TestSnippets(t *testing.T) {
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
			t.Errorf("%s in the docs does not read the key from the environment:\n%s", c.Name, docs.Snippet)
		}
		if literal := strings.Contains(docs.Snippet, `Bearer $MEMO_API_KEY"`); literal != (c.ID == "curl") {
			t.Errorf("%s in the docs has a variable that only a shell expands:\n%s", c.Name, docs.Snippet)
		}
	}
}

// TestSnippetsMatchDocs checks that docs/mcp.md has the same snippet for each host, ignoring
// white space.
func TestSnippetsMatchDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/mcp.md")
	if err != nil {
		t.Fatal(err)
	}
	withoutSpace := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "\\\n", "")), "") }
	for _, c := range clientSetups("https://memo.example.com", keyFromEnvironment) {
		if c.MCP && !strings.Contains(withoutSpace(string(text)), withoutSpace(c.Snippet)) {
			t.Errorf("docs/mcp.md lacks the snippet for %s:\n%s", c.Name, c.Snippet)
		}
	}
}

func TestDocsShowTheSignedInUser(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	w.browser(memo.User{}).post("/signin", "email", w.Olga.Email, "password", testworld.Password, "next", "/docs/mcp").
		want(http.StatusOK, w.Olga.Email, `href="/w/`+w.Acme.ID+`/keys"`).without(">Sign in<")
}

func TestTranscriptsGuide(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	w.browser(memo.User{}).get("/docs/transcripts").want(http.StatusOK, "Get transcripts out of other tools",
		`<h2 id="zoom">Zoom</h2>`, `<h2 id="microsoft-teams">Microsoft Teams</h2>`,
		"Whisper", "<code>memo import").without("<br>", "# Get")
}
