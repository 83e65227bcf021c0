package oauth

import (
	"net/url"
	"slices"
	"strings"

	"memoai.tech/memo"
)

// maxRedirect is the longest redirect URI in bytes.
const maxRedirect = 500

// appSchemes are private schemes without a dot that known programs use. Others must have one, as RFC
// 8252 recommends.
var appSchemes = []string{"cursor", "vscode", "vscode-insiders", "windsurf"}

// redirect is a redirect URI of a client.
type redirect struct {
	url *url.URL
	// host is where answers go, as people read it: a host, a scheme, or "" for a program on the
	// user's computer.
	host string
}

// parseRedirect returns the redirect URI, and false if answers must not go there.
func parseRedirect(s string) (redirect, bool) {
	if len(s) > maxRedirect || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return redirect{}, false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || !hasPlainHost(u) || strings.Contains(s, "#") || memo.HasKeyPrefix(s) {
		return redirect{}, false
	}
	switch {
	case u.Scheme == "https":
		return redirect{u, strings.ToLower(u.Host)}, u.Hostname() != ""
	case u.Scheme == "http":
		return redirect{u, ""}, isLoopback(u)
	case strings.Contains(u.Scheme, "."), slices.Contains(appSchemes, u.Scheme):
		return redirect{u, u.Scheme + "://"}, true
	}
	return redirect{}, false // javascript:, data:, file: and all others
}

// hasPlainHost reports whether the host is written in ASCII. An escaped host may look like another
// one, and browsers map some characters to others.
func hasPlainHost(u *url.URL) bool {
	return !strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' })
}

func isLoopback(u *url.URL) bool {
	name := u.Hostname()
	return u.Scheme == "http" && (name == "localhost" || name == "127.0.0.1" || name == "::1")
}

// withoutPort returns a loopback URI without its port, which is another one for each
// connection (RFC 8252, section 7.3), and any other URI unchanged.
func withoutPort(u *url.URL) string {
	if !isLoopback(u) || u.Port() == "" {
		return u.String()
	}
	c := *u
	if c.Host = u.Hostname(); strings.Contains(c.Host, ":") {
		c.Host = "[" + c.Host + "]"
	}
	return c.String()
}

// allows reports whether a client that registered some URIs may get answers at another.
func allows(registered []string, asked redirect) bool {
	return slices.ContainsFunc(registered, func(s string) bool {
		if s == asked.url.String() {
			return true
		}
		u, err := url.Parse(s)
		return err == nil && isLoopback(u) && isLoopback(asked.url) && withoutPort(u) == withoutPort(asked.url)
	})
}

// hostOf returns the host of a URL without its port.
func hostOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
