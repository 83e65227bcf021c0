// Package server is the HTTP server: middleware, routes, health checks, and a shutdown that
// lets requests finish.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/transcript"
	"memoai.tech/memo/internal/web"
)

// Config is what a server needs.
type Config struct {
	App       *app.App
	Admission *admission.Control
	REST      *rest.API
	MCP       *mcp.Server
	OAuth     *oauth.Server
	Web       *web.Site
	Log       *slog.Logger
	Metrics   *telemetry.Metrics
	// PublicURL is the server's address for /llms.txt, without a final slash.
	PublicURL string
	// SecurityContact is the URI to which vulnerabilities are reported, for security.txt. It may be "".
	SecurityContact string
	// LimitSource returns what /readyz says about who decides the rate limits. It is nil if this
	// process decides alone. It does not affect whether the server is ready.
	LimitSource func() string
	// DrainDelay is how long the server still accepts connections after /readyz has begun to report
	// that it is stopping, so that a load balancer has time to notice.
	DrainDelay time.Duration
}

// Server is the HTTP server.
type Server struct {
	cfg      Config
	http     *http.Server
	draining atomic.Bool
}

// New returns a server that does not listen yet, see [Server.Serve].
func New(cfg Config) *Server {
	s := &Server{cfg: cfg}
	middleware := &telemetry.Middleware{
		Log: cfg.Log, Metrics: cfg.Metrics, Address: cfg.Admission.ClientAddress,
		Panicked: func(w http.ResponseWriter, r *http.Request) {
			httpx.WriteError(w, r, errors.New("server: a handler panicked"))
		},
	}
	s.http = &http.Server{
		ConnContext:       httpx.WithConn,
		Handler:           middleware.Wrap(httpx.CheckAll(cfg.Admission.CheckURL, cfg.Admission.PublicURL(), s.routes())),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      httpx.WriteTimeout, // a stream extends its own
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn),
	}
	return s
}

