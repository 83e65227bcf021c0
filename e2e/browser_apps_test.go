package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestBrowserConsent connects apps as the pages of hosts do: in the same window, and in a window of
// their own, which the host's page must still see.
func TestBrowserConsent(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<!doctype html><link rel=icon href=data:,><title>Host</title><h1>%s</h1>", r.URL.Path)
		_, _ = io.WriteString(w, "<script>window.name = 'host'</script>")
	}))
	defer host.Close()
	consent := func(redirect string) string {
		a := s.client("").must(t, http.StatusCreated, "POST", "/oauth/register",
			map[string]any{"client_name": "Meeting helper", "redirect_uris": []string{redirect}})
		return "/oauth/authorize?" + url.Values{
			"client_id": {decode[struct {
				ID string `json:"client_id"`
			}](t, a).ID},
			"redirect_uri": {redirect}, "response_type": {"code"}, "state": {"a b"},
			"code_challenge": {appChallenge}, "code_challenge_method": {"S256"},
		}.Encode()
	}
	local := consent(host.URL + "/callback")
	p := s.person(t, "owner")
	answer := func() url.Values {
		t.Helper()
		eventually(t, "the host's page is open", func() bool {
			return evalJS[bool](p, `document.readyState === "complete" && document.title === "Host"`)
		})
		u, err := url.Parse(evalJS[string](p, `location.href`))
		if err != nil || u.Path != "/callback" || u.Query().Get("state") != "a b" || u.Query().Get("iss") != s.url {
			t.Errorf("the host got %v (%v)", u, err)
		}
		return u.Query()
	}
	openedSees := func() { // the window's page, and the redirect to the sign-in before it
		t.Helper()
		p.leave(`location = "` + host.URL + `/start"`)
		eventually(t, "the window is open", func() bool {
			return evalJS[bool](p, `(window.child ??= window.open("`+s.url+local+`")) && child.length === 0`)
		})
		if evalJS[bool](p, `new Promise(done => setTimeout(() => { done(child.closed); child.close() }, 1500))`) {
			t.Error("the host's page sees its window as closed")
		}
	}

	openedSees()
	p.open(local, 200)
	p.fill("email", h.owner, "password", password)
	p.press("Sign in", 200)
	p.decide("Deny")
	if got := answer(); got.Get("error") != "access_denied" || got.Has("code") {
		t.Errorf("after Deny, the host got %v", got)
	}
	openedSees()

	p.open(local, 200)
	p.decide("Allow")
	first := answer().Get("code")
	p.back() // over the page that returned to the host
	p.open(local, 200)
	p.decide("Allow")
	if second := answer().Get("code"); first == "" || second == "" || first == second {
		t.Errorf("the codes are %q and %q", first, second)
	}

	p.open(consent("cursor://anysphere.cursor-mcp/oauth/callback"), 200)
	if page := p.source(); !strings.Contains(page, "<strong>cursor://</strong>") {
		t.Errorf("the page does not say where access goes: %.2000s", page)
	}

	app, a, err := s.signIn(t, h.owner).connect(s.client(""), h.workspace, "Meeting helper")
	if err != nil || app.Access == "" {
		t.Fatalf("connect: %d %s %v", a.status, a.body, err)
	}
	p.open("/w/"+h.workspace+"/keys/connect", 200)
	p.open("/w/"+h.workspace+"/keys", 200)
	p.leave(`document.querySelector(".keytable td > a").click()`)
	p.checkPage()
}

// decide presses a button of the consent page, which leads to the host.
func (p *browserUser) decide(button string) {
	p.t.Helper()
	p.leave(`[...document.querySelectorAll("main button")].find(e => e.textContent === "` + button + `").click()`)
}
