package e2e

import (
	"context"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserLiveKeys: the list of keys shows the use of a key without a reload, and stops asking
// once the visitor is signed out.
func TestBrowserLiveKeys(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	k := h.newKey(t, "Live")
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.open("/w/"+h.workspace+"/keys", 200)
	p.sees("Never used")
	evalJS[bool](p, `window.sameDocument = true`)
	evalJS[bool](p, `document.querySelector("#keys a").focus(), true`)
	if ok, err := s.accepts(k.Key, newHTTPClient()); !ok {
		t.Fatalf("the key is refused: %v", err)
	}
	p.until(`document.getElementById("keys").innerText.includes("just now")`)
	if !evalJS[bool](p, `window.sameDocument && document.activeElement.closest("#keys") !== null`) {
		t.Error("the page was loaded again, or lost the focus")
	}
	p.checkPage()
}

// keys presses keys one after the other.
func (p *browserUser) keys(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		runStep(p, "press a key", chromedp.KeyEvent(key))
	}
}

// TestBrowserPalette opens pages, projects and meetings with the keyboard alone.
func TestBrowserPalette(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	dir := write(t, map[string]string{"Kick-off.txt": "Alex: The plan is made.\n", "Budget.txt": "Alex: It was late.\n"})
	cli[imported](t, h.database, "import", "--workspace", h.workspace, "--project", "Sales", dir)
	p := s.person(t, "owner")
	p.signIn(h.owner)
	home := "/w/" + h.workspace + "/transcriptions"
	open := func() {
		t.Helper()
		runStep(p, "Ctrl+K", chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
		p.until(`document.getElementById("palette").open`)
	}
	const active = `document.getElementById(document.querySelector("#palette input")
	  .getAttribute("aria-activedescendant"))?.querySelector("bdi").textContent`
	open()
	if got := evalJS[string](p, active); got != "Transcriptions" {
		t.Errorf("the palette begins with %q", got)
	}
	p.axe()
	p.keys(kb.ArrowDown, kb.ArrowDown)
	if got := evalJS[string](p, active); got != "Sales" {
		t.Errorf("two steps lead to %q", got)
	}
	p.keys(kb.Escape)
	p.until(`!document.getElementById("palette").open`)
	p.at(home)

	open()
	p.keys("a", "p", "i")
	p.load("Enter", 200, chromedp.KeyEvent(kb.Enter))
	p.at("/w/" + h.workspace + "/keys")

	open()
	p.keys("k", "i", "c", "k")
	p.until(active + ` === "Kick-off"`)
	p.load("Enter", 200, chromedp.KeyEvent(kb.Enter))
	p.sees("Kick-off", "The plan is made.")

	open()
	p.keys("l", "a", "t", "e")
	p.until(`document.querySelectorAll("#palette [role=option]").length === 2`)
	p.keys(kb.ArrowUp) // the last one
	p.load("Enter", 200, chromedp.KeyEvent(kb.Enter))
	p.at(home + "?q=late")

	p.open("/account", 200)
	p.load("search", 200, chromedp.KeyEvent("/"))
	p.at(home)
	p.until(`document.activeElement.id === "q"`)
}

// TestBrowserLostNetwork: a form that cannot be sent stays as it is, and is sent once when the
// network is back, however slow it is.
func TestBrowserLostNetwork(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	l := &brokenProxy{server: httputil.NewSingleHostReverseProxy(target)}
	proxy := httptest.NewServer(l)
	t.Cleanup(proxy.Close)
	s.url = proxy.URL
	p := s.person(t, "owner")
	p.open("/signin", 200)
	p.fill("email", h.owner)
	l.broken.Store(true)
	p.fill("password", "correct horse")
	p.tick(`//main//button`)
	p.until(`document.querySelector(".toasts").innerText.includes("No connection to the server")`)
	l.broken.Store(false)
	p.signIn(h.owner)
	p.open("/account", 200)
	p.fill("name", "Olga Petrova")
	l.broken.Store(true)
	const rename = `//form[@action="/account/name"]//button`
	p.tick(rename)
	p.until(`document.querySelector(".toasts").innerText.includes("No connection to the server")`)
	if got := evalJS[string](p, `document.querySelector("[name=name]").value`); got != "Olga Petrova" {
		t.Errorf("the field has %q", got)
	}
	if evalJS[bool](p, `document.querySelector("[aria-busy]") !== null`) {
		t.Error("the button is still busy")
	}
	p.axe()
	l.broken.Store(false)
	// On a slow network, the button is busy, and the form is not sent twice.
	l.slow.Lock()
	p.tick(rename)
	p.until(`document.querySelector("[aria-busy=true]") !== null`)
	p.tick(rename)
	p.axe()
	p.screenshot()
	p.load("the network is fast again", 200, chromedp.Func(func(context.Context, *chromedp.Target) error {
		l.slow.Unlock()
		return nil
	}))
	p.sees("Name updated.")
}

// TestBrowserSessionEndsInForm: what was typed is still there after the sign-in, but not for
// another user.
func TestBrowserSessionEndsInForm(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	addUser(t, h.database, "other@example.com")
	for _, test := range []struct{ email, want string }{{h.owner, "Olga Petrova"}, {"other@example.com", ""}} {
		p := s.person(t, "owner")
		p.signIn(h.owner)
		p.open("/account", 200)
		p.fill("name", "Olga Petrova")
		runStep(p, "end the session", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
			return err
		}))
		p.click(`//form[@action="/account/name"]//button`, 200)
		p.sees("You were signed out before the form was sent")
		p.fill("email", test.email, "password", password)
		p.press("Sign in", 200)
		p.at("/account")
		got := evalJS[string](p, `document.querySelector("[name=name]").value`)
		if restored := got == "Olga Petrova"; restored != (test.want != "") {
			t.Errorf("signed in as %s, the field has %q", test.email, got)
		}
	}
}

// TestBrowserUndo moves a transcription and takes that back.
func TestBrowserUndo(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	dir := write(t, map[string]string{"Kick-off.txt": "Alex: The plan is made.\n"})
	cli[imported](t, h.database, "import", "--workspace", h.workspace, "--project", "Sales", dir)
	p := s.person(t, "owner")
	p.signIn(h.owner)
	p.press("Kick-off", 200)
	const project = `document.querySelector("[name=project]").value`
	evalJS[bool](p, `document.querySelector("[name=project]").closest("details")?.setAttribute("open", ""), true`)
	p.fill("project", "Kitchen")
	p.click(`//form[contains(@action, "/project")]//button[not(.="Undo")]`, 200)
	if got := evalJS[string](p, project); got != "Kitchen" {
		t.Errorf("the project is %q", got)
	}
	p.click(`//button[.="Undo"]`, 200)
	if got := evalJS[string](p, project); got != "Sales" {
		t.Errorf("after undo, the project is %q", got)
	}
}
