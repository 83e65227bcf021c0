package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/server"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/web"
	"memoai.tech/memo/internal/webhook"
)

type serveCmd struct {
	Listen           string        `default:"127.0.0.1:8080" help:"Address to listen on." placeholder:"ADDR"`
	PublicURL        string        `help:"URL that callers use, such as https://memo.example.com." placeholder:"URL"`
	Demo             bool          `help:"Fill an empty database with a sample workspace and print a key."`
	LimitData        int           `default:"500" help:"Data calls per key in 60 seconds."`
	LimitManagement  int           `default:"180" help:"Management calls per member and workspace in 60 seconds."`
	Redis            string        `help:"Redis or Valkey through which several servers share limits." placeholder:"URL"`
	DatabaseConns    int           `default:"20" help:"Maximum number of connections to PostgreSQL."`
	StatementTimeout time.Duration `default:"30s" help:"Timeout of a PostgreSQL statement."`
	ClientDocuments  string        `default:"fetch" enum:"fetch,off" help:"Fetch who an app is that connects by URL, or off."`
	MCPOrigin        []string      `help:"Origins of MCP hosts besides the known ones." placeholder:"https://HOST"`
	SecurityContact  string        `help:"E-mail address or URL for /.well-known/security.txt." placeholder:"CONTACT"`
	CORSOrigin       []string      `help:"Origins of pages that may call the REST API with a key." placeholder:"https://HOST"`
	WebhookAllow     []string      `help:"Private ranges that webhooks may use, also over http." placeholder:"CIDR"`
	DrainDelay       time.Duration `default:"0s" help:"How long calls are still accepted after SIGTERM."`
	TrustedProxy     []string      `help:"Proxies whose X-Forwarded-For and -Proto are trusted." placeholder:"CIDR"`
	MaxQueries       int           `default:"0" help:"Concurrent searches (0: two per processor, at least 4)."`
	MaxMemory        int           `default:"256" help:"Megabytes for concurrent reads of large transcriptions."`
	MaxImports       int           `default:"2" help:"Concurrent imports of files."`
	WorkspaceQuota   int           `default:"0" help:"Megabytes of storage per workspace (0: unlimited)."`
	RetainAudit      retention     `default:"400d" help:"How long audit events are stored." placeholder:"400d|forever"`
	RetainUsage      retention     `default:"90d" help:"How long the usage of keys is stored." placeholder:"90d|forever"`
	MetricsListen    string        `help:"Address to serve /metrics on. Off by default." placeholder:"ADDR"`
}

