package httpx

import (
	"net/http"
	"time"
)

// The names of the session cookie. Over HTTPS it is bound to this host by its prefix. Browsers
// do not accept that prefix over plain HTTP, which is for loopback and tests.
const (
	secureCookie = "__Host-memo_session"
	plainCookie  = "memo_session"
)

// SessionToken returns the session token of a request, or "". If two cookies have the name,
// another site may have set one of them, so both are ignored.
func (p *Proxies) SessionToken(r *http.Request) string {
	name := plainCookie
	if p.IsHTTPS(r) {
		name = secureCookie
	}
	if found := r.CookiesNamed(name); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// SetSessionToken sets the session cookie, or deletes it if token is "".
func (p *Proxies) SetSessionToken(w http.ResponseWriter, r *http.Request, token string, expires time.Time) {
	c := &http.Cookie{
		Name: plainCookie, Value: token, Path: "/", Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if p.IsHTTPS(r) {
		c.Name, c.Secure = secureCookie, true
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
