package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	devlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserUser is a user of the web app with a browser: Debian's chromium, which
// scripts/needs.sh installs. Every page that opens is checked by [browserUser.checkPage].
type browserUser struct {
	t    *testing.T
	s    *server
	name string
	ctx  context.Context

	mu              sync.Mutex
	consoleMessages []string // errors and warnings of the console
	shots           int
	clicks          int  // by the methods of browserUser
	allWidths       bool // checkPage checks the page at every width of viewports
}

// browserNames are the programs that the tests can use.
var browserNames = []string{"chromium", "chromium-browser", "google-chrome"}

// startBrowser starts the browser that all tests share. TestMain stops it.
var startBrowser = sync.OnceValues(func() (context.Context, error) {
	i := slices.IndexFunc(browserNames, func(name string) bool { _, err := exec.LookPath(name); return err == nil })
	if i < 0 {
		return nil, errors.New("no browser is installed: run scripts/needs.sh")
	}
	profile, err := os.MkdirTemp(filepath.Dir(commandProgram), "browser-")
	if err != nil {
		return nil, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(browserNames[i]),
		chromedp.NoSandbox, chromedp.UserDataDir(profile), chromedp.Flag("disable-gpu", true))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeWindows := chromedp.NewContext(alloc)
	stopBrowser = func() { closeWindows(); stop() }
	return ctx, chromedp.Do(ctx)
})

var stopBrowser = func() {}

// person opens a window of the browser that shares no cookies or storage with others. It is
// closed at the end of the test.
func (s *server) person(t *testing.T, name string) *browserUser {
	t.Helper()
	browser, err := startBrowser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	p := &browserUser{t: t, s: s, name: name, ctx: ctx}
	t.Cleanup(func() {
		end()
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.consoleMessages) > 0 {
			t.Errorf("%s: the console of the browser has:\n%s", name, strings.Join(p.consoleMessages, "\n"))
		}
	})
	p.must("start", chromedp.Do(ctx)) // no time limit: it would end the window
	p.must("listen", chromedp.Listen(ctx, p.noteConsole))
	p.size(1280, 800)
	p.scheme("")
	return p
}

// noteConsole records the messages of the console, such as violations of the content
// security policy. It ignores messages about responses with an error status, and about
// autofocus that is not applied again after "back".
func (p *browserUser) noteConsole(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.consoleMessages = append(p.consoleMessages,
			"exception: "+e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case *devlog.EventEntryAdded:
		if e.Entry.Source != devlog.EntrySourceNetwork && e.Entry.Source != devlog.EntrySourceRendering {
			p.consoleMessages = append(p.consoleMessages, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

func (p *browserUser) must(what string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %s: %v\n%s", p.name, what, err, tail(p.s.stderr.String(), 1500))
	}
}

// browserTimeout is the time limit of one step.
const browserTimeout = 30 * time.Second

// runStep runs an action in the browser.
func runStep[T any](p *browserUser, what string, a chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserTimeout)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	p.must(what, err)
	return v
}

func evalJS[T any](p *browserUser, js string) T {
	p.t.Helper()
	return runStep(p, js, chromedp.Evaluate[T](js, func(e *runtime.EvaluateParams) {
		yes := true
		e.AwaitPromise = &yes
	}))
}

// load runs steps that open another page, waits for it, and fails the test if it has
// another status.
func (p *browserUser) load(what string, status int, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserTimeout)
	defer cancel()
	r, err := chromedp.RunResponse(ctx, steps...)
	p.must(what, err)
	if int(r.Status) != status {
		p.t.Fatalf("%s: %s: %d instead of %d\n%s", p.name, what, r.Status, status, tail(p.text(), 1500))
	}
	p.checkPage()
}

// open opens a path of the server.
func (p *browserUser) open(path string, status int) {
	p.t.Helper()
	p.load("open "+path, status, chromedp.Navigate(p.s.url+path))
}

// click clicks the element at an XPath, which opens another page.
func (p *browserUser) click(xpath string, status int) {
	p.t.Helper()
	p.clicks++
	p.load("click "+xpath, status, chromedp.Click(chromedp.Search(xpath)))
}

// press clicks the button or link with this text, which opens another page.
func (p *browserUser) press(label string, status int) {
	p.t.Helper()
	p.click(fmt.Sprintf(`//main//button[normalize-space()=%q] | //main//a[normalize-space()=%[1]q]`, label), status)
}

// tick clicks an element that does not open another page.
func (p *browserUser) tick(xpath string) {
	p.t.Helper()
	p.clicks++
	runStep(p, "tick "+xpath, chromedp.Click(chromedp.Search(xpath)))
}

// took fails the test if a task took another number of clicks since p.clicks was set to 0.
func (p *browserUser) took(task string, clicks int) {
	p.t.Helper()
	if p.clicks != clicks {
		p.t.Errorf("%s: %d clicks instead of %d", task, p.clicks, clicks)
	}
}

// fill types into inputs; pairs are names and values in turn.
func (p *browserUser) fill(pairs ...string) {
	p.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		input := `main [name="` + pairs[i] + `"]`
		evalJS[string](p, "document.querySelector('"+input+"').value = ''")
		runStep(p, "fill "+pairs[i], chromedp.SendKeys(chromedp.CSS(input), pairs[i+1]))
	}
}