// Handler returns the handler of all requests, for tests.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// routes returns the handler of all routes.
func (s *Server) routes() http.Handler {
	mux := s.cfg.Web.Handler()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		writeHealth(w, r, http.StatusOK, healthResponse{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /openapi.json", httpx.Compress(http.HandlerFunc(s.cfg.REST.ServeOpenAPI)))
	mux.Handle("GET /openapi-3.0.json", httpx.Compress(http.HandlerFunc(s.cfg.REST.ServeOpenAPI30)))
	mux.Handle("GET /llms.txt", httpx.Compress(http.HandlerFunc(s.serveLLMsText)))
	if s.cfg.SecurityContact != "" {
		mux.HandleFunc("GET /.well-known/security.txt", s.serveSecurityText)
	}
	mux.Handle(mcp.Path, s.cfg.MCP)
	s.cfg.OAuth.Mount(mux)
	api := s.cfg.REST.Handler()
	// ServeMux redirects a path such as //healthz to a clean path. API clients must get a JSON error
	// instead, so the handler below matches /api/ and unknown paths before the mux does.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close") // or the client would send its next request to this server
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			api.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == mcp.Path+"/" { // as some hosts write the URL
			s.cfg.MCP.ServeHTTP(w, r)
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" || r.URL.Path != path.Clean(r.URL.Path) {
			if web.WantsPage(r) && !isForPrograms(r.URL.Path) {
				s.cfg.Web.NotFound(w, r)
			} else {
				rest.NotFound(w, r)
			}
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isForPrograms reports whether a path never has a page, so that even a browser gets a JSON error.
func isForPrograms(path string) bool {
	return path == "/api" || strings.HasPrefix(path, mcp.Path+"/") || strings.HasPrefix(path, "/.well-known/")
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		writeHealth(w, r, http.StatusServiceUnavailable, healthResponse{Status: "stopping"})
		return
	}
	ctx, cancel := s.cfg.Admission.WithDeadline(r)
	defer cancel()
	if err := s.cfg.App.CheckReady(ctx); err != nil {
		telemetry.RequestOf(r.Context()).Err = err
		writeHealth(w, r, http.StatusServiceUnavailable, healthResponse{Status: "the database does not answer"})
		return
	}
	h := healthResponse{Status: "ready"}
	if s.cfg.Admission.IsUnknownProxy(r) {
		h.Proxy = ProxyNotTrusted
	}
	if s.cfg.LimitSource != nil {
		h.Limits = s.cfg.LimitSource()
	}
	writeHealth(w, r, http.StatusOK, h)
}

// healthResponse is the body of /healthz and /readyz.
type healthResponse struct {
	Status string `json:"status"`
	Limits string `json:"limits,omitempty"` // Config.LimitSource
	Proxy  string `json:"proxy,omitempty"`  // ProxyNotTrusted or empty
}

// ProxyNotTrusted is what /readyz reports for a request that seems to come through a proxy that
// is not trusted. memo doctor reads it.
const ProxyNotTrusted = "not trusted"

func writeHealth(w http.ResponseWriter, r *http.Request, code int, h healthResponse) {
	w.Header().Set("Cache-Control", "no-store")
	if code == http.StatusServiceUnavailable {
		httpx.SetRetryAfter(w.Header(), 2*time.Second)
	}
	httpx.WriteJSON(w, r, code, h)
}

// securityTextFor is how long a reader may use a copy of security.txt, which has to say so.
const securityTextFor = 30 * 24 * time.Hour

// serveSecurityText writes a page that says how to report a vulnerability (RFC 9116).
func (s *Server) serveSecurityText(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	fmt.Fprintf(w, "Contact: %s\nExpires: %s\n", s.cfg.SecurityContact,
		time.Now().Add(securityTextFor).UTC().Format(time.RFC3339))
}

// serveLLMsText writes a page that describes the API to a language model.
func (s *Server) serveLLMsText(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	fmt.Fprintf(w, `# Memo AI Developer API

> Reads, searches and exports the transcriptions of one workspace with an API key (mk_live_…).

Send the key as "Authorization: Bearer KEY", never in the URL. %[4]d calls in any %[5]d seconds per key;
a 429 has Retry-After: a call after that time succeeds.

- [OpenAPI document](%[1]s/openapi.json): every path, parameter and response
- GET %[1]s%[2]s/transcriptions: list and search (%[6]s)
- GET %[1]s%[2]s/transcriptions/{id}: text, segments with speakers and times, AI reports
- GET %[1]s%[2]s/transcriptions/{id}/export?format=%[7]s: one file
- POST %[1]s%[2]s/transcriptions/export {"ids":[…],"format":"md"}: up to 100 as one ZIP
- GET %[1]s%[2]s/projects, GET %[1]s%[2]s/me
- MCP server (streamable HTTP, the same key and limit): %[1]s%[3]s
`, s.cfg.PublicURL, rest.Prefix, mcp.Path, s.cfg.App.Limit(ratelimit.Data), int(ratelimit.Period.Seconds()),
		strings.Join(s.cfg.REST.QueryParameters("listTranscriptions"), ", "), transcript.FormatNames("|"))
}

// shutdownTimeout is how long active requests may take to finish at shutdown.
const shutdownTimeout = 20 * time.Second

// Serve accepts connections on l until ctx ends. Then /readyz reports that the server is stopping,
// and after Config.DrainDelay the server accepts no more connections and waits for active
// requests. It returns an error if they do not finish within 20 s.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("server: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	select {
	case err := <-failed:
		return fmt.Errorf("server: %w", err)
	case <-time.After(s.cfg.DrainDelay):
	}
	shutdownCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(shutdownCtx); err != nil {
		return errors.Join(fmt.Errorf("server: requests were aborted after %v: %w", shutdownTimeout, err), s.http.Close())
	}
	return nil
}
