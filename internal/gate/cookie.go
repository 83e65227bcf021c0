package gate

import (
	"net/http"
	"time"
)

// The session cookie. Over HTTPS it is bound to this host and never sent in the
// clear; plain HTTP, which is for loopback and tests, cannot carry that name.
const (
	secureCookie = "__Host-memo_session"
	plainCookie  = "memo_session"
)

// SessionToken returns the session token of a request, or "". Two cookies of the name
// are none: one of them was put there by somebody else.
func (g *Gate) SessionToken(r *http.Request) string {
	name := plainCookie
	if g.isHTTPS(r) {
		name = secureCookie
	}
	if found := r.CookiesNamed(name); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// SetSessionToken gives the browser its session, or takes it away when token is "".
func (g *Gate) SetSessionToken(w http.ResponseWriter, r *http.Request, token string, expires time.Time) {
	c := &http.Cookie{
		Name: plainCookie, Value: token, Path: "/", Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if g.isHTTPS(r) {
		c.Name, c.Secure = secureCookie, true
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