// text returns the visible text of the page; source returns its HTML.
func (p *browserUser) text() string {
	p.t.Helper()
	return evalJS[string](p, `document.body.innerText`)
}

func (p *browserUser) source() string {
	p.t.Helper()
	return evalJS[string](p, `document.documentElement.outerHTML`)
}

// path returns the path and query of the page.
func (p *browserUser) path() string {
	p.t.Helper()
	return evalJS[string](p, `location.pathname + location.search`)
}

// sees fails the test if a text is not visible on the page, and seesNot if one is in its
// HTML.
func (p *browserUser) sees(texts ...string) {
	p.t.Helper()
	page := p.text()
	for _, s := range texts {
		if !strings.Contains(page, s) {
			p.t.Errorf("%s does not see %q at %s:\n%s", p.name, s, p.path(), tail(page, 2500))
		}
	}
}

func (p *browserUser) seesNot(texts ...string) {
	p.t.Helper()
	page := p.source()
	for _, s := range texts {
		if strings.Contains(page, s) {
			p.t.Errorf("%s: the page at %s has %q", p.name, p.path(), s)
		}
	}
}

// at fails the test if the browser is at another path.
func (p *browserUser) at(path string) {
	p.t.Helper()
	if got := p.path(); got != path {
		p.t.Errorf("%s is at %s, not at %s", p.name, got, path)
	}
}

// until waits until an expression is true.
func (p *browserUser) until(js string) {
	p.t.Helper()
	runStep(p, "wait for "+js, chromedp.Poll[bool](js, chromedp.WithPollingInterval(50*time.Millisecond)))
}

func (p *browserUser) signIn(email string) {
	p.t.Helper()
	p.open("/signin", 200)
	p.fill("email", email, "password", password)
	p.press("Sign in", 200)
}

func (p *browserUser) size(width, height int64) {
	p.t.Helper()
	runStep(p, "size", chromedp.EmulateViewport(width, height))
}

// scheme sets the preferred color scheme, "light" or "dark".
func (p *browserUser) scheme(prefers string) {
	p.t.Helper()
	runStep(p, "scheme", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: prefers},
				// A change of the size during a transition between pages would be an error in the console.
				{Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		return err
	}))
}

// viewports are the sizes and color schemes in which pages are saved as pictures.
var viewports = []struct {
	name, scheme  string
	width, height int64
}{
	{"1280-light", "light", 1280, 800},
	{"1280-dark", "dark", 1280, 800},
	{"768-light", "light", 768, 1024},
	{"768-dark", "dark", 768, 1024},
	{"390-light", "light", 390, 844},
	{"390-dark", "dark", 390, 844},
	{"320-light", "light", 320, 640},
	{"320-dark", "dark", 320, 640},
}

// checkPage checks what holds for every page: nothing is wider than the window, the page loads at most
// three files, and it has at most 100 kB, unless it is a long meeting. If MEMO_AXE is the path of
// axe.min.js (scripts/axe.sh), it runs axe-core. If MEMO_SCREENSHOTS is a directory, it saves pictures of
// the page there.
func (p *browserUser) checkPage() {
	p.t.Helper()
	widths := []int64{320, 1280}
	if p.allWidths {
		widths = []int64{768, 390, 320, 1280}
	}
	for _, width := range widths {
		p.size(width, 800)
		if wide := evalJS[[]string](p, overflowing); len(wide) > 0 {
			p.t.Errorf("%s: at %d pixels, %s is wider than the window: %s", p.name, width, p.path(), strings.Join(wide, ", "))
		}
	}
	files := evalJS[[]string](p, `performance.getEntriesByType("resource")
	  .filter(r => ["link", "script", "img"].includes(r.initiatorType)).map(r => r.name)`)
	if len(files) > 3 {
		p.t.Errorf("%s: %s loads %d files: %s", p.name, p.path(), len(files), strings.Join(files, " "))
	}
	most := 100_000
	if p.allWidths { // with the longest names
		most = 120_000
	}
	if size := len(p.source()); size > most && !p.long() {
		p.t.Errorf("%s: %s has %d bytes", p.name, p.path(), size)
	}
	p.axe()
	p.screenshot()
}

