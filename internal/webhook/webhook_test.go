package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"memoai.tech/memo"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// newSender returns a sender that is allowed to use ranges, and the results that it counts.
func newSender(ranges ...netip.Prefix) (s *Sender, results *[]string) {
	results = new([]string)
	return New(Config{
		Allow: ranges, Now: time.Now, Count: func(result string) { *results = append(*results, result) },
	}), results
}

func secret(fill byte) string {
	return memo.WebhookSecretPrefix + base64.StdEncoding.EncodeToString(slices.Repeat([]byte{fill}, 32))
}

var delivery = memo.Delivery{ID: "01990000-0000-7000-8000-000000000000", Payload: `{"type":"webhook.test"}`}

// request is what an endpoint received.
type request struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// receive sends a delivery to a new endpoint and returns what it received.
func receive(t *testing.T, w memo.Webhook) (got request) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{Body: string(body), Headers: map[string]string{}}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			got.Headers[name] = r.Header.Get(name)
		}
	}))
	defer server.Close()
	s, _ := newSender(loopback...)
	w.URL = server.URL
	if status, problem := s.Send(t.Context(), w, delivery); status != 200 || problem != "" {
		t.Fatalf("got %d %s", status, problem)
	}
	return got
}

// TestSignatures: two libraries verify a request with the current secret, and during the overlap of a
// rotation with the previous one, but not with another secret or another body.
func TestSignatures(t *testing.T) {
	until := time.Now().Add(time.Hour)
	got := receive(t, memo.Webhook{Secret: secret(1), PreviousSecret: secret(2), PreviousUntil: &until})
	ended := receive(t, memo.Webhook{Secret: secret(1), PreviousSecret: secret(2), PreviousUntil: new(time.Now())})
	changed := got
	changed.Body += " "
	cases := []struct {
		name   string
		secret string
		request
		want bool
	}{
		{"current", secret(1), got, true},
		{"previous", secret(2), got, true},
		{"unknown", secret(3), got, false},
		{"current, after the overlap", secret(1), ended, true},
		{"previous, after the overlap", secret(2), ended, false},
		{"another body", secret(1), changed, false},
	}
	verifyJavaScript := javaScriptVerifier(t)
	for _, c := range cases {
		verifier, err := standardwebhooks.NewWebhook(c.secret)
		if err != nil {
			t.Fatal(err)
		}
		headers := http.Header{}
		for name, value := range c.Headers {
			headers.Set(name, value)
		}
		if err := verifier.Verify([]byte(c.Body), headers); (err == nil) != c.want {
			t.Errorf("%s: Go: %v, want it verified: %v", c.name, err, c.want)
		}
		if verifyJavaScript == nil {
			continue
		}
		if err := verifyJavaScript(c.secret, c.request); (err == nil) != c.want {
			t.Errorf("%s: JavaScript: %v, want it verified: %v", c.name, err, c.want)
		}
	}
}

// javaScriptVerifier installs the library for JavaScript from npm and returns a function that verifies with it,
// or nil if that is not possible.
func javaScriptVerifier(t *testing.T) func(secret string, r request) error {
	dir := t.TempDir()
	if testing.Short() {
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", dir,
		"standardwebhooks@1.1.1")
	if out, err := install.CombinedOutput(); err != nil {
		t.Logf("not verified in JavaScript: npm: %v %s", err, out)
		return nil
	}
	program := filepath.Join(dir, "verify.cjs")
	const source = `const { Webhook } = require("standardwebhooks");
const { secret, body, headers } = JSON.parse(process.argv[2]);
new Webhook(secret).verify(body, headers);`
	if err := os.WriteFile(program, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(secret string, r request) error {
		input, err := json.Marshal(map[string]any{"secret": secret, "body": r.Body, "headers": r.Headers})
		if err != nil {
			t.Fatal(err)
		}
		return exec.CommandContext(t.Context(), "node", program, string(input)).Run()
	}
}

// privateHosts has an address of every special range, and names and notations of such addresses.
var privateHosts = []string{
	"127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "localhost", "0.0.0.0",
	"0.1.2.3", "[::]", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1",
	"100.100.100.200", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
	"224.0.0.1", "240.0.0.1", "255.255.255.255", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]",
	"[64:ff9b:1::1]", "[100::1]", "[2001::1]", "[2001:db8::1]", "[2002:7f00:1::]", "[ff02::1]", "[3fff::1]", "[5f00::1]",
}

