package admission

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"memoai.tech/memo"
)

// CheckHost refuses a request to a loopback address whose Host header has a foreign name. In a
// DNS rebinding attack, the name of another site resolves to 127.0.0.1, and the browser treats
// this server as the origin of that site's page.
func (c *Control) CheckHost(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return nil
	}
	if isLoopbackHost(r.Host) || c.public != nil && hostName(r.Host) == c.public.Hostname() {
		return nil
	}
	return errForeignHost
}

// Issuer returns the address of this server for OAuth, without a final slash: the public URL if it is
// https and has no path, or, without a public URL, the name of this machine that a program on it used.
// Otherwise it returns "", because a client would send its tokens over a connection that others can read.
func (c *Control) Issuer(r *http.Request) string {
	if c.public != nil && c.public.Scheme == "https" {
		if c.hasPath {
			return ""
		}
		return c.public.String()
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	isProxied := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
	if !ok || !local.IP.IsLoopback() || isProxied || !isLoopbackHost(r.Host) {
		return ""
	}
	return "http://" + strings.ToLower(r.Host)
}

// isLoopbackHost reports whether a Host header has a name of this machine.
func isLoopbackHost(host string) bool {
	name := hostName(host)
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// hostName returns the name in a Host header, in lower case and without the port and a final dot.
func hostName(host string) string {
	return strings.ToLower(strings.TrimSuffix((&url.URL{Host: host}).Hostname(), "."))
}

var errForeignHost = memo.Forbidden("foreign_host", "The Host header has a name that is not this server's. "+
	"Use the server's own name. If a proxy uses the other name, start the server with --public-url.")

// HostOrigins are the origins that hosts in a browser or in a web view send to MCP.
var HostOrigins = []string{
	"https://claude.ai", "https://claude.com", "https://chatgpt.com", "https://chat.mistral.ai", "https://cursor.com",
	"https://www.cursor.com", "https://vscode.dev",
}

// CheckHostOrigin is CheckCrossOrigin for MCP, which reads no cookie, so that a page of another site
// can do nothing without a key or token of its own. With an https public URL it lets [HostOrigins]
// and those of the configuration through. On a loopback address it does not: a page must not find out
// what runs on the visitor's machine.
func (c *Control) CheckHostOrigin(r *http.Request) error {
	origins := r.Header["Origin"]
	if c.public != nil && c.public.Scheme == "https" && strings.EqualFold(r.Host, c.public.Host) && len(origins) == 1 &&
		(slices.Contains(HostOrigins, origins[0]) || slices.Contains(c.hostOrigins, origins[0])) {
		return nil
	}
	return c.CheckCrossOrigin(r)
}

// CheckCrossOrigin refuses a request from a page of another site. For GET, HEAD and OPTIONS only
// the Origin header counts, which the request of a followed link does not have.
func (c *Control) CheckCrossOrigin(r *http.Request) error {
	if c.crossOrigin.Check(r) == nil && c.hasOwnOrigin(r) {
		return nil
	}
	return errCrossOrigin
}

var errCrossOrigin = memo.Forbidden("cross_origin",
	"This request was refused because it came from a page of another site.")

// hasOwnOrigin reports whether the Origin header, if there is one, names this server.
// http.CrossOriginProtection trusts Sec-Fetch-Site more than Origin and reads only the first of
// several headers, so repeated headers are not accepted.
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

// isDowngraded reports whether an origin has the public host but not its HTTPS. Anyone on the
// network could have changed such a page.
func (c *Control) isDowngraded(scheme, host string) bool {
	return c.public != nil && c.public.Scheme == "https" && scheme != "https" && host == c.public.Host
}