// long reports whether the page has hundreds of lines of a meeting, or of files that a script lists.
func (p *browserUser) long() bool {
	p.t.Helper()
	return evalJS[bool](p, `document.querySelectorAll(".lines p").length > 500 ||
	  document.querySelectorAll(".uploads > li").length > 100`)
}

// overflowing lists elements that are wider than the window.
const overflowing = `(() => {
  if (document.documentElement.scrollWidth <= innerWidth) return []
  return [...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 4)
    .map(e => e.tagName.toLowerCase() + "." + e.className + " to " + Math.round(e.getBoundingClientRect().right))
    .concat("the page is " + document.documentElement.scrollWidth)
})()`

// axe reports the violations that axe-core finds, in the light and the dark scheme, as the page is and then with
// all details and menus open.
func (p *browserUser) axe() {
	p.t.Helper()
	script := os.Getenv("MEMO_AXE")
	if script == "" || p.long() {
		return
	}
	code, err := os.ReadFile(script)
	p.must("MEMO_AXE", err)
	evalJS[bool](p, string(code)+"\n;true")
	// A toast must not disappear meanwhile.
	evalJS[bool](p, `document.querySelectorAll(".toast").forEach(e => { e.style.animation = "none" }), true`)
	for _, scheme := range []string{"light", "dark", "dark, open", "light, open"} {
		if scheme == "dark, open" && evalJS[int](p, openAll) == 0 {
			break
		}
		p.scheme(strings.TrimSuffix(scheme, ", open"))
		for _, violation := range evalJS[[]string](p, runAxe) {
			p.t.Errorf("axe: %s, %s: %s", p.path(), scheme, violation)
		}
	}
	evalJS[bool](p, closeAll)
	p.scheme("")
}

// openAll opens what can be opened and returns how much that was. closeAll closes it again.
const (
	openAll = `(() => {
  window.opened = [...document.querySelectorAll("details:not([open]), [popover]:not(:popover-open):not(.side)")]
  for (const e of opened) {
    if (e.matches("details")) e.open = true
    else { e.popover = "manual"; e.showPopover() }
  }
  return opened.length
})()`
	closeAll = `(() => {
  for (const e of window.opened ?? []) {
    if (e.matches("details")) e.open = false
    else { e.hidePopover(); e.popover = "auto" }
  }
  return true
})()`
)

// runAxe returns a description of each violation.
const runAxe = `axe.run(document, {resultTypes: ["violations"]}).then(r => {
  const describe = n => n.html.slice(0, 160) + " " +
    n.any.concat(n.all, n.none).map(c => c.message).join("; ").slice(0, 200)
  if (r.passes.length === 0) return ["axe-core checked nothing"]
  return r.violations.map(v => v.id + " (" + v.impact + "): " + v.help + "\n    " +
    v.nodes.slice(0, 5).map(describe).join("\n    "))
})`

var notInNames = regexp.MustCompile(`[^a-z0-9]+|[0-9a-f]{8}-[0-9a-f-]{27}`)

func (p *browserUser) screenshot() {
	p.t.Helper()
	dir := os.Getenv("MEMO_SCREENSHOTS")
	if dir == "" {
		return
	}
	dir = filepath.Join(dir, strings.ReplaceAll(p.t.Name(), "/", "-"))
	p.must("MEMO_SCREENSHOTS", os.MkdirAll(dir, 0o755))
	p.shots++
	page := strings.Trim(notInNames.ReplaceAllString(evalJS[string](p,
		`(location.pathname + " " + (document.querySelector("h1")?.textContent ?? "")).toLowerCase()`), "-"), "-")
	for _, v := range viewports {
		p.scheme(v.scheme)
		p.size(v.width, v.height)
		shot := chromedp.FullScreenshot(100)
		if p.long() {
			shot = chromedp.CaptureScreenshot()
		}
		png := runStep(p, "screenshot", shot)
		p.must("screenshot",
			os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%02d-%.60s-%s.png", p.name, p.shots, page, v.name)), png, 0o644))
	}
	p.scheme("")
	p.size(1280, 800)
}

// setupCode returns the set-up code that the server printed.
func (s *server) setupCode(t *testing.T) string {
	t.Helper()
	var v struct {
		Code string `json:"setup_code"`
	}
	if err := json.Unmarshal([]byte(s.stdout.String()), &v); err != nil || v.Code == "" {
		t.Fatalf("serve printed no set-up code: %v\n%s", err, s.stdout.String())
	}
	return v.Code
}
