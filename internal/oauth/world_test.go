package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/server"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
	"memoai.tech/memo/internal/web"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is a [testworld.World] with all surfaces of the server.
type world struct {
	*testworld.World
	now *clock
}

// clock is the system clock, set forward.
type clock struct{ ahead time.Duration }

func (c *clock) Now() time.Time { return time.Now().Add(c.ahead) }

// onBoth runs a test against a new server on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	testworld.Databases(t, func(t *testing.T, cfg store.Config) { f(t, newWorld(t, cfg)) })
}

func newWorld(t testing.TB, cfg store.Config) *world {
	t.Helper()
	w := &world{now: new(clock)}
	cfg.Now = w.now.Now
	w.World = testworld.New(t, testworld.Config{
		Store: cfg,
		Handler: func(a *app.App, g *admission.Control, log *slog.Logger) http.Handler {
			api := rest.New(rest.Config{App: a, Admission: g})
			authorization := oauth.New(oauth.Config{App: a, Admission: g})
			return server.New(server.Config{
				App: a, Admission: g, REST: api, OAuth: authorization, Log: log, Metrics: telemetry.NewMetrics(),
				MCP: mcp.New(mcp.Config{
					App: a, Admission: g, Log: log, RESTPrefix: rest.Prefix, Version: "test", Now: w.now.Now,
				}),
				Web: web.New(web.Config{
					App: a, Admission: g, OAuth: authorization, Log: log, OpenAPI: api.Document(), FirstPlan: memo.PlanPro,
					Now: w.now.Now,
				}),
			}).Handler()
		},
	})
	return w
}

// in returns the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	inner := *w.World
	inner.T = t
	return &world{&inner, w.now}
}

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	state    = "a state with spaces & signs"
	callback = "http://127.0.0.1:4711/callback"
)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// register registers a client and returns its id.
func (w *world) register(name string, uris ...string) string {
	w.T.Helper()
	body, err := json.Marshal(map[string]any{"client_name": name, "redirect_uris": uris, "application_type": "native"})
	w.Must(err)
	var out struct {
		ClientID string `json:"client_id"`
		Method   string `json:"token_endpoint_auth_method"`
	}
	w.Request(http.DefaultClient, "POST", oauth.RegisterPath, string(body)).Want(201).Decode(&out)
	if out.Method != "none" {
		w.T.Errorf("the method is %q", out.Method)
	}
	return out.ClientID
}

// params returns the parameters of a valid request of a client.
func (w *world) params(client string) url.Values {
	return url.Values{
		"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {state},
		"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
		"resource": {w.Server.URL + oauth.Resource}, "scope": {oauth.Scope + " offline_access"},
	}
}

// browser is a browser that does not follow links out of the server.
type browser struct {
	w      *world
	client *http.Client
}

// browser returns a browser in which a user has signed in.
func (w *world) browser(u memo.User) *browser {
	w.T.Helper()
	jar, err := cookiejar.New(nil)
	w.Must(err)
	b := &browser{w, &http.Client{Jar: jar}}
	b.post("/signin", url.Values{"email": {u.Email}, "password": {testworld.Password}}, 200)
	return b
}

// page is a page of the web app.
type page struct {
	status int
	path   string
	header http.Header
	body   string
}

func (b *browser) do(r *http.Request, status int) page {
	b.w.T.Helper()
	res, err := b.client.Do(r)
	b.w.Must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.w.Must(err)
	if res.StatusCode != status {
		b.w.T.Errorf("%s %s: got %d, want %d\n%.600s", r.Method, r.URL.Path, res.StatusCode, status, body)
	}
	return page{res.StatusCode, res.Request.URL.RequestURI(), res.Header, string(body)}
}

func (b *browser) get(path string, params url.Values, status int) page {
	b.w.T.Helper()
	r, err := http.NewRequest("GET", b.w.Server.URL+path+"?"+params.Encode(), http.NoBody)
	b.w.Must(err)
	r.Header.Set("Accept", "text/html")
	return b.do(r, status)
}

func (b *browser) post(path string, form url.Values, status int) page {
	b.w.T.Helper()
	r, err := http.NewRequest("POST", b.w.Server.URL+path, strings.NewReader(form.Encode()))
	b.w.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.w.Server.URL)
	return b.do(r, status)
}

// consent answers the consent page and returns the parameters that the client gets.
func (b *browser) consent(params url.Values, decision string) url.Values {
	b.w.T.Helper()
	b.get(oauth.AuthorizePath, params, 200)
	form := url.Values{"workspace": {b.w.Acme.ID}, "expiry": {"90"}, "decision": {decision}}
	for name, values := range params {
		form[name] = values
	}
	return b.w.returned(b.post(oauth.AuthorizePath, form, 200))
}

var refresh = regexp.MustCompile(`<meta http-equiv="refresh" content="0; url=([^"]+)">`)

// returned returns the parameters with which a page sends the browser to the client.
func (w *world) returned(p page) url.Values {
	w.T.Helper()
	m := refresh.FindStringSubmatch(p.body)
	if m == nil {
		w.T.Fatalf("the page does not return to the client: %.900s", p.body)
	}
	u, err := url.Parse(html.UnescapeString(m[1]))
	w.Must(err)
	return u.Query()
}

// tokens is a response of the token endpoint.
type tokens struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Refresh   string `json:"refresh_token"`
	Scope     string `json:"scope"`
	Error     string `json:"error"`
}

// token calls the token endpoint.
func (w *world) token(form url.Values, status int) (out tokens) {
	w.T.Helper()
	w.form(oauth.TokenPath, form).Want(status).Decode(&out)
	return out
}

func (w *world) form(path string, form url.Values) testworld.Response {
	w.T.Helper()
	return w.Request(http.DefaultClient, "POST", path, form.Encode(),
		testworld.WithHeader("Content-Type", "application/x-www-form-urlencoded"))
}

// redemption returns the form with which a client redeems a code.
func redemption(client, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code}, "redirect_uri": {callback},
		"code_verifier": {verifier},
	}
}

// connect connects a new app of a member and returns its client id and tokens.
func (w *world) connect(u memo.User) (client string, t tokens) {
	w.T.Helper()
	client = w.register("Test app", callback)
	answer := w.browser(u).consent(w.params(client), "allow")
	return client, w.token(redemption(client, answer.Get("code")), 200)
}

// refresh returns the form with which a client refreshes its tokens.
func refreshForm(client, token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {token}}
}

// call lists transcriptions over MCP with a token.
func (w *world) call(token string) testworld.Response {
	w.T.Helper()
	return w.Request(http.DefaultClient, "POST", oauth.Resource,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memo_list_transcriptions","arguments":{}}}`,
		testworld.WithKey(token), testworld.WithHeader("Accept", "application/json, text/event-stream"))
}

// apps returns the connected apps of Acme.
func (w *world) apps() (apps []memo.KeyView) {
	w.T.Helper()
	operator := memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}
	p, err := w.App.ListKeys(context.Background(), operator, app.KeyQuery{Limit: 1000})
	w.Must(err)
	for _, k := range p.Items {
		if k.Kind == memo.KindApp {
			apps = append(apps, k)
		}
	}
	return apps
}
