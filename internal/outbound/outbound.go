// Package outbound makes HTTP clients for URLs that users or clients choose. Such a client must not
// reach what only this server can reach: its own machine, its network, the metadata of its cloud.
package outbound

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Check refuses a connection to an address, which is an IP address and a port. It is called for
// the connection itself, so that a name cannot change its address after the check.
type Check func(network, address string, c syscall.RawConn) error

// PublicOn allows public addresses, on one port.
func PublicOn(port uint16) Check { return ssrf.New(ssrf.WithPorts(port)).Safe }

// PublicOr allows public addresses and those in the ranges, on any port.
func PublicOr(ranges []netip.Prefix) Check {
	v4, v6 := split(ranges)
	return ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...)).Safe
}

func split(ranges []netip.Prefix) (v4, v6 []netip.Prefix) {
	for _, p := range ranges {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return v4, v6
}

// Only allows addresses in the ranges, on any port.
func Only(ranges []netip.Prefix) Check {
	return func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		for _, p := range ranges {
			if p.Contains(a.Addr()) {
				return nil
			}
		}
		return ssrf.ErrProhibitedIP
	}
}

// IsRefused reports whether a request failed because of a [Check] of this package.
func IsRefused(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) ||
		errors.Is(err, ssrf.ErrProhibitedNetwork)
}

// ErrRedirect is the cause of the error for a response that redirects.
var ErrRedirect = errors.New("it redirects")

// Explain returns why a request of a client with this timeout failed, as a phrase for people and
// without the addresses in err: who chose the URL must not learn how names resolve in the server's
// network.
func Explain(err error, timeout time.Duration) error {
	_, unknown := errors.AsType[*net.DNSError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	network, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, ErrRedirect):
		return ErrRedirect
	case unknown, IsRefused(err):
		return errors.New("its host has no public address")
	case untrusted:
		return errors.New("its certificate is not valid")
	case ok && network.Timeout():
		return fmt.Errorf("it took longer than %d seconds", int(timeout.Seconds()))
	}
	return errors.New("it could not be reached")
}

// NewClient returns a client whose requests take at most timeout. It connects only to addresses that
// check allows, and follows no redirects. It does not use the proxy of the environment, which would
// connect to any address.
func NewClient(timeout time.Duration, check Check) *http.Client {
	dialer := &net.Dialer{Timeout: timeout, Control: check}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout, DisableKeepAlives: true,
			MaxResponseHeaderBytes: 16 << 10,
		},
	}
}
