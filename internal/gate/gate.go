// Package gate is the one way in over HTTP: what a request passes before a
// route sees it, in the order of contract section 1, and how a refusal looks.
// REST and MCP stand behind the same gate, so no route can forget a step.
//
// It decides nothing itself: it reads the credential, asks package app, and
// writes the refusal.
package gate

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// Config is what the gate needs.
type Config struct {
	App *app.App
	// Proxies are the addresses whose X-Forwarded-For and -Proto are believed.
	Proxies []netip.Prefix
	// PublicURL is the server's own address as callers write it, or nil.
	PublicURL *url.URL
	// Log gets one line when a proxy seems to be missing among Proxies; nil: none.
	Log *slog.Logger
}

// Gate admits requests.
type Gate struct {
	app     *app.App
	proxies []netip.Prefix
	public  *url.URL
	origins *http.CrossOriginProtection
	hsts    bool
	log     *slog.Logger
	hint    sync.Once // about a proxy that is not trusted
}

// New makes a gate.
func New(cfg Config) (*Gate, error) {
	g := &Gate{
		app: cfg.App, proxies: cfg.Proxies, public: cfg.PublicURL, origins: http.NewCrossOriginProtection(),
		log: cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)),
	}
	if cfg.PublicURL != nil {
		g.public = canonicalURL(cfg.PublicURL)
		g.hsts = g.public.Scheme == "https" && !isLocal(g.public.Hostname())
		if err := g.origins.AddTrustedOrigin(g.public.Scheme + "://" + g.public.Host); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// How long authorisation waits for the database. PostgreSQL may be away, and a
// caller hears so (503) within two seconds. The embedded database is there; a burst
// of calls on a busy machine is served a little later instead of being refused.
const (
	authoriseTimeout    = 1500 * time.Millisecond
	embeddedReadTimeout = 5 * time.Second
)

// reading bounds what authorisation waits for the database.
func (g *Gate) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.app != nil && g.app.IsEmbedded() { // some tests have no app
		return context.WithTimeout(ctx, embeddedReadTimeout)
	}
	return context.WithTimeout(ctx, authoriseTimeout)
}

// How long a call may take, and how long while the database is late with every
// answer: a call asks several times, and must be answered within two seconds.
const (
	callTimeout     = 30 * time.Second
	slowCallTimeout = 1750 * time.Millisecond
)

// Deadline is when a call is given up, as far as is known now. Uploads and
// streams have times of their own.
func (g *Gate) Deadline(r *http.Request) time.Time {
	most := callTimeout
	if g.app.IsDatabaseSlow() {
		most = slowCallTimeout
	}
	return telemetry.RequestOf(r.Context()).Begun.Add(most)
}

// Admission is a caller who may go on.
type Admission struct {
	memo.Caller
	// Decision is what is left of the limit that this call was counted on.
	Decision ratelimit.Decision
	// Recheck reads the truth about the key again, for a request or an answer
	// that takes long: an error says that the key has died since.
	Recheck func(context.Context) error
}

// errKeyInURL answers contract section 1, step 1.
var errKeyInURL = &memo.Error{
	Kind: memo.KindUnauthorized, Code: "url",
	Message: "API keys are not accepted in the URL. Send the key in the Authorization header.",
}

// errNoCredentials answers a request without any credential.
var errNoCredentials = &memo.Error{Kind: memo.KindUnauthorized, Code: "missing", Message: "Missing API key"}

// errMalformedCredentials answers whatever is no well-formed key, without a database read.
var errMalformedCredentials = &memo.Error{
	Kind: memo.KindUnauthorized, Code: "malformed",
	Message: "The API key is not valid",
}

// errCrossOrigin answers a request from another site's page.
var errCrossOrigin = memo.Forbidden("cross_origin", "This request came from another site's page and was refused.")

// strictTransport has browsers use nothing but HTTPS with this host and its
// subdomains for a year, which is what OWASP ASVS 5.0 asks for at level 2. There is
// no preload: that would bind the whole domain, and cannot be taken back soon.
const strictTransport = "max-age=31536000; includeSubDomains"

