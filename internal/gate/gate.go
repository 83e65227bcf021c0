// Package gate is the one way in over HTTP: what a request passes before a
// route sees it, in the order of contract section 1, and how a refusal looks.
// REST and MCP stand behind the same gate, so no route can forget a step.
//
// It decides nothing itself: it reads the credential, asks package app, and
// writes the refusal.
package gate

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

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
}

// Gate admits requests.
type Gate struct {
	app     *app.App
	proxies []netip.Prefix
	public  *url.URL
	origins *http.CrossOriginProtection
}

// New makes a gate.
func New(cfg Config) (*Gate, error) {
	g := &Gate{app: cfg.App, proxies: cfg.Proxies, public: cfg.PublicURL, origins: http.NewCrossOriginProtection()}
	if cfg.PublicURL != nil {
		if err := g.origins.AddTrustedOrigin(cfg.PublicURL.Scheme + "://" + cfg.PublicURL.Host); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Admission is a caller who may go on.
type Admission struct {
	memo.Caller
	// Decision is what is left of the limit that this call was counted on.
	Decision ratelimit.Decision
	// Recheck reads the truth again, for an answer that takes long: an error
	// says that the key has died since.
	Recheck func(context.Context) error
}

// errKeyInURL answers contract section 1, step 1.
var errKeyInURL = &memo.Error{
	Kind: memo.KindUnauthorized, Code: "url",
	Message: "API keys are not accepted in the URL. Send the key in the Authorization header.",
}

// errMissing answers a request without any credential.
var errMissing = &memo.Error{Kind: memo.KindUnauthorized, Code: "missing", Message: "Missing API key"}

// errMalformed answers whatever is no well-formed key, without a database read.
var errMalformed = &memo.Error{Kind: memo.KindUnauthorized, Code: "malformed", Message: "The API key is not valid"}

// errForeignOrigin answers a cookie that came from another site's page.
var errForeignOrigin = memo.Forbidden("cross_origin", "This request came from another site's page and was refused.")

// Wrap refuses every request that carries a key in its URL, on every path, and
// reports the key.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			if found, keys := keysInQuery(r.URL.RawQuery); found {
				g.app.ReportExposure(r.Context(), keys, g.Origin(r))
				Refuse(w, r, errKeyInURL)
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
		decoded, err := url.QueryUnescape(part)
		if err != nil {
			decoded = part
		}
		if strings.Contains(decoded, credential.KeyPrefix) {
			found = true
			keys = append(keys, credential.FindKeys(decoded)...)
		}
	}
	return found, keys[:min(len(keys), 10)]
}

// Key admits a request with an API key and counts it as a data call. When it
// reports false, it has answered.
func (g *Gate) Key(w http.ResponseWriter, r *http.Request) (Admission, bool) {
	key, err := bearer(r.Header)
	if err != nil {
		Refuse(w, r, err)
		return Admission{}, false
	}
	origin := g.Origin(r)
	c, err := g.app.AuthoriseKey(r.Context(), key, origin)
	telemetry.Of(r.Context()).KeyID = c.KeyID
	if err != nil {
		Refuse(w, r, err)
		return Admission{}, false
	}
	return g.spend(w, r, c, ratelimit.Data, func(ctx context.Context) error {
		_, err := g.app.AuthoriseKey(ctx, key, origin)
		return err
	})
}

// Member admits a signed-in member to key management and counts the call. An
// API key, however good, is refused: keys do not manage keys.
func (g *Gate) Member(w http.ResponseWriter, r *http.Request, workspaceID string) (Admission, bool) {
	token, ok := g.cookie(w, r)
	if !ok {
		return Admission{}, false
	}
	c, err := g.app.AuthoriseSession(r.Context(), token, workspaceID, g.Origin(r))
	if err != nil {
		Refuse(w, r, InQuery(err))
		return Admission{}, false
	}
	return g.spend(w, r, c, ratelimit.Management, nil)
}

// User admits a signed-in user to what is their own, in no workspace.
func (g *Gate) User(w http.ResponseWriter, r *http.Request) (Admission, bool) {
	token, ok := g.cookie(w, r)
	if !ok {
		return Admission{}, false
	}
	c, err := g.app.AuthoriseUser(r.Context(), token, g.Origin(r))
	if err != nil {
		Refuse(w, r, err)
		return Admission{}, false
	}
	return Admission{Caller: c}, true
}

// SameOrigin refuses a request that changes something and comes from a page of
// another site. When it reports false, it has answered.
func (g *Gate) SameOrigin(w http.ResponseWriter, r *http.Request) bool {
	if err := g.origins.Check(r); err != nil {
		Refuse(w, r, errForeignOrigin)
		return false
	}
	return true
}

// cookie returns the session token of a request that may use it.
func (g *Gate) cookie(w http.ResponseWriter, r *http.Request) (string, bool) {
	if len(r.Header["Authorization"]) > 0 {
		err := memo.ErrKeyManagement
		if key, malformed := bearer(r.Header); malformed != nil {
			Refuse(w, r, malformed)
		} else if _, dead := g.app.AuthoriseKey(r.Context(), key, g.Origin(r)); dead != nil {
			Refuse(w, r, dead)
		} else {
			Refuse(w, r, err)
		}
		return "", false
	}
	if !g.SameOrigin(w, r) {
		return "", false
	}
	return g.Token(r), true
}

func (g *Gate) spend(w http.ResponseWriter, r *http.Request, c memo.Caller, class ratelimit.Class, recheck func(context.Context) error) (Admission, bool) {
	d, err := g.app.Spend(r.Context(), c, class)
	if d.Limit > 0 {
		setLimitHeaders(w.Header(), class, d)
	}
	if err != nil {
		Refuse(w, r, err)
		return Admission{}, false
	}
	return Admission{c, d, recheck}, true
}

// bearer reads exactly one well-formed "Authorization: Bearer KEY".
func bearer(h http.Header) (credential.Key, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return credential.Key{}, errMissing
	}
	if len(values) > 1 {
		return credential.Key{}, errMalformed
	}
	const scheme = "bearer "
	v := values[0]
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return credential.Key{}, errMalformed
	}
	key, ok := credential.ParseKey(strings.TrimLeft(v[len(scheme):], " "))
	if !ok {
		return credential.Key{}, errMalformed
	}
	return key, nil
}
