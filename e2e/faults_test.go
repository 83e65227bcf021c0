package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"

	"memoai.tech/memo/internal/testenv"
)

// faultCase is a fault of a database or of Redis, and how to end it.
type faultCase struct {
	name        string
	begin, end  func(*testing.T)
	notReported bool // /readyz does not show it
}

// faultTime is how long a fault lasts. It is longer than a caller waits for a response.
const faultTime = 4 * time.Second

// maxDelay is how long a response may take while a database is unavailable.
const maxDelay = 2 * time.Second

// slack is added to maxDelay because the machine may be busy, and more so with the
// race detector. The measured times are logged.
func slack() time.Duration {
	if testenv.Race {
		return 2 * time.Second
	}
	return time.Second / 2
}

// networkFaults are the faults of the network between Memo and the server of a proxy.
func networkFaults(proxy *toxiproxy) []faultCase {
	repair := func(*testing.T) { proxy.repair() }
	return []faultCase{
		{name: "refuses connections", begin: func(*testing.T) { proxy.refuseConnections() }, end: repair},
		{
			name:  "is unresponsive",
			begin: func(*testing.T) { proxy.addToxic("timeout", map[string]any{"timeout": 0}) },
			end:   repair,
		},
		{
			name:  "answers after 3 s",
			begin: func(*testing.T) { proxy.addToxic("latency", map[string]any{"latency": 3000}) },
			end:   repair,
		},
	}
}