// isLocal reports this machine's own names. A browser that was told to use HTTPS
// with them could open no other server on it.
func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// RefuseKeysInURL is what every request passes, on every path. It refuses those that carry a
// key in their URL, and reports the key. Where the public URL is https, every
// response says that browsers must use nothing else.
func (g *Gate) RefuseKeysInURL(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.hsts {
			w.Header().Set("Strict-Transport-Security", strictTransport)
		}
		if r.URL.RawQuery != "" {
			if found, keys := keysInQuery(r.URL.RawQuery); found {
				ctx, cancel := g.reading(r.Context())
				g.app.MarkExposed(ctx, keys, g.Client(r))
				cancel()
				WriteError(w, r, errKeyInURL)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// keysInQuery looks at every name and value of a query, decoded, whatever the
// separator. Something that only begins like a key is found too: whoever sends
// a placeholder there would send the key next.
func keysInQuery(raw string) (found bool, keys []credential.Key) {
	for _, part := range strings.FieldsFunc(raw, func(r rune) bool { return r == '&' || r == ';' || r == '=' }) {
		decoded := unescapeLenient(part)
		if strings.Contains(decoded, credential.KeyPrefix) {
			found = true
			keys = append(keys, credential.FindKeys(decoded)...)
		}
	}
	return found, keys[:min(len(keys), 10)]
}

// unescapeLenient decodes what can be decoded and leaves the rest: a broken escape
// beside a key must not hide it.
func unescapeLenient(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// AdmitDataCall admits a request with an API key and counts it as a data call. When it
// reports false, it has answered.
func (g *Gate) AdmitDataCall(w http.ResponseWriter, r *http.Request) (Admission, bool) {
	a, ok := g.AdmitKey(w, r)
	return a, ok && g.CountDataCall(w, r, &a)
}

// AdmitKey admits a request with an API key that is not counted, or not yet: see
// [Gate.CountDataCall].
func (g *Gate) AdmitKey(w http.ResponseWriter, r *http.Request) (Admission, bool) {
	key, err := parseBearer(r.Header)
	if err != nil {
		WriteError(w, r, err)
		return Admission{}, false
	}
	origin := g.Client(r)
	ctx, cancel := g.reading(r.Context())
	defer cancel()
	c, err := g.app.AuthoriseKey(ctx, key, origin)
	telemetry.RequestOf(r.Context()).KeyID = c.KeyID
	if err != nil {
		WriteError(w, r, err)
		return Admission{}, false
	}
	return Admission{Caller: c, Recheck: func(ctx context.Context) error {
		ctx, cancel := g.reading(ctx)
		defer cancel()
		_, err := g.app.AuthoriseKey(ctx, key, origin)
		return err
	}}, true
}

// CountDataCall counts what was admitted as a data call of its key. When it reports
// false, it has answered.
func (g *Gate) CountDataCall(w http.ResponseWriter, r *http.Request, a *Admission) bool {
	return g.takeLimit(w, r, a, ratelimit.Data)
}

// AdmitManagementCall admits a signed-in member to key management and counts the call. An
// API key, however good, is refused: keys do not manage keys. bad says that
// workspaceID could not be read, which is told to one who is signed in.
func (g *Gate) AdmitManagementCall(w http.ResponseWriter, r *http.Request, workspaceID string, bad error) (Admission,
	bool,
) {
	token, ok := g.sessionToken(w, r)
	if !ok {
		return Admission{}, false
	}
	ctx, cancel := g.reading(r.Context())
	defer cancel()
	if bad != nil {
		c, err := g.app.AuthoriseUser(ctx, token, g.Client(r))
		telemetry.RequestOf(r.Context()).SignedIn(c)
		WriteError(w, r, cmp.Or(err, bad))
		return Admission{}, false
	}
	c, err := g.app.AuthoriseSession(ctx, token, workspaceID, g.Client(r))
	telemetry.RequestOf(r.Context()).SignedIn(c)
	if err != nil {
		WriteError(w, r, InQuery(err))
		return Admission{}, false
	}
	a := Admission{Caller: c}
	return a, g.takeLimit(w, r, &a, ratelimit.Management)
}

// AdmitUser admits a signed-in user to what is their own, in no workspace.
func (g *Gate) AdmitUser(w http.ResponseWriter, r *http.Request) (Admission, bool) {
	token, ok := g.sessionToken(w, r)
	if !ok {
		return Admission{}, false
	}
	ctx, cancel := g.reading(r.Context())
	defer cancel()
	c, err := g.app.AuthoriseUser(ctx, token, g.Client(r))
	telemetry.RequestOf(r.Context()).SignedIn(c)
	if err != nil {
		WriteError(w, r, err)
		return Admission{}, false
	}
	return Admission{Caller: c}, true
}

// sessionToken returns the session token of a request that may use it.
func (g *Gate) sessionToken(w http.ResponseWriter, r *http.Request) (string, bool) {
	if len(r.Header["Authorization"]) > 0 {
		if key, malformed := parseBearer(r.Header); malformed != nil {
			WriteError(w, r, malformed)
		} else {
			ctx, cancel := g.reading(r.Context())
			defer cancel()
			_, dead := g.app.AuthoriseKey(ctx, key, g.Client(r))
			WriteError(w, r, cmp.Or(dead, error(memo.ErrKeyManagementForbidden)))
		}
		return "", false
	}
	if !g.RefuseCrossOrigin(w, r) {
		return "", false
	}
	return g.SessionToken(r), true
}

func (g *Gate) takeLimit(w http.ResponseWriter, r *http.Request, a *Admission, class ratelimit.Class) bool {
	var err error
	a.Decision, err = g.app.TakeLimit(r.Context(), a.Caller, class)
	SetRateLimitHeaders(w.Header(), class, a.Decision)
	if err != nil {
		WriteError(w, r, err)
	}
	return err == nil
}

// parseBearer reads exactly one well-formed "Authorization: Bearer KEY".
func parseBearer(h http.Header) (credential.Key, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return credential.Key{}, errNoCredentials
	}
	if len(values) > 1 {
		return credential.Key{}, errMalformedCredentials
	}
	const scheme = "bearer "
	v := values[0]
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return credential.Key{}, errMalformedCredentials
	}
	key, ok := credential.ParseKey(strings.TrimLeft(v[len(scheme):], " "))
	if !ok {
		return credential.Key{}, errMalformedCredentials
	}
	return key, nil
}
