package gate

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// canonicalURL writes a server's address as browsers do: in lower case, without a
// default port and a dot at the end of the name.
func canonicalURL(u *url.URL) *url.URL {
	name, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port != "" && !(u.Scheme == "https" && port == "443") && !(u.Scheme == "http" && port == "80") {
		name += ":" + port
	}
	return &url.URL{Scheme: u.Scheme, Host: name}
}

// Client tells where a request comes from. What proxies say counts only if the
// peer is one that the operator named, and then the address before the last
// proxy of theirs.
func (g *Gate) Client(r *http.Request) app.Client {
	return app.Client{Address: g.ClientAddress(r), UserAgent: memo.Printable(r.UserAgent(), maxAgent)}
}

// ClientAddress is where a request comes from, without its agent.
func (g *Gate) ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if !g.isTrustedProxy(peer) {
		if g.IsUnknownProxy(r) {
			g.hint.Do(func() {
				g.log.Warn("a private address sends X-Forwarded-For and is not trusted, so everyone behind it counts as one "+
					"address; "+
					"if it is your proxy, start with --trusted-proxy "+peer.String(), "address", peer.String())
			})
		}
		return host
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // what stands before something unreadable is not to be believed
		}
		peer = hop
		if !g.isTrustedProxy(hop) {
			break
		}
	}
	return peer.Unmap().WithZone("").String()
}

// IsUnknownProxy reports a request that seems to come through a proxy that the
// operator has not named: X-Forwarded-For from a private or loopback address that
// is not trusted. Its header is not believed all the same.
func (g *Gate) IsUnknownProxy(r *http.Request) bool {
	if len(r.Header["X-Forwarded-For"]) == 0 {
		return false
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	peer, err := netip.ParseAddr(host)
	if err != nil || g.isTrustedProxy(peer) {
		return false
	}
	peer = peer.Unmap()
	return peer.IsPrivate() || peer.IsLoopback() || peer.IsLinkLocalUnicast()
}

func (g *Gate) isTrustedProxy(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range g.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// isHTTPS reports whether the caller's side of the connection is HTTPS.
func (g *Gate) isHTTPS(r *http.Request) bool {
	if r.TLS != nil || g.public != nil && g.public.Scheme == "https" {
		return true
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	peer, err := netip.ParseAddr(host)
	return err == nil && g.isTrustedProxy(peer) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// maxAgent is how many characters of a User-Agent are stored and shown.
const maxAgent = 500

// CheckHost refuses a request that reached a loopback address under a name that
// is not this server's: a page whose name was turned to 127.0.0.1 counts as of
// the same origin (DNS rebinding). When it reports false, it has answered.
func (g *Gate) CheckHost(w http.ResponseWriter, r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	name := strings.ToLower(strings.TrimSuffix((&url.URL{Host: r.Host}).Hostname(), "."))
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() || name == "localhost" || g.public != nil &&
		name == g.public.Hostname() {
		return true
	}
	WriteError(w, r, errForeignHost)
	return false
}

var errForeignHost = memo.Forbidden("foreign_host", "This server does not go by the name in the Host header. "+
	"Call it by its own, or start it with --public-url if a proxy in front of it is called so.")

// RefuseCrossOrigin refuses a request that changes something, or is one of MCP's, and
// comes from a page of another site. When it reports false, it has answered.
func (g *Gate) RefuseCrossOrigin(w http.ResponseWriter, r *http.Request) bool {
	err := g.CheckCrossOrigin(r)
	if err != nil {
		WriteError(w, r, err)
	}
	return err == nil
}

// CheckCrossOrigin is RefuseCrossOrigin for who answers by themselves.
func (g *Gate) CheckCrossOrigin(r *http.Request) error {
	if g.origins.Check(r) == nil && g.hasPlainOriginHeaders(r) {
		return nil
	}
	return errCrossOrigin
}

// isDowngradedOrigin reports a page of the public name that did not come over HTTPS as it
// should: anybody on the way could have written it.
func (g *Gate) isDowngradedOrigin(scheme, host string) bool {
	return g.public != nil && g.public.Scheme == "https" && scheme != "https" && host == g.public.Host
}

// hasPlainOriginHeaders reports whether the origin headers of a request are as browsers
// write them. http.CrossOriginProtection believes Sec-Fetch-Site before Origin,
// and looks at the first of each.
func (g *Gate) hasPlainOriginHeaders(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return len(r.Header["Sec-Fetch-Site"]) <= 1
	}
	scheme, host, ok := strings.Cut(strings.ToLower(origins[0]), "://")
	return len(origins) == 1 && len(r.Header["Sec-Fetch-Site"]) <= 1 && ok && (scheme == "http" || scheme == "https") &&
		(host == strings.ToLower(r.Host) && !g.isDowngradedOrigin(scheme, host) || g.public != nil &&
			scheme == g.public.Scheme && host == g.public.Host)
}
