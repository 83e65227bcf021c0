package admission

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"memoai.tech/memo"
)

// CheckHost refuses a request that reached a loopback address under a host name that
// is not this server's. In a DNS rebinding attack, a page of another site makes its own
// name point to 127.0.0.1, and the browser treats this server as the page's origin.
func (c *Control) CheckHost(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix((&url.URL{Host: r.Host}).Hostname(), "."))
	ip := net.ParseIP(name)
	isLocal := name == "localhost" || ip != nil && ip.IsLoopback()
	if isLocal || c.public != nil && name == c.public.Hostname() {
		return nil
	}
	return errForeignHost
}

var errForeignHost = memo.Forbidden("foreign_host", "This server does not go by the name in the Host header. "+
	"Call it by its own, or start it with --public-url if a proxy in front of it is called so.")

// CheckCrossOrigin refuses a request that changes something, or an MCP request, if it
// comes from a page of another site.
func (c *Control) CheckCrossOrigin(r *http.Request) error {
	if c.crossOrigin.Check(r) == nil && c.hasOwnOrigin(r) {
		return nil
	}
	return errCrossOrigin
}

var errCrossOrigin = memo.Forbidden("cross_origin", "This request came from another site's page and was refused.")

// hasOwnOrigin reports whether a request has the origin headers that a browser writes
// for a page of this server. http.CrossOriginProtection trusts Sec-Fetch-Site over
// Origin and looks only at the first of each, so a second one must not be there.
func (c *Control) hasOwnOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(r.Header["Sec-Fetch-Site"]) > 1 || len(origins) > 1 {
		return false
	}
	if len(origins) == 0 {
		return true
	}
	scheme, host, ok := strings.Cut(strings.ToLower(origins[0]), "://")
	if !ok || scheme != "http" && scheme != "https" {
		return false
	}
	if c.public != nil && scheme == c.public.Scheme && host == c.public.Host {
		return true
	}
	return host == strings.ToLower(r.Host) && !c.isDowngraded(scheme, host)
}

// isDowngraded reports an origin with the public host name but without its HTTPS:
// anyone on the network could have written that page.
func (c *Control) isDowngraded(scheme, host string) bool {
	return c.public != nil && c.public.Scheme == "https" && scheme != "https" && host == c.public.Host
}
