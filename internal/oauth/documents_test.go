package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/outbound"
)

// TestDocuments: a document must be small JSON that names its own URL and needs no secret.
func TestDocuments(t *testing.T) {
	var respond func(w http.ResponseWriter, id string)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond(w, "https://"+r.Host+r.URL.Path)
	}))
	defer server.Close()
	send := func(contentType string, fields map[string]any) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, id string) {
			w.Header().Set("Content-Type", contentType)
			doc := map[string]any{"client_id": id, "redirect_uris": []string{callbackForTests}}
			for name, value := range fields {
				doc[name] = value
			}
			_ = json.NewEncoder(w).Encode(doc)
		}
	}
	client := server.Client()
	client.CheckRedirect = newFetchClient(443).CheckRedirect
	for _, c := range []struct {
		name    string
		respond func(http.ResponseWriter, string)
		want    string // the error
	}{
		{"no method", send("application/json", nil), ""},
		{"none", send("application/json; charset=utf-8", map[string]any{"token_endpoint_auth_method": "none"}), ""},
		{"another method and a list with none", send("application/json", map[string]any{
			"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_methods_supported": []string{"none"},
			"grant_types": []string{"authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
		}), ""},
		{
			"a secret", send("application/json", map[string]any{"token_endpoint_auth_method": "client_secret_basic"}),
			"it does not allow the token_endpoint_auth_method none",
		},
		{
			"another id", send("application/json", map[string]any{"client_id": "https://claude.ai/x"}),
			"its client_id is not its own URL",
		},
		{"HTML", send("text/html", nil), "it is not JSON"},
		{
			"6 kB", send("application/json", map[string]any{"client_uri": strings.Repeat("x", 6<<10)}),
			"it is larger than 5 kB",
		},
		{"403", func(w http.ResponseWriter, _ string) { w.WriteHeader(403) }, "it responded 403"},
		{
			"a redirect", func(w http.ResponseWriter, _ string) { w.Header().Set("Location", "/x"); w.WriteHeader(302) },
			"it redirects",
		},
		{"no JSON", func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{")
		}, "it is not valid JSON"},
		{"too slow", func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", "application/json")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}, "it took longer than 5 seconds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			respond, client.Timeout = c.respond, 0
			if c.name == "too slow" {
				client.Timeout = 50 * time.Millisecond
			}
			d, err := fetchWith(client)(t.Context(), server.URL+"/client.json")
			if got := errorText(err); got != c.want {
				t.Errorf("got %+v and %q, want %q", d, got, c.want)
			}
		})
	}
}

const callbackForTests = "http://127.0.0.1/callback"

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestDocumentsComeFromPublicAddresses: no connection is made to an address of this machine or network,
// and the error does not say which address a name has.
func TestDocumentsComeFromPublicAddresses(t *testing.T) {
	reached := false
	canary := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer canary.Close()
	address, err := netip.ParseAddrPort(canary.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(":", address.Port())
	for _, host := range []string{
		"localhost", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "0.0.0.0", "[::]",
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "192.88.99.1",
		"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[fe80::1]", "[fc00::1]",
		"[fec0::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[100::1]", "[2001::1]", "[2001:db8::1]", "[2002:7f00:1::]",
		"[ff02::1]",
	} {
		_, err := fetchWith(newFetchClient(address.Port()))(t.Context(), "https://"+host+port+"/client.json")
		if errorText(err) != "its host has no public address" {
			t.Errorf("%s: got %v", host, err)
		}
	}
	if reached {
		t.Error("a server on this machine was reached")
	}
	_, err = fetchWith(newFetchClient(443))(t.Context(), "https://192.0.43.8:8443/client.json")
	if errorText(err) != "its host has no public address" {
		t.Errorf("another port: got %v", err)
	}
}

// TestDocumentsAreCached: a document and a failure are, but not a fetch that the member did not wait for.
func TestDocumentsAreCached(t *testing.T) {
	const id = "https://host.example/client.json"
	fetched := 0
	var result error
	d := documents{fetch: func(context.Context, string) (document, error) { fetched++; return document{ID: id}, result }}
	find := func(ctx context.Context, want int) {
		t.Helper()
		_, err := d.find(ctx, id, redirect{})
		if fetched != want || err != result {
			t.Errorf("fetched %d times, want %d (%v)", fetched, want, err)
		}
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	result = context.Canceled
	find(left, 1)
	result = outbound.ErrRedirect
	find(t.Context(), 2)
	find(t.Context(), 2)
	d.cached = nil
	result = nil
	find(t.Context(), 3)
	find(t.Context(), 3)
}
