package e2e

import (
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo/internal/testenv"
)

// TestFailoverOfRedis: when the primary of a Redis with Sentinels crashes, callers notice
// nothing, and the server uses the new primary without a restart. With -v the test prints the
// row of docs/operations.md.
func TestFailoverOfRedis(t *testing.T) {
	t.Parallel()
	redis := testenv.StartSentinels(t)
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database, append([]string{"--redis", redis.URL}, withoutLimits...)...)
	reports := func(word string) func() bool {
		return func() bool {
			a, err := s.client("").call("GET", "/readyz", nil)
			return err == nil && a.status == http.StatusOK && strings.Contains(string(a.body), word)
		}
	}
	eventually(t, "/readyz reports Redis", reports(`"redis"`))
	r := callDuring(t, h, s, faultCase{
		name: "fails over",
		begin: func(t *testing.T) {
			redis.Servers[0].Stop()
			eventually(t, "/readyz reports the replica's own window", reports("own window"))
			eventually(t, "/readyz reports the new primary", reports(`"redis"`))
		},
		end: func(*testing.T) {},
	})
	r.mustAllow(t, http.StatusOK, http.StatusNoContent, http.StatusUnauthorized)
	if !reports(`"redis"`)() {
		t.Error("/readyz does not report Redis after the failover")
	}
}
