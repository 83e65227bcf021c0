package httpx

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// hstsYear makes browsers use only HTTPS for this host and its subdomains for a year, as OWASP
// ASVS 5.0 requires at level 2. It does not ask for preloading, which would apply to the whole
// domain and takes months to undo.
const hstsYear = "max-age=31536000; includeSubDomains"

// CheckAll returns a handler that runs check before next, for every path. next gets only
// requests that check does not refuse. If the public URL is https, every response has
// Strict-Transport-Security. public is the canonical public URL, or nil.
func CheckAll(check func(*http.Request) error, public *url.URL, next http.Handler) http.Handler {
	hsts := public != nil && public.Scheme == "https" && !isLoopbackName(public.Hostname())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hsts {
			w.Header().Set("Strict-Transport-Security", hstsYear)
		}
		if err := check(r); err != nil {
			WriteError(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopbackName reports whether host is a name of this machine. With HSTS for such a name, a
// browser could no longer open other servers on this machine over plain HTTP.
func isLoopbackName(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// CanonicalURL returns the scheme and host of u as browsers write them in Host and Origin: in
// lower case, without a default port and without a final dot.
func CanonicalURL(u *url.URL) *url.URL {
	name, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	isDefault := u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80"
	if port != "" && !isDefault {
		name += ":" + port
	}
	return &url.URL{Scheme: u.Scheme, Host: name}
}