// TestPrivateAddressesAreRefused: no request reaches an address of this machine or network, whatever
// the scheme and port. A name is refused by the address to which the connection would go.
func TestPrivateAddressesAreRefused(t *testing.T) {
	reached := false
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer canary.Close()
	port := canary.URL[strings.LastIndex(canary.URL, ":"):]
	s, results := newSender()
	for _, host := range privateHosts {
		for _, address := range []string{"https://" + host + "/x", "https://" + host + port, "http://" + host + port} {
			*results = nil
			status, problem := s.Send(t.Context(), memo.Webhook{URL: address}, delivery)
			if status != 0 || !strings.Contains(problem, "no public address") || !slices.Equal(*results, []string{"blocked"}) {
				t.Errorf("%s: %d %q %q, want it blocked", address, status, problem, *results)
			}
		}
		if host != "localhost" && s.CheckURL("https://"+host) == nil {
			t.Errorf("%s: CheckURL accepts it", host)
		}
	}
	if reached {
		t.Error("the canary was reached")
	}
	other, _ := newSender(netip.MustParsePrefix("10.0.0.0/8"))
	if _, problem := other.Send(t.Context(), memo.Webhook{URL: canary.URL}, delivery); problem == "" || reached {
		t.Error("another allowed range allows loopback")
	}
}

// TestResponses: only 2xx is a success, within ten seconds; redirects are not followed, and the body
// is not read to its end.
func TestResponses(t *testing.T) {
	followed := false
	mux := http.NewServeMux()
	mux.HandleFunc("/201", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) })
	mux.HandleFunc("/500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/target", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/target", func(http.ResponseWriter, *http.Request) { followed = true })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/broken", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client is gone
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	secure := httptest.NewTLSServer(mux)
	defer secure.Close()
	s, results := newSender(loopback...)
	s.http.Timeout = time.Second // not the ten of production
	for _, c := range []struct {
		url            string
		status         int
		result, reason string
	}{
		{server.URL + "/201", 201, "sent", ""},
		{server.URL + "/endless", 200, "sent", ""},
		{server.URL + "/500", 500, "refused", "responded 500"},
		{server.URL + "/redirect", 307, "refused", "redirects"},
		{server.URL + "/broken", 0, "unreachable", "could not be reached"},
		{server.URL + "/slow", 0, "unreachable", "longer than"},
		{secure.URL + "/201", 0, "unreachable", "certificate"},
		{"https://nowhere.invalid/?token=secret", 0, "unreachable", ""},
	} {
		*results = nil
		status, problem := s.Send(t.Context(), memo.Webhook{URL: c.url}, delivery)
		if status != c.status || !slices.Equal(*results, []string{c.result}) || !strings.Contains(problem, c.reason) ||
			strings.Contains(problem, "token") {
			t.Errorf("%s: %d %q %q, want %d %q %q", c.url, status, *results, problem, c.status, c.result, c.reason)
		}
	}
	if followed {
		t.Error("a redirect was followed")
	}
}

func TestCheckURL(t *testing.T) {
	public, _ := newSender()
	allowed, _ := newSender(netip.MustParsePrefix("10.0.0.0/8"))
	for _, c := range []struct {
		url           string
		ok, ifAllowed bool
	}{
		{"https://example.com/x?y=z", true, true},
		{"https://example.com:8443", true, true},
		{"https://93.184.215.14/", true, true},
		{"https://10.1.2.3/", false, true},
		{"http://10.1.2.3:8080/", false, true},
		{"http://example.com", false, true}, // may have an address in the range
		{"http://93.184.215.14/", false, false},
		{"ftp://example.com", false, false},
		{"//example.com", false, false},
		{"https:example.com", false, false},
		{"https://", false, false},
		{"https://:443/", false, false},
		{"https://u:p@example.com", false, false},
		{"https://example.com/#x", false, false},
		{"https://example.com/?key=mk_live_abc", false, false},
		{"https://example.com/" + strings.Repeat("x", 2000), false, false},
		{"", false, false},
	} {
		if err := public.CheckURL(c.url); (err == nil) != c.ok {
			t.Errorf("%.60s: %v, want it accepted: %v", c.url, err, c.ok)
		}
		if err := allowed.CheckURL(c.url); (err == nil) != c.ifAllowed {
			t.Errorf("%.60s with a range: %v, want it accepted: %v", c.url, err, c.ifAllowed)
		}
	}
}
