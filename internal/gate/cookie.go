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

// Token returns the session token of a request, or "". Two cookies of the name
// are none: one of them was put there by somebody else.
func (g *Gate) Token(r *http.Request) string {
	name := plainCookie
	if g.secure(r) {
		name = secureCookie
	}
	if found := r.CookiesNamed(name); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// SetToken gives the browser its session, or takes it away when token is "".
func (g *Gate) SetToken(w http.ResponseWriter, r *http.Request, token string, expires time.Time) {
	c := &http.Cookie{
		Name: plainCookie, Value: token, Path: "/", Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if g.secure(r) {
		c.Name, c.Secure = secureCookie, true
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