func (c *serveCmd) Run(e *environment) error {
	public, proxies, err := c.check()
	if err != nil {
		return err
	}
	allowed, err := parseRanges("--webhook-allow", c.WebhookAllow)
	if err != nil {
		return err
	}
	metrics := telemetry.NewMetrics()
	limits, err := c.openLimits(e, metrics)
	if err != nil {
		return err
	}
	data := e.config()
	data.Serving, data.MaxConns, data.StatementTimeout = true, c.DatabaseConns, c.StatementTimeout
	c.limitMemory()
	tuneGC()
	a, err := e.open(data, app.Config{
		Limits: limits,
		Work: app.WorkLimits{
			Queries: c.MaxQueries, Memory: int64(c.MaxMemory) << 20, Imports: c.MaxImports, Quota: int64(c.WorkspaceQuota) << 20,
		},
		Retention: app.Retention{Audit: time.Duration(c.RetainAudit), Usage: time.Duration(c.RetainUsage)},
		Webhooks: webhook.New(webhook.Config{
			Allow: allowed, Now: time.Now, Count: metrics.CountDeliveries(webhook.Results),
		}),
	})
	if err != nil {
		return err
	}
	defer c.markServed(e)()
	limits.load(e)
	metrics.WatchDatabase(e.store.IsUnavailable)
	metrics.WatchWork(a.Work())
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	stopMetrics, err := serveMetrics(c.MetricsListen, metrics.Handler())
	if err != nil {
		return err
	}
	defer stopMetrics()
	start := startReport{URL: "http://" + listener.Addr().String()}
	if address := strings.TrimSuffix(c.PublicURL, "/"); address != start.URL {
		start.PublicURL = address
	}
	if start.SetupCode, err = setupCode(e.ctx, a, c.Demo); err != nil {
		return err
	}
	if start.SetupCode != "" {
		start.SetupURL = start.public() + "/setup#code=" + start.SetupCode
	}
	control, err := admission.New(admission.Config{
		App: a, Proxies: proxies, PublicURL: public, HostOrigins: c.MCPOrigin, Log: e.log,
	})
	if err != nil {
		return usageError("--public-url: " + err.Error())
	}
	api := rest.New(rest.Config{
		App: a, Admission: control, PublicURL: strings.TrimSuffix(c.PublicURL, "/"), CORSOrigins: c.CORSOrigin,
		ServerURL: start.public(), Version: version,
	})
	authorization := oauth.New(oauth.Config{App: a, Admission: control, FetchDocuments: c.ClientDocuments == "fetch"})
	srv := server.New(server.Config{
		App: a, Admission: control, REST: api, OAuth: authorization,
		MCP: mcp.New(mcp.Config{
			App: a, Admission: control, Log: e.log, RESTPrefix: rest.Prefix, Version: version, Now: time.Now,
			PublicURL: strings.TrimSuffix(c.PublicURL, "/"),
		}),
		Web: web.New(web.Config{
			App: a, Admission: control, OAuth: authorization, Log: e.log, PublicURL: start.public(), OpenAPI: api.Document(),
			SetupCode: start.SetupCode, FirstPlan: memo.PlanPro, Now: time.Now,
		}),
		Log: e.log, Metrics: metrics, PublicURL: start.public(), LimitSource: limits.describe, DrainDelay: c.DrainDelay,
		SecurityContact: c.securityContact(),
	})
	if c.Demo {
		if err := seedDemo(e.ctx, a, &start); err != nil {
			return err
		}
	}
	if err := start.print(e, c.Demo); err != nil {
		return err
	}
	e.log.Info("started", "version", version, "listen", start.URL,
		"retain_audit", c.RetainAudit.String(), "retain_usage", c.RetainUsage.String())
	stop := runInBackground(e.ctx, a.Run, limits.run, func(ctx context.Context) { e.store.Watch(ctx, e.log) })
	err = srv.Serve(e.ctx, listener)
	stop()
	a.FlushUsage(context.WithoutCancel(e.ctx))
	limits.save(e)
	e.log.Info("stopped")
	return err
}

// securityContact returns --security-contact as a URI, or "" if it is invalid or not set.
func (c *serveCmd) securityContact() string {
	contact := strings.TrimPrefix(c.SecurityContact, "mailto:")
	if a, err := mail.ParseAddress(contact); err == nil && a.Address == contact {
		return "mailto:" + contact
	}
	if u, err := url.Parse(contact); err == nil && u.Scheme == "https" && u.Host != "" {
		return u.String()
	}
	return ""
}

