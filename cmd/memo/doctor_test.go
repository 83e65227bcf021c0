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

// TestAProxyThatIsNotTrusted: the server says so, and the doctor says what to do.
func TestAProxyThatIsNotTrusted(t *testing.T) {
	for answer, want := range map[string]bool{
		`{"status":"ready"}`:                       false,
		`{"status":"ready","proxy":"not trusted"}`: true,
		`not JSON`: false,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_,
				_ = io.WriteString(w, answer)
		}))
		found := (&doctorCmd{PublicURL: s.URL}).public(&environment{ctx: t.Context()})
		s.Close()
		i := slices.IndexFunc(found, func(f finding) bool { return f.Check == "proxy" })
		if (i >= 0) != want {
			t.Errorf("%s: found %+v", answer, found)
		}
		if i >= 0 && (found[i].State != stateWarning || !strings.Contains(found[i].Fix, "--trusted-proxy ADDRESS")) {
			t.Errorf("%s: %+v", answer, found[i])
		}
	}
}

// TestAStrangerIsToldSo: what PostgreSQL says of a user that it does not let in.
func TestAStrangerIsToldSo(t *testing.T) {
	url := strings.Replace(testenv.Postgres(t), "user=memo", "user=stranger", 1)
	_, err := store.ReadStatus(t.Context(), store.Config{URL: url})
	if err == nil {
		t.Fatal("a stranger was let in")
	}
	if says := errorText(err); !strings.Contains(says, `"stranger"`) || strings.Contains(says, "\n") {
		t.Errorf("it says %q", says)
	}
	if mend := adviceFor(err, "Start it."); !strings.HasPrefix(mend, "Mend the user") {
		t.Errorf("what to do: %s", mend)
	}
}
