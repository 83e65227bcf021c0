// Package admission decides whether a request may continue. It reads the credential, asks
// package app whether it is active, and counts the call, in the order that
// docs/contract.md#order-of-refusals fixes. REST, MCP and the web app all admit requests here,
// so they all refuse the same requests.
//
// It never writes a response: it returns an error, and the surface writes it.
package admission

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// Config is what a Control needs.
type Config struct {
	App *app.App
	// Proxies are the addresses whose X-Forwarded-For and X-Forwarded-Proto are trusted.
	Proxies []netip.Prefix
	// PublicURL is the server's address as clients write it, or nil.
	PublicURL *url.URL
	// HostOrigins are origins of MCP hosts besides the known ones, such as https://host.example.com.
	HostOrigins []string
	// Log gets one warning if a proxy seems to be missing in Proxies. It may be nil.
	Log *slog.Logger
}

// Control admits requests.
type Control struct {
	*httpx.Proxies
	app         *app.App
	public      *url.URL // canonical, or nil
	hasPath     bool     // the public URL has a path
	hostOrigins []string
	crossOrigin *http.CrossOriginProtection
}

// New returns a Control. It fails if the public URL has no valid scheme and host.
func New(cfg Config) (*Control, error) {
	c := &Control{
		Proxies: httpx.NewProxies(cfg.Proxies, cfg.PublicURL, cfg.Log),
		app:     cfg.App, crossOrigin: http.NewCrossOriginProtection(), hostOrigins: cfg.HostOrigins,
	}
	if cfg.PublicURL != nil {
		c.public = httpx.CanonicalURL(cfg.PublicURL)
		c.hasPath = strings.Trim(cfg.PublicURL.Path, "/") != ""
		if err := c.crossOrigin.AddTrustedOrigin(c.public.String()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// PublicURL returns the scheme and host of the server's address as browsers write them,
// or nil if it is not configured.
func (c *Control) PublicURL() *url.URL { return c.public }

// How long a call may take, from its start. Uploads and streams have their own timeouts.
const (
	callTimeout     = 30 * time.Second
	slowCallTimeout = 1750 * time.Millisecond // while the database is slow: it must fail within 2 s
)

// WithDeadline returns the context of a call, with the one deadline of all its work. A database
// can become slow after the call began, so whether it is slow is decided after slowCallTimeout.
// The context is then cancelled, while that of the request is not: the caller waits for a response.
func (c *Control) WithDeadline(r *http.Request) (context.Context, context.CancelFunc) {
	begun := telemetry.RequestOf(r.Context()).Begun
	ctx, cancel := context.WithDeadline(r.Context(), begun.Add(callTimeout))
	if c.app.IsEmbedded() {
		return ctx, cancel
	}
	decide := time.AfterFunc(time.Until(begun.Add(slowCallTimeout)), func() {
		if c.app.IsDatabaseSlow() {
			cancel()
		}
	})
	return ctx, func() { decide.Stop(); cancel() }
}

// Admission is a caller whose request may continue.
type Admission struct {
	memo.Caller
	// Class is the limit that counted the call, or "" if none did. Decision is what is left of
	// the limit.
	Class    ratelimit.Class
	Decision ratelimit.Decision
	// Recheck authorises the caller of a long request or response again. It returns an error
	// if the credential is no longer active. It is set only for a caller with an API key.
	Recheck func(context.Context) error
}

// slowBody is how long a body may take to arrive before the caller is authorised again.
const slowBody = 10 * time.Millisecond

// RecheckAfterBody authorises the caller again if reading the body, since start, was slow, because
// access may have ended meanwhile. It does nothing for a caller without an API key: what these change
// is checked in its transaction.
func (a Admission) RecheckAfterBody(ctx context.Context, start time.Time) error {
	if a.Recheck == nil || time.Since(start) < slowBody {
		return nil
	}
	return a.Recheck(ctx)
}

// SetLimitHeaders sets the RateLimit headers if a limit counted or refused the call.
func (a Admission) SetLimitHeaders(h http.Header) {
	if a.Class != "" {
		httpx.SetRateLimitHeaders(h, a.Class, a.Decision)
	}
}

// Client returns the address and user agent of a request.
func (c *Control) Client(r *http.Request) app.Client {
	return app.Client{Address: c.ClientAddress(r), UserAgent: memo.Printable(r.UserAgent(), app.MaxEventText)}
}

// DataCall admits a request with an API key that has the permissions p, and counts it as a data
// call. If the limit refuses the call, the Admission has its state nevertheless.
func (c *Control) DataCall(ctx context.Context, r *http.Request, p memo.Permission) (Admission, error) {
	a, err := c.Key(ctx, r, p)
	if err != nil {
		return a, err
	}
	return a, c.Count(ctx, &a, ratelimit.Data)
}

// Key admits a request with an API key that has the permissions p, and does not count it; see
// [Control.Count].
func (c *Control) Key(ctx context.Context, r *http.Request, p memo.Permission) (Admission, error) {
	key, err := parseBearer(r.Header)
	if err != nil {
		return Admission{}, err
	}
	if key.Prefix() != memo.KeyPrefix {
		return Admission{}, errTokenOfApp
	}
	return c.authorise(ctx, r, key, p)
}

// KeyOrApp is Key for MCP, and also admits a request with the access token of a connected app.
func (c *Control) KeyOrApp(ctx context.Context, r *http.Request) (Admission, error) {
	key, err := parseBearer(r.Header)
	if err != nil {
		return Admission{}, err
	}
	return c.authorise(ctx, r, key, memo.PermissionMCP)
}

func (c *Control) authorise(
	ctx context.Context, r *http.Request, key credential.Key, p memo.Permission,
) (Admission, error) {
	client := c.Client(r)
	caller, err := c.app.AuthoriseKey(ctx, key, client, p)
	telemetry.RequestOf(ctx).KeyID = caller.KeyID
	return Admission{Caller: caller, Recheck: func(ctx context.Context) error {
		_, err := c.app.AuthoriseKey(ctx, key, client, p)
		return err
	}}, err
}

// Count counts an admitted call against a limit of its caller.
func (c *Control) Count(ctx context.Context, a *Admission, class ratelimit.Class) (err error) {
	a.Class = class
	a.Decision, err = c.app.TakeLimit(ctx, a.Caller, class)
	return err
}

// ManagementCall admits a signed-in member to key management and counts the call. An API key
// is refused, because keys must not manage keys. invalid is the error of a malformed
// workspace_id, or nil; only a signed-in caller may see it.
func (c *Control) ManagementCall(
	ctx context.Context, r *http.Request, workspaceID string, invalid error,
) (Admission, error) {
	if err := c.requireSession(ctx, r); err != nil {
		return Admission{}, err
	}
	if invalid != nil {
		_, err := c.SessionUser(ctx, r)
		return Admission{}, cmp.Or(err, invalid)
	}
	a, err := c.SessionMember(ctx, r, workspaceID)
	if err != nil {
		return Admission{}, params.InvalidValue("query", err)
	}
	return a, c.Count(ctx, &a, ratelimit.Management)
}

// UserCall admits a signed-in user to their own account, which belongs to no workspace.
func (c *Control) UserCall(ctx context.Context, r *http.Request) (Admission, error) {
	if err := c.requireSession(ctx, r); err != nil {
		return Admission{}, err
	}
	return c.SessionUser(ctx, r)
}

// requireSession refuses an API key on a route for sessions, and requests from pages of other
// sites. It does not check the session itself.
func (c *Control) requireSession(ctx context.Context, r *http.Request) error {
	if len(r.Header["Authorization"]) > 0 {
		a, err := c.Key(ctx, r, 0) // refused anyway
		if err != nil {
			return err
		}
		return c.app.RefuseManagement(ctx, a.Caller)
	}
	return c.CheckCrossOrigin(r)
}

// SessionUser admits a request with a session cookie, without a workspace.
func (c *Control) SessionUser(ctx context.Context, r *http.Request) (Admission, error) {
	caller, err := c.app.AuthoriseUser(ctx, c.SessionToken(r), c.Client(r))
	telemetry.RequestOf(ctx).SetSession(caller)
	return Admission{Caller: caller}, err
}

// SessionMember admits a request with a session cookie to a workspace of its user. An
// empty workspaceID means the user's only workspace.
func (c *Control) SessionMember(ctx context.Context, r *http.Request, workspaceID string) (Admission, error) {
	caller, err := c.app.AuthoriseSession(ctx, c.SessionToken(r), workspaceID, c.Client(r))
	telemetry.RequestOf(ctx).SetSession(caller)
	return Admission{Caller: caller}, err
}

// CheckURL refuses a request with an API key in its query, because URLs end up in logs,
// browser histories and Referer headers. It marks active keys as exposed.
func (c *Control) CheckURL(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	found, keys := keysInQuery(r.URL.RawQuery)
	if !found {
		return nil
	}
	ctx, cancel := c.WithDeadline(r)
	defer cancel()
	c.app.MarkExposed(ctx, keys, c.Client(r))
	return errKeyInURL
}

var (
	errKeyInURL = memo.Unauthorized("url",
		"API keys are not accepted in the URL. Send the key in the Authorization header.")
	// errNoCredentials is decided without a database read.
	errNoCredentials = memo.Unauthorized("missing", "Missing API key")
	// errOtherHeader is also a request without credentials, because the header is not read.
	errOtherHeader = &memo.Error{
		Kind: memo.KindUnauthorized, Code: "missing", Message: "Missing API key",
		Hint: "The key must be in the Authorization header, after Bearer and a space; other headers are not read",
	}
	// errTokenOfApp keeps a connected app to what its member allowed: the tokens are for MCP.
	errTokenOfApp = memo.Unauthorized("malformed", "This is a token of a connected app, which is only for MCP")
)
