package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
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
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/server"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/web"
)

// newServer returns a server with an empty database. limitSource may be nil.
func newServer(t *testing.T, limitSource func() string) (*server.Server, *store.Store) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	log := slog.New(slog.DiscardHandler)
	a := app.New(app.Config{
		Store: s, Log: log, Passwords: credential.NewPasswordHasher(1),
		Limits: ratelimit.NewMemory(map[ratelimit.Class]int{ratelimit.Management: 10}),
	})
	g, err := admission.New(admission.Config{App: a, PublicURL: &url.URL{Scheme: "https", Host: "memo.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	authorization := oauth.New(oauth.Config{App: a, Admission: g})
	return server.New(server.Config{
		App: a, Admission: g, OAuth: authorization, REST: rest.New(rest.Config{App: a, Admission: g}), Log: log,
		MCP: mcp.New(mcp.Config{App: a, Admission: g, Log: log, RESTPrefix: rest.Prefix, Version: "test", Now: time.Now}),
		Web: web.New(web.Config{
			App: a, Admission: g, OAuth: authorization, Log: log, PublicURL: "https://memo.example.com",
			FirstPlan: memo.PlanPro, Now: time.Now,
		}),
		Metrics: telemetry.NewMetrics(), PublicURL: "https://memo.example.com", LimitSource: limitSource,
		SecurityContact: "mailto:security@example.com",
	}), s
}

// get sends a request with header lines such as "Accept: text/html".
func get(s *server.Server, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?") // a path such as //x is no URL by itself
	r.RemoteAddr = "10.0.0.5:1234"                         // where a proxy may be
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	s, _ := newServer(t, nil)
	for path, want := range map[string]struct {
		status int
		has    string
	}{
		"/healthz":                              {200, `"ok"`},
		"/readyz":                               {200, `"ready"`},
		"/openapi.json":                         {200, `"openapi": "3.1.0"`},
		"/llms.txt":                             {200, "format=md|txt|srt|vtt|json"},
		"/.well-known/security.txt":             {200, "Contact: mailto:security@example.com\nExpires: "},
		"/metrics":                              {404, `"detail"`}, // only on a listener of its own
		"/nowhere":                              {404, `"detail"`},
		"//healthz":                             {404, `"detail"`},
		"/api":                                  {404, `"detail"`},
		"/.well-known/oauth-protected-resource": {200, `"resource":"https://memo.example.com/mcp"`},
		"/.well-known/oauth-protected-resource/mcp": {200, `"resource":"https://memo.example.com/mcp"`},
		"/mcp":      {401, "Missing API key"},
		"/mcp/":     {401, "Missing API key"},
		"/mcp/x":    {404, `"detail"`},
		"//mcp":     {404, `"detail"`},
		"/register": {405, "Use POST."},
		"/.well-known/oauth-authorization-server":    {200, `"issuer":"https://memo.example.com"`},
		"/healthz?k=" + credential.NewKey().Secret(): {401, "not accepted in the URL"},
		"/api/v1/developer/openapi.json":             {200, `"openapi": "3.1.0"`},
	} {
		t.Run(path, func(t *testing.T) {
			w := get(s, path)
			if w.Code != want.status || !strings.Contains(w.Body.String(), want.has) {
				t.Errorf("got %d %.200s, want %d with %s", w.Code, w.Body, want.status, want.has)
			}
			if w.Code >= 400 && !json.Valid(w.Body.Bytes()) || w.Header().Get("X-Request-Id") == "" {
				t.Error("not JSON, or no X-Request-Id")
			}
			if w.Header().Get("Strict-Transport-Security") == "" {
				t.Error("no Strict-Transport-Security")
			}
		})
	}
	t.Run("POST /register", func(t *testing.T) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/register", strings.NewReader(`{"redirect_uris":["http://localhost"]}`))
		r.Header.Set("Content-Type", "application/json")
		s.Handler().ServeHTTP(w, r)
		if w.Code != 201 || !strings.Contains(w.Body.String(), `"client_id":"mc1.`) {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

// TestRoutesInBrowser: a path that can only be a page gets one.
func TestRoutesInBrowser(t *testing.T) {
	const page, redirect, jsonError = "a page", "a redirect", "JSON"
	s, _ := newServer(t, nil)
	for path, want := range map[string]struct{ kind, to string }{
		"/nowhere": {page, ""}, "/w/x": {page, ""},
		"/docs/":          {redirect, "/docs"},
		"//evil.example/": {redirect, "/evil.example"}, "/\\evil.example/": {redirect, "/%5Cevil.example"},
		"/api": {jsonError, ""}, "/api/v2": {jsonError, ""}, "/mcp/x": {jsonError, ""},
		"/.well-known/openid-configuration": {jsonError, ""},
	} {
		t.Run(path, func(t *testing.T) {
			w := get(s, path, "Accept: text/html,*/*")
			kind := page
			switch {
			case w.Header().Get("Location") != "":
				kind = redirect
			case json.Valid(w.Body.Bytes()):
				kind = jsonError
			}
			if kind != want.kind || w.Header().Get("Location") != want.to {
				t.Errorf("got %s to %q, want %s to %q: %.200s", kind, w.Header().Get("Location"), want.kind, want.to, w.Body)
			}
			if kind != redirect && w.Code != 404 {
				t.Errorf("got status %d, want 404", w.Code)
			}
			if kind == page && !strings.Contains(w.Body.String(), "<h1>Page not found</h1>") {
				t.Errorf("another page: %.200s", w.Body)
			}
		})
	}
}

func TestReady(t *testing.T) {
	const own = "own window, redis does not answer"
	alone, _ := newServer(t, nil)
	shared, _ := newServer(t, func() string { return own })
	closed, closedDB := newServer(t, nil)
	closedDB.Close()
	for _, c := range []struct {
		name   string
		server *server.Server
		path   string
		header string
		status int
		body   string
	}{
		{"a process without Redis", alone, "/readyz", "", 200, `{"status":"ready"}`},
		{"with a limit source", shared, "/readyz", "", 200, `{"status":"ready","limits":"` + own + `"}`},
		{
			"through a proxy that is not trusted", alone, "/readyz", "X-Forwarded-For: 203.0.113.9", 200,
			`{"status":"ready","proxy":"not trusted"}`,
		},
		{"without a database", closed, "/readyz", "", 503, `{"status":"the database does not answer"}`},
		{"alive without a database", closed, "/healthz", "", 200, `{"status":"ok"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := get(c.server, c.path, c.header)
			if got := strings.TrimSpace(w.Body.String()); w.Code != c.status || got != c.body {
				t.Errorf("got %d %s, want %d %s", w.Code, got, c.status, c.body)
			}
		})
	}
}

// TestServeDrains: a request that is active when the server is told to stop gets its response, and
// then Serve returns.
func TestServeDrains(t *testing.T) {
	s, _ := newServer(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	responses := bufio.NewReader(conn)
	fmt.Fprint(conn, "POST /api/v1/session HTTP/1.1\r\nHost: memo.example.com\r\nContent-Type: application/json\r\n"+
		"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	if res, err := http.ReadResponse(responses, nil); err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("the server does not wait for the body: %v, %v", res, err)
	}
	stop()
	testenv.Eventually(t, "/readyz reports that the server is stopping", func() bool {
		w := get(s, "/readyz")
		return w.Code == 503 && strings.Contains(w.Body.String(), `"stopping"`)
	})
	fmt.Fprint(conn, "{}")
	if res, err := http.ReadResponse(responses, nil); err != nil || res.StatusCode != 422 {
		t.Errorf("the active request got %v (%v), want status 422", res, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
