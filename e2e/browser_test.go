package e2e

import (
	"context"
	"encoding/json"
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

// browserUser is somebody at the web app, in a browser of their own: Debian's
// chromium, which scripts/needs.sh installs. Every page that they come to is
// looked at: see [browserUser.look].
type browserUser struct {
	t    *testing.T
	s    *server
	name string
	ctx  context.Context

	mu              sync.Mutex
	consoleMessages []string // what the console complained of
	shots           int
}

// browserNames are the programs that the tests can drive.
var browserNames = []string{"chromium", "chromium-browser", "google-chrome"}

// person starts a browser, which ends with the test.
func (s *server) person(t *testing.T, name string) *browserUser {
	t.Helper()
	var program string
	for _, n := range browserNames {
		if path, err := exec.LookPath(n); err == nil && program == "" {
			program = path
		}
	}
	if program == "" {
		t.Fatal("there is no browser: run scripts/needs.sh")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program),
		chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(alloc)
	p := &browserUser{t: t, s: s, name: name, ctx: ctx}
	t.Cleanup(func() {
		end()
		endAlloc()
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.consoleMessages) > 0 {
			t.Errorf("%s: the browser's console has:\n%s", name, strings.Join(p.consoleMessages, "\n"))
		}
	})
	p.must("start", chromedp.Do(ctx)) // no time limit: it would end the browser
	p.must("listen", chromedp.Listen(ctx, p.noteConsole))
	p.size(1280, 800)
	return p
}

// hear keeps what the console says of the pages, such as what their policy
// forbids. That an answer was a refusal is no complaint of a page, and neither
// is that "back" to a page with a focus does not set it anew.
func (p *browserUser) noteConsole(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.consoleMessages = append(p.consoleMessages, "exception: "+e.ExceptionDetails.Text)
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

// browserTimeout bounds one step of a person.
const browserTimeout = 30 * time.Second

// runStep does something in the browser.
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

// load does what leads to another page, waits for it, and wants its status.
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

// open types an address.
func (p *browserUser) open(path string, status int) {
	p.t.Helper()
	p.load("open "+path, status, chromedp.Navigate(p.s.url+path))
}

// click clicks what leads to another page: an XPath.
func (p *browserUser) click(xpath string, status int) {
	p.t.Helper()
	p.load("click "+xpath, status, chromedp.Click(chromedp.Search(xpath)))
}

// press presses the button, or follows the link, with this text.
func (p *browserUser) press(label string, status int) {
	p.t.Helper()
	p.click(fmt.Sprintf(`//main//button[normalize-space()=%q] | //main//a[normalize-space()=%[1]q]`, label), status)
}

// tick clicks what leads nowhere.
func (p *browserUser) tick(xpath string) {
	p.t.Helper()
	runStep(p, "tick "+xpath, chromedp.Click(chromedp.Search(xpath)))
}

// fill types into the inputs: names and values in turn.
func (p *browserUser) fill(pairs ...string) {
	p.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		input := `main [name="` + pairs[i] + `"]`
		evalJS[string](p, "document.querySelector('"+input+"').value = ''")
		runStep(p, "fill "+pairs[i], chromedp.SendKeys(chromedp.CSS(input), pairs[i+1]))
	}
}

// text is the page as it can be read, source as it is.
func (p *browserUser) text() string {
	p.t.Helper()
	return evalJS[string](p, `document.body.innerText`)
}

func (p *browserUser) source() string {
	p.t.Helper()
	return evalJS[string](p, `document.documentElement.outerHTML`)
}

// path is where the browser is.
func (p *browserUser) path() string {
	p.t.Helper()
	return evalJS[string](p, `location.pathname + location.search`)
}

// sees wants texts on the page, and seesNot wants others not to be there.
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

// at wants the browser to be somewhere.
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

// scheme sets what the person prefers, "light" or "dark".
func (p *browserUser) scheme(prefers string) {
	p.t.Helper()
	runStep(p, "scheme", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: prefers}},
		})
		return err
	}))
}

// viewports are the sizes and schemes in which each page is kept as a picture.
var viewports = []struct {
	name, scheme  string
	width, height int64
}{
	{"desktop-light", "light", 1280, 800},
	{"desktop-dark", "dark", 1280, 800},
	{"phone-light", "light", 390, 844},
	{"phone-dark", "dark", 390, 844},
}

// look holds every page to what all must keep: nothing wider than the window
// down to 360 pixels, at most three files besides itself, at most 100 kB. With
// MEMO_AXE, the path of axe.min.js (scripts/axe.sh), axe-core looks as well.
// With MEMO_SCREENSHOTS, a folder, the page goes there as pictures.
func (p *browserUser) checkPage() {
	p.t.Helper()
	p.size(360, 800)
	if wide := evalJS[[]string](p, maxOverflow); len(wide) > 0 {
		p.t.Errorf("%s: at 360 pixels, %s is wider than the window: %s", p.name, p.path(), strings.Join(wide, ", "))
	}
	p.size(1280, 800)
	if files := evalJS[[]string](p,
		`performance.getEntriesByType("resource").filter(r => r.initiatorType === "link" || r.initiatorType === "script" || r.initiatorType === "img").map(r => r.name)`); len(files) > 3 {
		p.t.Errorf("%s: %s asks for %d files: %s", p.name, p.path(), len(files), strings.Join(files, " "))
	}
	if size := len(p.source()); size > 100_000 {
		p.t.Errorf("%s: %s is of %d bytes", p.name, p.path(), size)
	}
	p.axe()
	p.screenshot()
}

const maxOverflow = `(() => {
  if (document.documentElement.scrollWidth <= innerWidth) return []
  return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 4)
    .map(e => e.tagName.toLowerCase() + "." + e.className + " to " + Math.round(e.getBoundingClientRect().right)).concat("the page is " + document.documentElement.scrollWidth)
})()`

// axe reports what axe-core finds, light and dark.
func (p *browserUser) axe() {
	p.t.Helper()
	script := os.Getenv("MEMO_AXE")
	if script == "" {
		return
	}
	code, err := os.ReadFile(script)
	p.must("MEMO_AXE", err)
	evalJS[bool](p, string(code)+"\n;true")
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		for _, found := range evalJS[[]string](p,
			`axe.run(document, {resultTypes: ["violations"]}).then(r => r.passes.length === 0 ? ["it looked at nothing"] : r.violations.map(v => v.id + " (" + v.impact + "): " + v.help + "\n    " + v.nodes.slice(0, 5).map(n => n.html.slice(0, 160) + " " + n.any.concat(n.all, n.none).map(c => c.message).join("; ").slice(0, 200)).join("\n    ")))`) {
			p.t.Errorf("axe: %s, %s: %s", p.path(), scheme, found)
		}
	}
	p.scheme("")
}

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
		png := runStep(p, "screenshot", chromedp.FullScreenshot(100))
		p.must("screenshot",
			os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%02d-%.60s-%s.png", p.name, p.shots, page, v.name)), png, 0o644))
	}
	p.scheme("")
	p.size(1280, 800)
}

// setupCode is the code that the server printed.
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
