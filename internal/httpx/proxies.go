package httpx

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Proxies knows which peers are the operator's own proxies. X-Forwarded-For and
// X-Forwarded-Proto from such a peer are trusted, and ignored from others.
type Proxies struct {
	trusted  []netip.Prefix
	https    bool // the public URL is https
	log      *slog.Logger
	warnOnce sync.Once // about a proxy that is not trusted
}

// NewProxies returns Proxies for the trusted addresses. public is the server's address as
// clients write it, or nil. log gets one warning if a proxy seems to be missing in trusted; it
// may be nil.
func NewProxies(trusted []netip.Prefix, public *url.URL, log *slog.Logger) *Proxies {
	return &Proxies{
		trusted: trusted,
		https:   public != nil && public.Scheme == "https",
		log:     cmp.Or(log, slog.New(slog.DiscardHandler)),
	}
}

// ClientAddress returns the address that a request comes from: the peer, or the last
// address in X-Forwarded-For that is not a trusted proxy.
func (p *Proxies) ClientAddress(r *http.Request) string {
	client, ok := peerOf(r)
	if !ok {
		return r.RemoteAddr
	}
	if len(r.Header["X-Forwarded-For"]) == 0 {
		return client.Unmap().String()
	}
	if p.IsUnknownProxy(r) {
		p.warnOnce.Do(func() {
			p.log.Warn("a private address sends X-Forwarded-For and is not trusted, so all its clients count as one address; "+
				"if it is your proxy, start with --trusted-proxy "+client.String(), "address", client.String())
		})
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !p.trusts(client) {
			break // a client may have written this and everything before it
		}
		client = next.WithZone("")
	}
	return client.Unmap().String()
}

// IsUnknownProxy reports whether a request seems to come through a proxy that is not trusted: it
// has X-Forwarded-For and comes from another private or loopback address.
func (p *Proxies) IsUnknownProxy(r *http.Request) bool {
	peer, ok := peerOf(r)
	peer = peer.Unmap()
	return ok && len(r.Header["X-Forwarded-For"]) > 0 && !p.trusts(peer) &&
		(peer.IsPrivate() || peer.IsLoopback() || peer.IsLinkLocalUnicast())
}

// IsHTTPS reports whether the client uses HTTPS, to this server or to a proxy in front of it.
func (p *Proxies) IsHTTPS(r *http.Request) bool {
	if r.TLS != nil || p.https {
		return true
	}
	peer, ok := peerOf(r)
	return ok && p.trusts(peer) && r.Header.Get("X-Forwarded-Proto") == "https"
}

func (p *Proxies) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(p.trusted, func(trusted netip.Prefix) bool { return trusted.Contains(a.Unmap()) })
}

// peerOf returns the address of the TCP peer.
func peerOf(r *http.Request) (netip.Addr, bool) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	peer, err := netip.ParseAddr(host)
	return peer, err == nil
}
