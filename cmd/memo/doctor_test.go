// The tests are internal because doctor prints its findings only as text and as JSON.
package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

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
