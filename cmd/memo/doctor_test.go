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
	for body, want := range map[string]bool{
		`{"status":"ready"}`:                       false,
		`{"status":"ready","proxy":"not trusted"}`: true,
		`not JSON`: false,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, body)
		}))
		found := (&doctorCmd{PublicURL: s.URL}).public(&environment{ctx: t.Context()})
		s.Close()
		i := slices.IndexFunc(found, func(f finding) bool { return f.Check == "proxy" })
		if (i >= 0) != want {
			t.Errorf("%s: findings %+v, want one on the proxy: %v", body, found, want)
		}
		if i >= 0 && (found[i].State != stateWarning || !strings.Contains(found[i].Fix, "--trusted-proxy ADDRESS")) {
			t.Errorf("%s: the finding is %+v, want a warning that names --trusted-proxy", body, found[i])
		}
	}
}

// If PostgreSQL refuses the user, doctor prints its message and advises to correct the login.
func TestDoctorExplainsRefusedLogin(t *testing.T) {
	url := strings.Replace(testenv.Postgres(t), "user=memo", "user=stranger", 1)
	_, err := store.ReadStatus(t.Context(), store.Config{URL: url})
	if err == nil {
		t.Fatal("PostgreSQL accepted an unknown user")
	}
	if text := errorText(err); !strings.Contains(text, `"stranger"`) || strings.Contains(text, "\n") {
		t.Errorf("errorText returned %q, want one line that names the user", text)
	}
	if advice := adviceFor(err, "Start it."); !strings.HasPrefix(advice, "Correct the user") {
		t.Errorf("the advice is %q", advice)
	}
}
