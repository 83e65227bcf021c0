package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// hasForm reports whether the page has a form whose action ends with this.
func (p *browserUser) hasForm(action string) bool {
	p.t.Helper()
	return evalJS[bool](p, fmt.Sprintf(`document.querySelector('form[action$=%q]') !== null`, action))
}

// canRevoke reports whether the page has a button to revoke a key.
func (p *browserUser) canRevoke() bool {
	p.t.Helper()
	return evalJS[bool](p, `document.querySelector('button[formaction$="/revoke"]') !== null`)
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
	owner.sees("All keys in Acme", theirs.Name, own.Name, "Never used", "Members", "Activity")
	owner.fill("q", mark)
	owner.press("Find", 200)
	owner.sees(own.Name)
	listed := evalJS[string](owner, `document.querySelector(".keytable").innerText`)
	if strings.Contains(listed, theirs.Name) {
		t.Errorf("the search does not hide the keys of others: %s", listed)
	}
	owner.click(`//a[normalize-space()="Key of Mark"]`, 200)
	if owner.hasForm("/rotate") || owner.hasForm("/keys/"+own.ID) || !owner.canRevoke() {
		t.Error("an OWNER must be able to revoke the key of another member, and nothing else")
	}

	member := s.person(t, "member")
	member.signIn(mark)
	member.open(keys, 200)
	member.sees("Your keys in Acme", own.Name)
	member.seesNot(theirs.Name, theirs.ID, h.owner, ">Members</bdi>", ">Activity</bdi>")
	member.open(keys+"/"+theirs.ID, 404)
	member.open(keys+"/"+own.ID, 200)
	if !member.hasForm("/rotate") || !member.hasForm("/keys/"+own.ID) || !member.canRevoke() {
		t.Error("a member must be able to change, rotate and revoke their own key")
	}
	// On a plan without API access, the page says so and offers no new key.
	member.tick(`//button[@popovertarget="workspaces"]`)
	member.checkPage()
	member.click(`//div[@id="workspaces"]//a[contains(., "Of Mark")]`, 200)
	member.open(strings.Replace(member.path(), "/transcriptions", "/keys", 1), 200)
	member.sees("No keys yet")
	if evalJS[bool](member,
		`document.querySelector(".note.warn") === null || document.querySelector('a[href$="/keys/new"]') !== null`) {
		t.Error("the page does not say that the plan has no API access, or it offers to create a key")
	}

	owner.tick(`//button[@popovertarget="revoke"]`)
	owner.sees("never used", "This cannot be undone.")
	owner.click(`//div[@id="revoke"]//button`, 200)
	owner.sees("Key revoked.")
	if accepted, err := s.accepts(own.Key, newHTTPClient()); err != nil || accepted {
		t.Errorf("the revoked key is accepted: %v, %v", accepted, err)
	}
	// A workspace is not found by users who are not members.
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
	p.press("Rotate key", 201)
	p.sees("The old key stays active for 24 hours.", "Nightly")
	second := evalJS[string](p, `document.getElementById("paste-curl").textContent`)
	mustGet(first, http.StatusOK)
	mustGet(second, http.StatusOK)
	p.until(`document.querySelector(".waiting.connected") !== null`)
	// The page of the new key shows the old key and its last use.
	p.press("I've saved the key", 200)
	p.sees("Expires in")
	p.click(`//tr[not(contains(., "Expires in"))]//a[normalize-space()="Nightly"]`, 200)
	p.sees("Replaces", "which is still active", "was last used")

	// Without an overlap, the old key is revoked before the new one is shown.
	p.tick(`//label[normalize-space()="Revoke now"]`)
	p.press("Rotate key", 201)
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
		if n := evalJS[int](p, `document.querySelectorAll("button[data-copy][hidden]").length`); n != 0 {
			t.Errorf("%s: %d copy buttons stay hidden", tab, n)
		}
	}
	// The docs name every tool and prompt of the server.
	p.open("/docs/mcp", 200)
	for _, name := range s.capabilities(t, h.newKey(t, "Docs").Key) {
		p.sees(name)
	}
	p.signIn(h.owner)
	p.open("/docs/rest", 200)
	p.sees("Transcriptions", "GET /api/v1/developer/transcriptions/{id}/export")
	line := evalJS[string](p, `document.getElementById("paste-curl").textContent`)
	line = strings.Replace(line, "$MEMO_API_KEY", h.newKey(t, "Of the docs").Key, 1)
	if status := curl(t, line); status != http.StatusOK {
		t.Errorf("the curl command of the docs got %d", status)
	}
}

// capabilities returns the names of the tools and prompts of the MCP server.
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