// TestFaultsOfPostgres: while PostgreSQL is unavailable, slow or out of connections,
// callers get a response within two seconds and no inactive key is accepted. When
// PostgreSQL is available again, calls succeed without a restart. With -v the test
// prints the table of docs/operations.md.
func TestFaultsOfPostgres(t *testing.T) {
	t.Parallel()
	pg := testenv.StartPostgres(t, "max_connections=40")
	proxy := startToxiproxy(t, pg.Addr)
	h := newInstallation(t, database{"--database", pg.URL(pg.Addr)})
	var release func()
	commits := func(standby string) func(*testing.T) {
		return func(t *testing.T) {
			execPostgres(t, pg, `ALTER SYSTEM SET synchronous_standby_names = '`+standby+`'`)
			execPostgres(t, pg, `SELECT pg_reload_conf()`)
		}
	}
	for _, f := range append(networkFaults(proxy), []faultCase{
		{
			name:  "answers after 0.5 s",
			begin: func(*testing.T) { proxy.addToxic("latency", map[string]any{"latency": 500}) },
			end:   func(*testing.T) { proxy.repair() },
		},
		{
			name:  "resets connections",
			begin: func(*testing.T) { proxy.addToxic("reset_peer", map[string]any{"timeout": 0}) },
			end:   func(*testing.T) { proxy.repair() },
		},
		{name: "crashes and starts again", begin: func(*testing.T) { pg.Stop() }, end: func(t *testing.T) {
			if err := pg.Start(); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "waits for its standby at each commit", begin: commits("missing"), end: commits("")},
		{
			name: "has a lock on every key",
			begin: func(t *testing.T) {
				release = execPostgres(t, pg, `BEGIN`, `SELECT 1 FROM api_keys FOR UPDATE`)
			},
			end: func(*testing.T) { release() },
		},
		{
			name:  "has no free connection",
			begin: func(t *testing.T) { release = takeAllConnections(t, pg.URL(pg.Addr)) },
			end:   func(*testing.T) { release() },
		},
	}...) {
		t.Run(f.name, func(t *testing.T) {
			s := start(t, database{"--database", pg.URL(proxy.Listen)}, withoutLimits...)
			r := callDuring(t, h, s, f)
			if r.count[http.StatusServiceUnavailable] == 0 {
				t.Errorf("no call was affected by the fault: %v", r.count)
			}
			r.mustAllow(t, http.StatusOK, http.StatusNoContent, http.StatusUnauthorized, http.StatusServiceUnavailable)
		})
	}
}

// execPostgres runs statements on one connection, which stays open until release is
// called or the test ends.
func execPostgres(t *testing.T, pg *testenv.PostgresServer, statements ...string) (release func()) {
	t.Helper()
	ctx := context.Background()
	db, err := sql.Open("pgx", pg.URL(pg.Addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	return func() { conn.Close(); db.Close() }
}

// takeAllConnections takes every connection of a PostgreSQL, including those of other
// clients. The returned function releases them.
func takeAllConnections(t *testing.T, url string) (release func()) {
	ctx := context.Background() // the context of the test has ended when they are released
	db, err := sql.Open("pgx", url+"&application_name=greedy")
	if err != nil {
		t.Fatal(err)
	}
	var taken []*sql.Conn
	for range 3 { // other clients may take one first
		for {
			c, err := db.Conn(ctx)
			if err != nil {
				break
			}
			taken = append(taken, c)
		}
		_, err := taken[0].ExecContext(ctx,
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			 WHERE backend_type = 'client backend' AND application_name <> 'greedy'`)
		if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, c := range taken {
			c.Close()
		}
		db.Close()
	}
}

// TestFaultsOfRedis: while Redis is unavailable, slow, empty or full, each replica
// counts separately and callers notice nothing.
func TestFaultsOfRedis(t *testing.T) {
	t.Parallel()
	redis := testenv.StartRedis(t)
	proxy := startToxiproxy(t, redis.Addr)
	h := newInstallation(t, onSQLite(t))
	do := func(command string, args ...any) func(*testing.T) {
		return func(t *testing.T) { redis.Do(t, command, args...) }
	}
	for _, f := range append(networkFaults(proxy), []faultCase{
		{name: "is flushed", begin: do("FLUSHALL"), end: do("FLUSHALL"), notReported: true},
		{name: "is read-only", begin: do("REPLICAOF", "127.0.0.1", "1"), end: do("REPLICAOF", "NO", "ONE")},
		{name: "is out of memory", begin: do("CONFIG", "SET", "maxmemory", "1"), end: do("CONFIG", "SET", "maxmemory", "0")},
		{
			name: "crashes and starts again", begin: func(*testing.T) { redis.Stop() },
			end: func(t *testing.T) { redis.Restart(t) },
		},
	}...) {
		t.Run(f.name, func(t *testing.T) {
			s := start(t, h.database, append([]string{"--redis", "redis://" + proxy.Listen}, withoutLimits...)...)
			reports := func(word string) bool {
				a, err := s.client("").call("GET", "/readyz", nil)
				return err == nil && a.status == http.StatusOK && strings.Contains(string(a.body), word)
			}
			if !reports(`"redis"`) {
				t.Fatal("/readyz does not report Redis before the fault")
			}
			noticed := f.notReported
			begin := f.begin
			f.begin = func(t *testing.T) {
				begin(t)
				if !f.notReported {
					eventually(t, "/readyz reports the replica's own window", func() bool {
						noticed = reports("own window")
						return noticed
					})
				}
			}
			r := callDuring(t, h, s, f)
			if !noticed {
				t.Error("/readyz did not show the fault")
			}
			r.mustAllow(t, http.StatusOK, http.StatusNoContent, http.StatusUnauthorized)
			eventually(t, "/readyz reports Redis again", func() bool { return reports(`"redis"`) })
		})
	}
}

// faultReport is how callers experienced a fault.
type faultReport struct {
	mu       sync.Mutex
	count    map[int]int // responses by status
	slowest  time.Duration
	recovery time.Duration // from the end of the fault to the first 200
	wrong    []string
}

// callDuring makes calls over REST and MCP, with an active and a revoked key, and
// revokes other keys: before a fault, during it, and until calls succeed again.
func callDuring(t *testing.T, h installation, s *server, f faultCase) *faultReport {
	t.Helper()
	activeKey, revokedKey := h.newKey(t, "active"), h.newKey(t, "revoked")
	cli[namedID](t, h.database, "key", "revoke", revokedKey.ID)
	r := &faultReport{count: map[int]int{}}
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for i := range 4 {
		callers.Go(func() {
			c := s.client([]string{activeKey.Key, activeKey.Key, activeKey.Key, revokedKey.Key}[i])
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(40 * time.Millisecond):
				}
				begun := time.Now()
				var a response
				var err error
				if (i+n)%2 == 0 {
					a, err = c.call("GET", api+"/transcriptions?q=nothing", nil)
				} else {
					a, err = c.send(tool(older, "memo_list_transcriptions", map[string]any{"limit": 1}))
				}
				r.note(c.key == revokedKey.Key, a, err, time.Since(begun))
			}
		})
	}
	owner := s.signIn(t, h.owner)
	var toRevoke, revoked []newKey
	for range 40 {
		toRevoke = append(toRevoke, decode[newKey](t,
			owner.must(t, http.StatusCreated, "POST", api+"/keys", map[string]string{"name": "to revoke"})))
	}
	callers.Go(func() { // after 204, the key must be refused
		for _, k := range toRevoke {
			select {
			case <-stop:
				return
			case <-time.After(faultTime / 40):
			}
			begun := time.Now()
			a, err := owner.call("DELETE", api+"/keys/"+k.ID, nil)
			r.note(false, a, err, time.Since(begun))
			if err == nil && a.status == http.StatusNoContent {
				revoked = append(revoked, k)
				begun := time.Now()
				a, err := owner.with(k.Key).call("GET", api+"/me", nil)
				r.note(true, a, err, time.Since(begun))
			}
		}
	})
	// Calls must succeed before the fault, so that a failure is the result of the fault.
	client := s.client(activeKey.Key)
	eventually(t, "the first call succeeds", func() bool { return isOK(client) })
	f.begin(t)
	time.Sleep(faultTime)
	f.end(t)
	ended := time.Now()
	eventually(t, "calls succeed after the fault", func() bool { return isOK(client) })
	r.recovery = time.Since(ended)
	close(stop)
	callers.Wait()
	for _, k := range revoked {
		owner.with(k.Key).must(t, http.StatusUnauthorized, "GET", api+"/me", nil)
	}
	t.Logf("| %s | %s | %.1f s | %.1f s |", f.name, r.summary(), r.slowest.Seconds(), r.recovery.Seconds())
	return r
}

func isOK(c *apiClient) bool {
	a, err := c.call("GET", api+"/me", nil)
	return err == nil && a.status == http.StatusOK
}

func (r *faultReport) note(inactive bool, a response, err error, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[a.status]++
	r.slowest = max(r.slowest, took)
	switch {
	case err != nil:
		r.wrong = append(r.wrong, err.Error())
	case inactive && a.status == http.StatusOK:
		r.wrong = append(r.wrong, "an inactive key was accepted")
	case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "":
		r.wrong = append(r.wrong, "503 without Retry-After: "+tail(string(a.body), 200))
	}
}

// mustAllow fails the test if there was another status, a wrong response or a late one.
func (r *faultReport) mustAllow(t *testing.T, statuses ...int) {
	t.Helper()
	for status := range r.count {
		if !slices.Contains(statuses, status) {
			t.Errorf("%d unexpected responses with status %d", r.count[status], status)
		}
	}
	for _, w := range slices.Compact(slices.Sorted(slices.Values(r.wrong))) {
		t.Error(w)
	}
	if r.slowest > maxDelay+slack() {
		t.Errorf("a response took %v", r.slowest)
	}
}

// summary lists how often each status occurred.
func (r *faultReport) summary() string {
	var words []string
	for _, status := range slices.Sorted(maps.Keys(r.count)) {
		words = append(words, fmt.Sprintf("%d × %d", r.count[status], status))
	}
	return strings.Join(words, ", ")
}
