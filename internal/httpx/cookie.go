package httpx

import (
	"net/http"
	"strings"
	"time"
)

// The names of the cookies. Over HTTPS they are bound to this host by their prefix. Browsers
// do not accept that prefix over plain HTTP, which is for loopback and tests.
const (
	secureCookie          = "__Host-memo_session"
	plainCookie           = "memo_session"
	secureWorkspaceCookie = "__Host-memo_workspace"
	plainWorkspaceCookie  = "memo_workspace"
	secureStartedCookie   = "__Host-memo_started"
	plainStartedCookie    = "memo_started"
)

// SessionToken returns the session token of a request, or "". If two cookies have the name,
// another site may have set one of them, so both are ignored.
func (p *Proxies) SessionToken(r *http.Request) string {
	return p.cookie(r, plainCookie, secureCookie)
}

// SetSessionToken sets the session cookie, or deletes it if token is "".
func (p *Proxies) SetSessionToken(w http.ResponseWriter, r *http.Request, token string, expires time.Time) {
	p.setCookie(w, r, plainCookie, secureCookie, token, expires)
}

// LastWorkspace returns the id of the workspace that the browser visited last, or "". It may be
// one that the user is not a member of.
func (p *Proxies) LastWorkspace(r *http.Request) string {
	return p.cookie(r, plainWorkspaceCookie, secureWorkspaceCookie)
}

// SetLastWorkspace remembers the workspace that the browser visits.
func (p *Proxies) SetLastWorkspace(w http.ResponseWriter, r *http.Request, id string, expires time.Time) {
	p.setCookie(w, r, plainWorkspaceCookie, secureWorkspaceCookie, id, expires)
}

// Started returns the ids of the workspaces whose first steps the browser does not show any more.
func (p *Proxies) Started(r *http.Request) []string {
	return strings.Split(p.cookie(r, plainStartedCookie, secureStartedCookie), ".")
}

// maxStarted is how many workspaces the cookie of [Proxies.Started] has.
const maxStarted = 20

// AddStarted adds a workspace to those of [Proxies.Started].
func (p *Proxies) AddStarted(w http.ResponseWriter, r *http.Request, id string, expires time.Time) {
	ids := append([]string{id}, p.Started(r)...)
	value := strings.Trim(strings.Join(ids[:min(len(ids), maxStarted)], "."), ".")
	p.setCookie(w, r, plainStartedCookie, secureStartedCookie, value, expires)
}

func (p *Proxies) cookie(r *http.Request, plain, secure string) string {
	name := plain
	if p.IsHTTPS(r) {
		name = secure
	}
	if found := r.CookiesNamed(name); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

func (p *Proxies) setCookie(w http.ResponseWriter, r *http.Request, plain, secure, value string, expires time.Time) {
	c := &http.Cookie{
		Name: plain, Value: value, Path: "/", Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if p.IsHTTPS(r) {
		c.Name, c.Secure = secure, true
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