// runInBackground runs tasks until stop is called, which waits until they end.
func runInBackground(ctx context.Context, tasks ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, task := range tasks {
		running.Go(func() { task(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// check parses and validates the options that kong cannot check.
func (c *serveCmd) check() (public *url.URL, proxies []netip.Prefix, err error) {
	switch {
	case c.LimitData < 1 || c.LimitManagement < 1:
		return nil, nil, usageError("--limit-data and --limit-management must be 1 or more")
	case c.DatabaseConns < 1 || c.StatementTimeout < time.Second || c.DrainDelay < 0:
		return nil, nil, usageError("--database-conns must be 1 or more, --statement-timeout 1s or longer, " +
			"and --drain-delay 0s or longer")
	case c.MaxQueries < 0 || c.MaxMemory < 32 || c.MaxImports < 1 || c.WorkspaceQuota < 0:
		return nil, nil, usageError("--max-memory must be 32 or more, --max-imports 1 or more, " +
			"and --max-queries and --workspace-quota 0 or more")
	}
	if c.PublicURL != "" {
		public, err = url.Parse(c.PublicURL)
		if err != nil || public.Scheme != "http" && public.Scheme != "https" || public.Host == "" {
			return nil, nil, usageError("--public-url must be a URL such as https://memo.example.com")
		}
		if strings.ContainsFunc(public.Host, func(r rune) bool { return r > '~' }) {
			return nil, nil, usageError("--public-url must have its host in ASCII form, such as https://xn--e1afmkfd.example")
		}
	}
	if c.SecurityContact != "" && c.securityContact() == "" {
		return nil, nil, usageError("--security-contact must be an e-mail address or a URL that starts with https://")
	}
	for _, s := range c.MCPOrigin {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.String() != "https://"+strings.ToLower(u.Host) {
			return nil, nil, usageError("--mcp-origin must be an origin as browsers send it, such as https://host.example.com")
		}
	}
	for _, s := range c.CORSOrigin {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || *httpx.CanonicalURL(u) != *u || u.Scheme != "https" && u.Scheme != "http" {
			return nil, nil, usageError("--cors-origin must be an origin as browsers send it, such as https://app.example.com")
		}
	}
	proxies, err = parseRanges("--trusted-proxy", c.TrustedProxy)
	return public, proxies, err
}

// parseRanges parses the values of an option: ranges, or single addresses.
func parseRanges(option string, values []string) (ranges []netip.Prefix, err error) {
	for _, s := range values {
		p, err := netip.ParsePrefix(s)
		if a, notOne := netip.ParseAddr(s); notOne == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, usageError(option + " must be an address or a range, such as 192.0.2.7 or 10.0.0.0/8")
		}
		ranges = append(ranges, p)
	}
	return ranges, nil
}

// baseMemory is the memory in bytes for everything but the reads that --max-memory
// bounds: the process itself, cached responses, uploads and imports.
const baseMemory = 512 << 20

// limitMemory sets a soft memory limit, near which the garbage collector works harder,
// unless the operator has set GOMEMLIMIT.
func (c *serveCmd) limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(baseMemory + 2*int64(c.MaxMemory)<<20)
	}
}

// serveMetrics serves /metrics on a separate listener at addr. It does nothing if
// addr is empty.
func serveMetrics(addr string, h http.Handler) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--metrics-listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	go srv.Serve(l) //nolint:errcheck // returns ErrServerClosed after Close
	return func() { srv.Close() }, nil
}

// startReport is what serve prints when it starts, with --json.
type startReport struct {
	URL       string `json:"url"`                  // address of the listener
	PublicURL string `json:"public_url,omitempty"` // --public-url, if it differs from URL
	SetupCode string `json:"setup_code,omitempty"` // for /setup; only if the database is empty
	SetupURL  string `json:"setup_url,omitempty"`  // of /setup, with the code in the fragment, which browsers do not send
	Key       string `json:"key,omitempty"`
	Email     string `json:"email,omitempty"`
	Password  string `json:"password,omitempty"`
	Curl      string `json:"curl,omitempty"`
}

// public returns the address that texts for callers use.
func (r startReport) public() string { return cmp.Or(r.PublicURL, r.URL) }

func (r startReport) print(e *environment, demo bool) error {
	return e.printResult(r, func() {
		e.printf("Memo is listening on %s", r.URL)
		if r.PublicURL != "" {
			e.printf("Its public URL is %s", r.PublicURL)
		}
		switch {
		case r.SetupCode != "":
			e.printf("\nThe database is empty. To set up Memo, open this link:\n\n  %s\n", r.SetupURL)
		case r.Key != "":
			e.printf("\nSign in to the demo workspace as its owner:\n\n  %s\n  password %s\n", r.Email, r.Password)
			e.printf("API key:\n\n  %s\n\nTry it:\n\n  %s\n", r.Key, r.Curl)
			e.printf("Assistants connect to %s/mcp; see docs/mcp.md.\n", r.public())
		case demo:
			e.printf("The database is not empty, so no demo data was added.")
		}
	})
}

// setupCode returns the code that setting up an empty server needs, or "" if the
// database is not empty or demo is set. Only standard output shows the code, so
// that no one else who finds the server can set it up.
func setupCode(ctx context.Context, a *app.App, demo bool) (string, error) {
	if up, err := a.IsSetUp(ctx); up || demo || err != nil {
		return "", err
	}
	code := strings.ToLower(rand.Text()[:12])
	return code[:4] + "-" + code[4:8] + "-" + code[8:], nil
}
