package web

import (
	"context"
	"encoding/json"
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
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/openapi"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world serves the site from a [testworld.World].
type world struct {
	*testworld.World
	site *Site
}

// onBoth runs a test with a new server on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	testworld.Databases(t, func(t *testing.T, cfg store.Config) { f(t, newWorld(t, testworld.Config{Store: cfg})) })
}

// sqliteWorld is for tests that do not depend on the database.
func sqliteWorld(t testing.TB) testworld.Config {
	return testworld.Config{Store: store.Config{Dir: t.TempDir()}}
}

func newWorld(t testing.TB, cfg testworld.Config) *world {
	t.Helper()
	golden, err := os.ReadFile("../rest/testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	api := new(openapi.Document)
	if err := json.Unmarshal(golden, api); err != nil {
		t.Fatal(err)
	}
	w := new(world)
	cfg.Handler = func(a *app.App, g *admission.Control, log *slog.Logger) http.Handler {
		w.site = New(Config{
			App: a, Admission: g, OAuth: oauth.New(oauth.Config{App: a, Admission: g}), Log: log,
			PublicURL: "https://memo.example.com", OpenAPI: api,
			SetupCode: "abcd-efgh-ijkl", FirstPlan: memo.PlanPro, Now: time.Now,
		})
		return w.site.Handler()
	}
	w.World = testworld.New(t, cfg)
	return w
}

// authorise returns the caller of a key. ok is false if the key is refused.
func (w *world) authorise(key string) (c memo.Caller, ok bool) {
	w.T.Helper()
	k, ok := credential.ParseKey(key)
	if !ok {
		w.T.Fatalf("%q does not have the form of a key", key)
	}
	c, err := w.App.AuthoriseKey(context.Background(), k, app.Client{Address: "192.0.2.7", UserAgent: "curl/8"},
		memo.PermissionREST)
	return c, err == nil
}

// authorised reports whether a key is accepted.
func (w *world) authorised(key string) bool {
	w.T.Helper()
	_, ok := w.authorise(key)
	return ok
}

// use counts a call with a key, and returns its caller.
func (w *world) use(key string) memo.Caller {
	w.T.Helper()
	c, _ := w.authorise(key)
	_, err := w.App.TakeLimit(context.Background(), c, "data")
	w.Must(err)
	return c
}

// page is the response after all redirects.
type page struct {
	t      testing.TB
	status int
	path   string // with the query
	header http.Header
	body   string
}

// browser is an HTTP client with cookies.
type browser struct {
	w      *world
	client *http.Client
}

// browser returns a browser. It is signed in as u, unless u is the zero user.
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

// post sends a form. fields are pairs of name and value.
func (b *browser) post(path string, fields ...string) page {
	b.w.T.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form.Encode())
}

// want checks the status and that the page contains all texts.
func (p page) want(status int, has ...string) page {
	p.t.Helper()
	if p.status != status {
		p.t.Errorf("%s: got %d, want %d\n%.600s", p.path, p.status, status, p.body)
	}
	for _, s := range has {
		if !strings.Contains(p.body, s) {
			p.t.Errorf("%s: page lacks %q\n%.3000s", p.path, s, p.body)
		}
	}
	return p
}

// without checks that the page contains none of the texts.
func (p page) without(parts ...string) page {
	p.t.Helper()
	for _, s := range parts {
		if strings.Contains(p.body, s) {
			p.t.Errorf("%s: page must not contain %q", p.path, s)
		}
	}
	return p
}
