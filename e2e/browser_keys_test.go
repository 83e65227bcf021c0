package e2e

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestBrowserFirstRun(t *testing.T) {
	onBoth(t, func(t *testing.T, p database) {
		s := start(t, p)
		olga := s.person(t, "olga")
		olga.open("/", 200)
		olga.at("/setup")
		about := []string{"workspace", "Acme", "name", "Olga", "email", "olga@example.com", "password", password}
		olga.fill(append(about, "code", "aaaa-bbbb-cccc")...)
		olga.press("Set up Memo", 422)
		olga.sees("Set-up code is not the one")
		if value := evalJS[string](olga, `document.querySelector("[name=workspace]").value`); value != "Acme" {
			t.Errorf("the form lost its input: %q", value)
		}
		// The link that serve printed fills in the code, and leaves no trace of it in the address.
		olga.open("/docs", 200)
		olga.open("/setup#code="+s.setupCode(t), 200)
		if code := evalJS[string](olga, `document.getElementById("code").value + location.hash`); code != s.setupCode(t) {
			t.Errorf("the link filled in %q", code)
		}
		olga.fill(append(about, "password", "short")...)
		olga.press("Set up Memo", 422)
		olga.sees("Password must")
		olga.fill("code", s.setupCode(t), "password", password)
		olga.clicks = 0
		olga.press("Set up Memo", 200)
		olga.took("set up, from the link", 1)
		if !strings.HasPrefix(olga.path(), "/w/") {
			t.Errorf("after the set-up, the browser is at %s", olga.path())
		}
		olga.sees("Acme")
		// The first workspace has API access, so a key can be created at once.
		_, line := olga.createKey(strings.Split(olga.path(), "/")[2], "The first")
		if status := curl(t, line); status != http.StatusOK {
			t.Errorf("a call with the first key got %d", status)
		}
		// The set-up works only once.
		olga.open("/setup", 200)
		olga.at("/signin")
		if cli[struct{ Items []namedID }](t, p, "user", "list").Items[0].Email != "olga@example.com" {
			t.Error("the user was not created")
		}
	})
}

func TestBrowserSignIn(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	p := s.person(t, "owner")
	p.open("/w/"+h.workspace+"/keys", 200)
	if !strings.HasPrefix(p.path(), "/signin?next=") {
		t.Errorf("a visitor is redirected to %s", p.path())
	}
	for _, wrong := range [][2]string{{h.owner, "not the password"}, {"nobody@example.com", password}} {
		p.fill("email", wrong[0], "password", wrong[1])
		p.press("Sign in", 401)
		p.sees("E-mail or password is wrong.")
		typed := evalJS[[]string](p,
			`["email", "password"].map(n => document.querySelector("[name=" + n + "]").value)`)
		if typed[0] != wrong[0] || typed[1] != "" {
			t.Errorf("the form has %q after a refusal", typed)
		}
	}
	p.fill("email", h.owner, "password", password)
	p.press("Sign in", 200)
	p.at("/w/" + h.workspace + "/keys") // the page that was requested before the sign-in
	p.sees("No keys yet")
	p.tick(`//button[@popovertarget="me"]`)
	p.click(`//button[normalize-space()="Sign out"]`, 200)
	p.sees("You are signed out.")
	p.open("/account", 200)
	p.at("/signin?next=%2Faccount")
}

func TestBrowserSignOutEverywhere(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	desk, phone := s.person(t, "desk"), s.person(t, "phone")
	for _, p := range []*browserUser{desk, phone} {
		p.signIn(h.owner)
		p.open("/account", 200)
	}
	desk.open("/account", 200)
	desk.sees("Signed-in devices", "This device")
	if n := evalJS[int](desk, `document.querySelectorAll(".devices form").length`); n != 2 {
		t.Errorf("the account page has %d devices", n)
	}
	desk.press("Sign out everywhere", 200)
	desk.sees("You are signed out on all devices.")
	for _, p := range []*browserUser{desk, phone} {
		p.open("/account", 200)
		p.at("/signin?next=%2Faccount")
	}
}

// curlLine matches the curl command that a page shows.
var curlLine = regexp.MustCompile(`^curl (\S+) -H "(Authorization): (Bearer mk_live_[0-9A-Za-z]{38})"$`)

