package gate

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"memoai.tech/memo/internal/credential"
)

func TestForwardedAddressesAreBelievedFromProxiesOnly(t *testing.T) {
	g := &Gate{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:5", nil, "192.0.2.1"},
		{"a stranger who says so", "192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		{"one proxy", "10.1.2.3:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a forged first hop", "10.1.2.3:5", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.1.2.3:5", []string{"198.51.100.1, 203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		{"two headers", "10.1.2.3:5", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"nonsense", "10.1.2.3:5", []string{"unknown"}, "10.1.2.3"},
		{"nonsense before a good one", "10.1.2.3:5", []string{"'; DROP TABLE, 203.0.113.9"}, "203.0.113.9"},
		{"a proxy that says nothing", "10.1.2.3:5", nil, "10.1.2.3"},
		{"IPv6", "[::1]:5", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv4 in IPv6", "[::ffff:10.1.2.3]:5", []string{"203.0.113.9"}, "203.0.113.9"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := g.ClientAddress(r); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestAProxyThatIsNotTrustedIsHinted once, and its header is not believed.
func TestAProxyThatIsNotTrustedIsHinted(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		forwarded  bool
		hint       bool
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
			g, err := New(Config{
				Proxies: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")},
				Log:     slog.New(slog.NewTextHandler(&log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			if c.forwarded {
				r.Header.Set("X-Forwarded-For", "198.51.100.7")
			}
			for range 3 {
				if believed := g.ClientAddress(r) == "198.51.100.7"; believed != (c.name == "a trusted proxy") {
					t.Errorf("the address is %s", g.ClientAddress(r))
				}
			}
			if got := strings.Count(log.String(), "level=WARN"); got != map[bool]int{true: 1}[c.hint] {
				t.Errorf("%d warnings: %s", got, &log)
			}
			host, _, _ := net.SplitHostPort(c.peer)
			if c.hint && !strings.Contains(log.String(), "--trusted-proxy "+host) {
				t.Errorf("the warning does not say what to set: %s", &log)
			}
		})
	}
}

func TestStrictTransportSecurity(t *testing.T) {
	for public, want := range map[string]string{
		"https://memo.example.com":      "max-age=31536000; includeSubDomains",
		"https://memo.example.com:8443": "max-age=31536000; includeSubDomains",
		"http://memo.example.com":       "", "": "", "https://localhost:8443": "", "https://memo.localhost": "",
		"https://127.0.0.1": "", "https://[::1]:8443": "",
	} {
		cfg := Config{}
		if public != "" {
			cfg.PublicURL = must(url.Parse(public))
		}
		g := must(New(cfg))
		h := g.RefuseKeysInURL(http.HandlerFunc(func(w http.ResponseWriter,
			r *http.Request,
		) {
			w.WriteHeader(http.StatusTeapot)
		}))
		for _, path := range []string{"/", "/api/v1/x", "/?key=" + credential.KeyPrefix} { // the last is refused
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if got := w.Header().Get("Strict-Transport-Security"); got != want {
				t.Errorf("%q at %s: got %q, want %q", public, path, got, want)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestAgentIsPrintable: what a client says of itself is stored and shown, and
// some clients put their key there.
func TestAgentIsPrintable(t *testing.T) {
	g := &Gate{}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("User-Agent", "a\x1b[31mb\xff\u202e mk_live_\tabcdefgh1234"+strings.Repeat("x", 2*maxAgent))
	got := g.Client(r).UserAgent
	if !strings.HasPrefix(got, "a[31mb\uFFFD mk_live_[redacted]") || utf8.RuneCountInString(got) > maxAgent {
		t.Errorf("got %q", got)
	}
}

// FuzzKeysInQuery: a key that a server could decode out of the query is found,
// wherever it stands and whichever of its characters are escaped.
func FuzzKeysInQuery(f *testing.F) {
	f.Add("a=1&b=", "", uint64(0))
	f.Add("%", ";x", uint64(1<<46-1))
	f.Fuzz(func(t *testing.T, before, after string, escaped uint64) {
		key := credential.NewKey()
		var written strings.Builder
		for i, c := range []byte(key.Secret()) {
			if escaped>>i&1 == 1 {
				fmt.Fprintf(&written, "%%%02x", c)
			} else {
				written.WriteByte(c)
			}
		}
		found, keys := keysInQuery(before + "&k=%zz" + written.String() + "%&" + after)
		if !found || !slices.Contains(keys, key) && len(keys) < 10 {
			t.Fatalf("the key between %q and %q is not found", before, after)
		}
	})
}

// FuzzBearer: whatever the header is, only one exact key is read out of it.
func FuzzBearer(f *testing.F) {
	good := credential.NewKey().Secret()
	f.Add("Bearer "+good, "")
	f.Add("bearer  "+good, good)
	f.Fuzz(func(t *testing.T, first, second string) {
		h := http.Header{"Authorization": {first}}
		if second != "" {
			h["Authorization"] = append(h["Authorization"], second)
		}
		key, err := parseBearer(h)
		if err == nil && (second != "" || !strings.HasSuffix(first, key.Secret())) {
			t.Fatal("a key was read out of something else")
		}
	})
}

// TestPublicURLIsWrittenAsBrowsersDo: however the operator writes it, it is what
// Host and Origin say.
func TestPublicURLIsWrittenAsBrowsersDo(t *testing.T) {
	for in, want := range map[string]string{
		"https://Memo.Example.com.:443/": "https://memo.example.com", "http://memo.example.com:80": "http://memo.example.com",
		"https://memo.example.com:8443": "https://memo.example.com:8443", "http://[::1]:8080": "http://[::1]:8080",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := canonicalURL(u).String(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestOrigins: only a page of ours, by one Origin, whatever else is said.
func TestOrigins(t *testing.T) {
	public, err := url.Parse("https://Memo.example.com:443")
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{PublicURL: public})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		origins, sites []string
		ok             bool
	}{
		{nil, nil, true},
		{nil, []string{"same-origin"}, true},
		{nil, []string{"cross-site"}, false},
		{[]string{"http://127.0.0.1:8080"}, nil, true},
		{[]string{"HTTP://127.0.0.1:8080"}, nil, true},
		{[]string{"https://memo.example.com"}, []string{"cross-site"}, true},
		{[]string{"http://memo.example.com"}, nil, false},
		{[]string{"null"}, nil, false},
		{[]string{"null"}, []string{"same-origin"}, false},
		{[]string{"https://evil.example"}, []string{"same-origin"}, false},
		{[]string{"http://127.0.0.1:8080", "https://evil.example"}, nil, false},
		{[]string{"http://127.0.0.1:8080/"}, nil, false},
		{[]string{"http://user@127.0.0.1:8080"}, nil, false},
		{[]string{"http://127.0.0.1:8080.evil.example"}, nil, false},
		{[]string{"//127.0.0.1:8080"}, nil, false},
		{nil, []string{"none", "cross-site"}, false},
	} {
		r := httptest.NewRequest("POST", "http://127.0.0.1:8080/mcp", nil)
		r.Header["Origin"], r.Header["Sec-Fetch-Site"] = c.origins, c.sites
		if got := g.RefuseCrossOrigin(httptest.NewRecorder(), r); got != c.ok {
			t.Errorf("Origin %v, Sec-Fetch-Site %v: got %v", c.origins, c.sites, got)
		}
	}
}
