package httpx_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"memoai.tech/memo/internal/httpx"
)

func TestForwardedAddressCountsOnlyFromTrustedProxies(t *testing.T) {
	p := httpx.NewProxies([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, nil, nil)
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:5", nil, "192.0.2.1"},
		{"a client that forges the header", "192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		{"one proxy", "10.1.2.3:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a forged first hop", "10.1.2.3:5", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.1.2.3:5", []string{"198.51.100.1, 203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		{"two headers", "10.1.2.3:5", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"an invalid address", "10.1.2.3:5", []string{"unknown"}, "10.1.2.3"},
		{"an invalid address first", "10.1.2.3:5", []string{"'; DROP TABLE, 203.0.113.9"}, "203.0.113.9"},
		{"a proxy without the header", "10.1.2.3:5", nil, "10.1.2.3"},
		{"IPv6", "[::1]:5", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv4 in IPv6", "[::ffff:10.1.2.3]:5", []string{"203.0.113.9"}, "203.0.113.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.forwarded
			if got := p.ClientAddress(r); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A proxy that is not trusted is logged once, and its header is ignored.
func TestUnknownProxyIsLoggedOnce(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		forwarded  bool
		warns      bool
	}{
		{"a private peer", "10.1.2.3:5", true, true},
		{"loopback", "127.0.0.1:5", true, true},
		{"IPv6", "[fd00::1]:5", true, true},
		{"IPv4 in IPv6", "[::ffff:172.17.0.1]:5", true, true},
		{"no header", "10.1.2.3:5", false, false},
		{"a public peer", "203.0.113.5:5", true, false},
		{"a trusted proxy", "192.168.1.1:5", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			p := httpx.NewProxies([]netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}, nil,
				slog.New(slog.NewTextHandler(&log, nil)))
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			if c.forwarded {
				r.Header.Set("X-Forwarded-For", "198.51.100.7")
			}
			for range 3 {
				if trusted := p.ClientAddress(r) == "198.51.100.7"; trusted != (c.name == "a trusted proxy") {
					t.Errorf("the address is %s", p.ClientAddress(r))
				}
			}
			if got := strings.Count(log.String(), "level=WARN"); got != map[bool]int{true: 1}[c.warns] {
				t.Errorf("%d warnings: %s", got, &log)
			}
			host, _, _ := net.SplitHostPort(c.peer)
			if c.warns && !strings.Contains(log.String(), "--trusted-proxy "+host) {
				t.Errorf("the warning does not say what to set: %s", &log)
			}
		})
	}
}

func TestStrictTransportSecurity(t *testing.T) {
	refuse := func(r *http.Request) error {
		if r.URL.RawQuery != "" {
			return errors.New("refused")
		}
		return nil
	}
	for public, want := range map[string]string{
		"https://memo.example.com":      "max-age=31536000; includeSubDomains",
		"https://memo.example.com:8443": "max-age=31536000; includeSubDomains",
		"http://memo.example.com":       "", "": "", "https://localhost:8443": "", "https://memo.localhost": "",
		"https://127.0.0.1": "", "https://[::1]:8443": "",
	} {
		t.Run(public, func(t *testing.T) {
			var u *url.URL
			if public != "" {
				u = parseURL(t, public)
			}
			h := httpx.CheckAll(refuse, u, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusTeapot)
			}))
			for path, status := range map[string]int{"/": 418, "/api/v1/x": 418, "/?refused": 500} {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
				if got := w.Header().Get("Strict-Transport-Security"); got != want || w.Code != status {
					t.Errorf("at %s: got %q and %d, want %q and %d", path, got, w.Code, want, status)
				}
			}
		})
	}
}

func parseURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A canonical URL has the form that browsers send in Host and Origin.
func TestCanonicalURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://Memo.Example.com.:443/": "https://memo.example.com", "http://memo.example.com:80": "http://memo.example.com",
		"https://memo.example.com:8443": "https://memo.example.com:8443", "http://[::1]:8080": "http://[::1]:8080",
	} {
		t.Run(in, func(t *testing.T) {
			if got := httpx.CanonicalURL(parseURL(t, in)).String(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
