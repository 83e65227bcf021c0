// The tests are internal because doctor prints its findings only as text and as JSON.
package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// An untrusted proxy, which /readyz reports, gets a finding with the option to set.
func TestDoctorReportsUntrustedProxy(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       bool
	}{
		{"no proxy", `{"status":"ready"}`, false},
		{"an untrusted proxy", `{"status":"ready","proxy":"not trusted"}`, true},
		{"not JSON", `not JSON`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, tt.body)
			}))
			defer s.Close()
			var found findings
			found.public(t.Context(), s.URL)
			i := slices.IndexFunc(found, func(f finding) bool { return f.Check == "proxy" })
			if (i >= 0) != tt.want {
				t.Errorf("findings %+v, want one on the proxy: %v", found, tt.want)
			}
			if i >= 0 && (found[i].State != stateWarning || !strings.Contains(found[i].Fix, "--trusted-proxy ADDRESS")) {
				t.Errorf("the finding is %+v, want a warning that names --trusted-proxy", found[i])
			}
		})
	}
}

// Hosts connect by the URL only if nothing between them and the server swallows or changes its metadata.
func TestDoctorChecksConnectByURL(t *testing.T) {
	for name, c := range map[string]struct {
		path    string
		respond http.HandlerFunc
		state   findingState
		want    string
	}{
		"good":                           {"", serveMetadata, stateOK, "hosts can connect"},
		"a path":                         {"/memo", serveMetadata, stateWarning, "has a path"},
		"a proxy that swallows the path": {"", http.NotFound, stateWarning, "oauth-"},
		"a proxy with a page of its own": {"", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>")
		}, stateWarning, "and not with Memo's metadata"},
		"a proxy that changes the host": {"", func(w http.ResponseWriter, r *http.Request) {
			r.Host = "127.0.0.1:1"
			serveMetadata(w, r)
		}, stateWarning, "http://127.0.0.1:1"},
		"a filter": {"", func(w http.ResponseWriter, r *http.Request) {
			if r.UserAgent() == hostAgent {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			serveMetadata(w, r)
		}, stateWarning, "a filter responds 403 to the agent Claude-User"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(c.respond)
			defer s.Close()
			var found findings
			found.public(t.Context(), s.URL+c.path)
			last := found[len(found)-1]
			if last.Check != "connect by URL" || last.State != c.state || !strings.Contains(last.Message, c.want) {
				t.Errorf("the last finding is %+v, want %q", last, c.want)
			}
		})
	}
}

// serveMetadata responds as Memo does.
func serveMetadata(w http.ResponseWriter, r *http.Request) {
	address := "http://" + r.Host
	if r.URL.Path == oauth.ResourcePath {
		_, _ = io.WriteString(w, `{"resource":"`+address+`/mcp"}`)
		return
	}
	_, _ = io.WriteString(w, `{"issuer":"`+address+`"}`)
}

// If PostgreSQL refuses the user, doctor prints its message and advises to correct the login.
func TestDoctorExplainsRefusedLogin(t *testing.T) {
	url := strings.Replace(testenv.Postgres(t), "user=memo", "user=stranger", 1)
	_, err := store.ReadStatus(t.Context(), store.Config{URL: url})
	if err == nil {
		t.Fatal("PostgreSQL accepted an unknown user")
	}
	var found findings
	found.failed("database", err, "Start it.")
	if text := found[0].Message; !strings.Contains(text, `"stranger"`) || strings.Contains(text, "\n") {
		t.Errorf("the message is %q, want one line that names the user", text)
	}
	if !strings.HasPrefix(found[0].Fix, "Correct the user") || found[0].State != stateFault {
		t.Errorf("the finding is %+v, want a fault that advises to correct the user", found[0])
	}
}