// curl sends the request of a curl command and returns the status.
func curl(t *testing.T, line string) int {
	t.Helper()
	m := curlLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("unexpected curl command: %q", line)
	}
	r, err := http.NewRequest(http.MethodGet, m[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(m[2], m[3])
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// createKey creates a key in the browser, which stays on the page that shows it.
func (p *browserUser) createKey(workspace, name string) (key, line string) {
	p.t.Helper()
	p.open("/w/"+workspace+"/keys", 200)
	p.press("Create key", 200)
	p.fill("name", name)
	p.press("Create key", 201)
	p.sees("It is shown only once", "Waiting for the first request")
	return evalJS[string](p, `document.getElementById("key").textContent`),
		evalJS[string](p, `document.getElementById("paste-curl").textContent`)
}

func TestBrowserKeyLifecycle(t *testing.T) {
	onBoth(t, func(t *testing.T, at database) {
		h := newInstallation(t, at)
		s := start(t, h.database)
		p := s.person(t, "owner")
		p.signIn(h.owner)
		p.clicks = 0
		p.click(`//nav//a[contains(., "API & MCP")]`, 200)
		key, line := p.createKey(h.workspace, "My script")
		p.tick(`(//button[starts-with(@data-copy, "paste-")])[1]`) // of the chosen client
		p.took("copy what a client needs to call the server", 4)
		if !strings.Contains(line, key) || !strings.Contains(line, s.url) {
			t.Fatalf("the curl command lacks the key or the server: %s", line)
		}
		// Every snippet for copying contains the address of the server.
		for _, snippet := range evalJS[[]string](p, `[...document.querySelectorAll("pre")].map(e => e.textContent)`) {
			if !strings.Contains(snippet, s.url) {
				t.Errorf("a snippet lacks the address of the server:\n%s", snippet)
			}
		}
		if status := curl(t, line); status != http.StatusOK {
			t.Fatalf("the curl command got %d", status)
		}
		p.until(`document.querySelector(".waiting.connected") !== null`)
		p.sees("It works.", "from 127.0.0.1 listed 0 transcriptions.")
		p.checkPage()
		p.press("I've saved the key", 200)
		p.sees("My script", "Active", "just now", "from 127.0.0.1")
		p.seesNot(key)
		p.clicks = 0
		p.tick(`//button[@aria-label="Actions for My script"]`)
		p.sees("It was last used", "This cannot be undone.")
		p.click(`//div[@popover and @aria-label="Actions for My script"]//button[normalize-space()="Revoke key"]`, 200)
		p.sees("Key revoked.")
		p.took("revoke a key of the list", 2)
		if status := curl(t, line); status != http.StatusUnauthorized {
			t.Errorf("the curl command got %d after the revocation", status)
		}
		p.press("Ended 1", 200)
		p.sees("My script", "Revoked")
		// A wrong form shows the error next to the field, and keeps what was typed.
		p.open("/w/"+h.workspace+"/keys/new", 200)
		p.fill("name", "With a date")
		p.tick(`//label[normalize-space()="Custom date"]`)
		p.press("Create key", 422)
		p.sees("Choose a date.")
		if focus := evalJS[string](p, `document.activeElement.name`); focus != "date" {
			t.Errorf("the focus is in %q, not in the field with the error", focus)
		}
		if value := evalJS[string](p, `document.querySelector("[name=name]").value`); value != "With a date" {
			t.Errorf("the form lost its input: %q", value)
		}
	})
}

// TestBrowserShowsKeyOnce returns in every way to the page that showed a key. No page
// may show it again.
func TestBrowserShowsKeyOnce(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	p := s.person(t, "owner")
	p.signIn(h.owner)
	key, line := p.createKey(h.workspace, "Once")
	// The page removes the key when it is left, before the browser caches the page.
	evalJS[bool](p, `dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))`)
	if left := evalJS[string](p, `document.getElementById("key").textContent`); left != "" {
		t.Errorf("the page still has %q after it was left", left)
	}
	mustNotShow := func(how string) {
		t.Helper()
		if strings.Contains(p.source(), key) || strings.Contains(p.source(), key[8:30]) {
			t.Errorf("%s shows the key again", how)
		}
	}
	mustNotShow("the page after it was left")
	p.press("I've saved the key", 200)
	mustNotShow("the list")
	p.back()
	mustNotShow("back")
	p.reload()
	mustNotShow("back and reload")
	p.open("/w/"+h.workspace+"/keys", 200)
	p.back()
	mustNotShow("back again")

	key, _ = p.createKey(h.workspace, "Reloaded")
	p.reload()
	mustNotShow("reload")

	key, _ = p.createKey(h.workspace, "Left")
	p.open("/account", 200)
	p.back()
	mustNotShow("back to the response of the form")
	p.back()
	p.leave(`history.forward()`)
	mustNotShow("forward to the response of the form")

	// If the form is sent twice, it creates one key, which is shown once.
	p.open("/w/"+h.workspace+"/keys/new", 200)
	p.fill("name", "Twice")
	responses := evalJS[[]string](p, `(async () => {
	  const form = document.querySelector("main form"), out = []
	  for (let i = 0; i < 2; i++) {
	    const a = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) })
	    out.push(a.status + " " + await a.text())
	  }
	  return out
	})()`)
	if len(regexp.MustCompile(`mk_live_[0-9A-Za-z]{38}`).FindAllString(responses[0], -1)) == 0 ||
		regexp.MustCompile(`mk_live_[0-9A-Za-z]{38}`).MatchString(responses[1]) {
		t.Errorf("the form sent twice:\n%.1500s\n\n%.1500s", responses[0], responses[1])
	}
	p.open("/w/"+h.workspace+"/keys", 200)
	if n := evalJS[int](p,
		`[...document.querySelectorAll(".keytable td > a")].filter(e => e.textContent === "Twice").length`); n != 1 {
		t.Errorf("the form sent twice created %d keys", n)
	}
	keys := cli[struct{ Items []newKey }](t, h.database, "key", "list", "--workspace", h.workspace).Items
	if len(keys) != 4 {
		t.Errorf("there are %d keys instead of 4", len(keys))
	}
	if status := curl(t, line); status != http.StatusOK {
		t.Errorf("a call with the first key got %d", status)
	}
}

// back and reload may lead to any page, including an error page of the browser.
func (p *browserUser) back()   { p.t.Helper(); p.leave(`history.back()`) }
func (p *browserUser) reload() { p.t.Helper(); p.leave(`location.reload()`) }

// leave runs js, which leaves the page, and waits until a new page has loaded.
func (p *browserUser) leave(js string) {
	p.t.Helper()
	evalJS[bool](p, `document.documentElement.dataset.left = "yes"; setTimeout(() => { `+js+` }, 0); true`)
	eventually(p.t, "another page has loaded", func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
		defer cancel()
		loaded, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
			`document.readyState === "complete" && !document.documentElement.dataset.left`))
		return err == nil && loaded
	})
}
