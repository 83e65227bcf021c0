package server

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/web"
)

func newServer(t *testing.T) (*Server, *store.Store) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	log := slog.New(slog.DiscardHandler)
	a := app.New(app.Config{
		Store: s, Log: log, Limits: ratelimit.NewMemory(nil), Passwords: credential.NewPasswordHasher(1),
	})
	g, err := admission.New(admission.Config{App: a, PublicURL: &url.URL{Scheme: "https", Host: "memo.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{
		App: a, Admission: g, REST: rest.New(rest.Config{App: a, Admission: g}), Log: log,
		MCP: mcp.New(mcp.Config{App: a, Admission: g, Log: log, RESTPrefix: rest.Prefix, Version: "test", Now: time.Now}),
		Web: web.New(web.Config{
			App: a, Admission: g, Log: log, PublicURL: "https://memo.example.com", FirstPlan: memo.PlanPro,
			Now: time.Now,
		}),
		Metrics: telemetry.NewMetrics(), PublicURL: "https://memo.example.com",
	}), s
}

func TestRoutes(t *testing.T) {
	s, db := newServer(t)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	for path, want := range map[string]struct {
		status int
		has    string
	}{
		"/healthz":                              {200, `"ok"`},
		"/readyz":                               {200, `"ready"`},
		"/openapi.json":                         {200, `"openapi": "3.1.0"`},
		"/llms.txt":                             {200, "format=md|txt|srt|vtt|json"},
		"/metrics":                              {404, `"detail"`}, // only on a listener of its own
		"/nowhere":                              {404, `"detail"`},
		"//healthz":                             {404, `"detail"`},
		"/api":                                  {404, `"detail"`},
		"/.well-known/oauth-protected-resource": {404, `"detail"`},
		"/.well-known/oauth-protected-resource/mcp": {404, `"detail"`},
		"/mcp":      {401, "Missing API key"},
		"/mcp/":     {404, `"detail"`},
		"//mcp":     {404, `"detail"`},
		"/register": {404, `"detail"`},
		"/.well-known/oauth-authorization-server":    {404, `"detail"`},
		"/healthz?k=" + credential.NewKey().Secret(): {401, "not accepted in the URL"},
		"/api/v1/developer/openapi.json":             {200, `"openapi": "3.1.0"`},
	} {
		w := get(path)
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.has) {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
		if w.Code >= 400 && !json.Valid(w.Body.Bytes()) || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: not JSON, or no X-Request-Id", path)
		}
		if w.Header().Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: no Strict-Transport-Security", path)
		}
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/register",
		strings.NewReader(`{"redirect_uris":["http://localhost"]}`)))
	if w.Code != 400 || !strings.Contains(w.Body.String(), "Create an API key") {
		t.Errorf("POST /register: %d %s", w.Code, w.Body)
	}
	for path, want := range map[string]string{
		"/nowhere": "", "/w/x": "", "/docs/": "/docs",
		"//evil.example/": "/evil.example", "/\\evil.example/": "/%5Cevil.example",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		r.Header.Set("Accept", "text/html,*/*")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if to := w.Header().Get("Location"); to != want || want == "" &&
			(w.Code != 404 || !strings.Contains(w.Body.String(), "<h1>Page not found</h1>")) {
			t.Errorf("a browser at %s: %d to %q %.200s", path, w.Code, to, w.Body)
		}
	}
	for _, path := range []string{"/api", "/api/v2", "/mcp/", "/.well-known/oauth-protected-resource"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", "text/html,*/*")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != 404 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("a browser at %s: %d %.200s", path, w.Code, w.Body)
		}
	}
	if w := get("/readyz"); strings.Contains(w.Body.String(), "limits") {
		t.Errorf("/readyz of a process without Redis: %s", w.Body)
	}
	s.cfg.LimitSource = func() string { return "own window, redis does not answer" }
	if w := get("/readyz"); w.Code != 200 || !strings.Contains(w.Body.String(),
		`"limits":"own window, redis does not answer"`) {
		t.Errorf("/readyz with a LimitSource: %d %s", w.Code, w.Body)
	}
	proxied := httptest.NewRequest("GET", "/readyz", nil)
	proxied.RemoteAddr = "10.0.0.5:1234"
	proxied.Header.Set("X-Forwarded-For", "203.0.113.9")
	res := httptest.NewRecorder()
	s.Handler().ServeHTTP(res, proxied)
	if !strings.Contains(res.Body.String(), `"proxy":"not trusted"`) ||
		strings.Contains(get("/readyz").Body.String(), "proxy") {
		t.Errorf("/readyz through a proxy that is not trusted: %s", res.Body)
	}
	db.Close()
	if w := get("/readyz"); w.Code != 503 {
		t.Errorf("/readyz without a database: %d %s", w.Code, w.Body)
	}
	if w := get("/healthz"); w.Code != 200 {
		t.Errorf("/healthz without a database: %d", w.Code)
	}
}

// TestServeDrains: a request that is active when the server is told to stop gets its response, and
// then Serve returns.
func TestServeDrains(t *testing.T) {
	s, _ := newServer(t)
	entered, leave := make(chan bool), make(chan bool)
	inner := s.http.Handler
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-leave
		}
		inner.ServeHTTP(w, r)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	status := make(chan int, 1)
	go func() {
		res, err := http.Get("http://" + l.Addr().String() + "/slow")
		if err != nil {
			status <- 0
			return
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		status <- res.StatusCode
	}()
	<-entered
	stop()
	for !s.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	w := httptest.NewRecorder()
	inner.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 503 {
		t.Errorf("/readyz while stopping: %d", w.Code)
	}
	close(leave)
	if got := <-status; got != 404 {
		t.Errorf("the active request got status %d, want 404", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
