package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// hasForm reports whether the page has a form that is sent there.
func (p *browserUser) hasForm(action string) bool {
	p.t.Helper()
	return evalJS[bool](p, fmt.Sprintf(`document.querySelector('form[action$=%q]') !== null`, action))
}

// canRevoke reports whether the page of a key leads to its revocation.
func (p *browserUser) canRevoke() bool {
	p.t.Helper()
	return evalJS[bool](p, `document.querySelector('a[href$="/revoke"]') !== null`)
}

func TestBrowserOwnerAndMember(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	const mark = "mark@example.com"
	addUser(t, h.database, mark)
	cli[namedID](t, h.database, "member", "add", h.workspace, mark)
	cli[namedID](t, h.database, "workspace", "add", "--name", "Of Mark", "--plan", "free", "--owner", mark)
	theirs := h.newKey(t, "Key of the owner")
	own := cli[newKey](t, h.database, "key", "create", "--workspace", h.workspace, "--member", mark, "--name",
		"Key of Mark")
	s := start(t, h.database)
	keys := "/w/" + h.workspace + "/keys"

	owner := s.person(t, "owner")
	owner.signIn(h.owner)
	owner.open(keys, 200)
	owner.sees("Every key of Acme", theirs.Name, own.Name, "never used", "Members", "Audit")
	runStep(owner, "choose Mark", chromedp.SetValue(chromedp.ID("member"),
		evalJS[string](owner,
			`[...document.querySelectorAll("#member option")].find(o => o.textContent.includes("mark@")).value`)))
	owner.press("Show", 200)
	owner.sees(own.Name)
	if listed := evalJS[string](owner, `document.querySelector(".keys").innerText`); strings.Contains(listed,
		theirs.Name) {
		t.Errorf("the filter leaves in: %s", listed)
	}
	owner.click(`//a[normalize-space()="Key of Mark"]`, 200)
	if owner.hasForm("/rotate") || owner.hasForm("/keys/"+own.ID) || !owner.canRevoke() {
		t.Error("of another's key an OWNER may revoke, and no more")
	}

	member := s.person(t, "member")
	member.signIn(mark)
	member.open(keys, 200)
	member.sees("Your keys of Acme", own.Name)
	member.seesNot(theirs.Name, theirs.ID, h.owner, ">Members</a>", ">Audit</a>")
	member.open(keys+"/"+theirs.ID, 404)
	member.open(keys+"/"+own.ID, 200)
	if !member.hasForm("/rotate") || !member.hasForm("/keys/"+own.ID) || !member.canRevoke() {
		t.Error("a member changes, rotates and revokes keys of their own")
	}
	// A plan without the API says why, and shows the keys as they are.
	member.tick(`//details[@class="menu"]/summary`)
	member.checkPage()
	member.click(`//details[@class="menu"]//a[contains(., "Of Mark")]`, 200)
	member.open(strings.Replace(member.path(), "/transcriptions", "/keys", 1), 200)
	member.sees("No key yet")
	if evalJS[bool](member,
		`document.querySelector(".note.warn") === null || document.querySelector('a[href$="/keys/new"]') !== null`) {
		t.Error("a plan without the API does not say so, or offers to create a key")
	}

	owner.press("Revoke…", 200)
	owner.sees("Revoke Key of Mark?", "never used", "This cannot be undone.")
	owner.press("Revoke it", 200)
	owner.sees("The key is revoked.")
	if alive, err := s.accepts(own.Key, newHTTPClient()); err != nil || alive {
		t.Errorf("the revoked key is alive: %v, %v", alive, err)
	}
	// Another's workspace is not there.
	other := s.person(t, "other")
	const eve = "eve@example.com"
	addUser(t, h.database, eve)
	other.signIn(eve)
	other.open(keys, 404)
	other.sees("Page not found")
}

func TestBrowserRotation(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	p := s.person(t, "owner")
	p.signIn(h.owner)
	_, first := p.createKey(h.workspace, "Nightly")
	mustGet := func(line string, status int) {
		t.Helper()
		if got := curl(t, line); got != status {
			t.Errorf("%s gets %d instead of %d", line, got, status)
		}
	}
	mustGet(first, http.StatusOK)
	keys := "/w/" + h.workspace + "/keys"

	p.open(keys, 200)
	p.click(`//a[normalize-space()="Nightly"]`, 200)
	p.press("Rotate", 201)
	p.sees("The old key works for another 24 hours.", "Nightly")
	second := evalJS[string](p, `document.getElementById("paste-curl").textContent`)
	mustGet(first, http.StatusOK)
	mustGet(second, http.StatusOK)
	p.until(`document.querySelector(".waiting.connected") !== null`)
	// The new key's page tells of the old one, and whether it is still used.
	p.press("Done: I have kept the key", 200)
	p.sees("expires in")
	p.click(`//li[not(contains(., "expires in"))]//a[normalize-space()="Nightly"]`, 200)
	p.sees("Replaces", "which still works", "was used")

	// Without an overlap, the old one is dead before the new one is shown.
	p.tick(`//label[normalize-space()="ends now"]`)
	p.press("Rotate", 201)
	p.sees("The old key is revoked.")
	third := evalJS[string](p, `document.getElementById("paste-curl").textContent`)
	mustGet(first, http.StatusOK)
	mustGet(second, http.StatusUnauthorized)
	mustGet(third, http.StatusOK)
}

func TestBrowserDocs(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	p := s.person(t, "visitor")
	p.open("/docs", 200)
	p.sees("Authentication", s.url+"/mcp", "One key for each integration")
	for _, tab := range []string{"REST", "MCP", "Errors and limits"} {
		p.press(tab, 200)
		if copies := evalJS[[]int](p,
			`[[...document.querySelectorAll("button[data-copy]")].length, [...document.querySelectorAll("button[data-copy]")].filter(b => b.hidden).length]`); copies[1] != 0 {
			t.Errorf("%s: of %d copy buttons, %d stay hidden", tab, copies[0], copies[1])
		}
	}
	// What the server has is in its docs.
	p.open("/docs/mcp", 200)
	for _, name := range s.capabilities(t, h.newKey(t, "Docs").Key) {
		p.sees(name)
	}
	p.signIn(h.owner)
	p.open("/docs/rest", 200)
	p.sees("Transcriptions", "GET /api/v1/developer/transcriptions/{id}/export")
	line := evalJS[string](p, `document.getElementById("paste-curl").textContent`)
	if status := curl(t, strings.Replace(line, "$MEMO_API_KEY", h.newKey(t, "Of the docs").Key,
		1)); status != http.StatusOK {
		t.Errorf("the line of the docs gets %d", status)
	}
}

// capabilities are the names of the MCP server's tools and prompts.
func (s *server) capabilities(t *testing.T, key string) (names []string) {
	t.Helper()
	for _, method := range []string{"tools/list", "prompts/list"} {
		a := s.client(key).must(t, http.StatusOK, "POST", "/mcp", map[string]any{"jsonrpc": "2.0", "id": 1, "method": method})
		v := decode[struct {
			Result struct{ Tools, Prompts []namedID }
		}](t, a)
		for _, n := range append(v.Result.Tools, v.Result.Prompts...) {
			names = append(names, n.Name)
		}
	}
	if len(names) < 10 {
		t.Errorf("the MCP server has only %q", names)
	}
	return names
}
