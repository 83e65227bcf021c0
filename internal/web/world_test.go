package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is the site over [testworld.World].
type world struct {
	*testworld.World
	site *Site
}

// onBoth runs a test against a new server on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	testworld.Databases(t, func(t *testing.T, cfg store.Config) { f(t, newWorld(t, testworld.Config{Store: cfg})) })
}

// sqliteWorld is for what is the same on both databases.
func sqliteWorld(t testing.TB) testworld.Config {
	return testworld.Config{Store: store.Config{Dir: t.TempDir()}}
}

func newWorld(t testing.TB, cfg testworld.Config) *world {
	t.Helper()
	api, err := os.ReadFile("../rest/testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	w := new(world)
	cfg.Handler = func(a *app.App, g *admission.Control, log *slog.Logger) http.Handler {
		w.site = New(Config{
			App: a, Admission: g, Log: log, PublicURL: "https://memo.example.com", OpenAPI: api,
			SetupCode: "abcd-efgh-ijkl", FirstPlan: memo.PlanPro, Now: time.Now,
		})
		return w.site.Handler()
	}
	w.World = testworld.New(t, cfg)
	return w
}

// authorise reads who a key acts for; ok is false if the key does not work.
func (w *world) authorise(key string) (c memo.Caller, ok bool) {
	w.T.Helper()
	k, ok := credential.ParseKey(key)
	if !ok {
		w.T.Fatalf("%q is no key", key)
	}
	c, err := w.App.AuthoriseKey(context.Background(), k, app.Client{Address: "192.0.2.7", UserAgent: "curl/8"})
	return c, err == nil
}

// authorised reports whether a key works now.
func (w *world) authorised(key string) bool {
	w.T.Helper()
	_, ok := w.authorise(key)
	return ok
}

// use makes a call with a key.
func (w *world) use(key string) {
	w.T.Helper()
	c, _ := w.authorise(key)
	_, err := w.App.TakeLimit(context.Background(), c, "data")
	w.Must(err)
}

// page is what a browser got at last, behind all redirects.
type page struct {
	t      testing.TB
	status int
	path   string // with its query
	header http.Header
	body   string
}

// browser is somebody at the site, signed in unless u has no e-mail.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser(u memo.User) *browser {
	w.T.Helper()
	jar, err := cookiejar.New(nil)
	w.Must(err)
	b := &browser{w, &http.Client{Jar: jar}}
	if u.Email != "" {
		b.post("/signin", "email", u.Email, "password", testworld.Password).want(200)
	}
	return b
}

func (b *browser) do(method, path, body string, set ...func(*http.Request)) page {
	b.w.T.Helper()
	var reader io.Reader
	if method == http.MethodPost {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, b.w.Server.URL+path, reader)
	b.w.Must(err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.w.Server.URL)
	}
	for _, f := range set {
		f(r)
	}
	res, err := b.client.Do(r)
	b.w.Must(err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	b.w.Must(err)
	return page{b.w.T, res.StatusCode, res.Request.URL.RequestURI(), res.Header, string(content)}
}

func (b *browser) get(path string) page {
	b.w.T.Helper()
	return b.do(http.MethodGet, path, "")
}

// post sends a form; fields are names and values in turn.
func (b *browser) post(path string, fields ...string) page {
	b.w.T.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form.Encode())
}

// want checks the status and what the page must have.
func (p page) want(status int, has ...string) page {
	p.t.Helper()
	if p.status != status {
		p.t.Errorf("%s: got %d, want %d\n%.600s", p.path, p.status, status, p.body)
	}
	for _, s := range has {
		if !strings.Contains(p.body, s) {
			p.t.Errorf("%s: the page has no %q\n%.3000s", p.path, s, p.body)
		}
	}
	return p
}

// without checks what the page must not have.
func (p page) without(parts ...string) page {
	p.t.Helper()
	for _, s := range parts {
		if strings.Contains(p.body, s) {
			p.t.Errorf("%s: the page has %q", p.path, s)
		}
	}
	return p
}
