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

// faultCase is something that happens to a database, and its end.
type faultCase struct {
	name       string
	begin, end func(*testing.T)
	unseen     bool // it changes no /readyz
}

// faultTime is how long a fault lasts: longer than a caller waits for.
const faultTime = 4 * time.Second

// promisedDelay is how long an answer may take while a database is away. A busy
// machine may be late, the more so with the race detector; the figures are logged.
const promisedDelay = 2 * time.Second

func waitLate() time.Duration {
	if withRace {
		return 2 * time.Second
	}
	return time.Second / 2
}

// TestFaultsOfPostgres: while the database is away, slow or full, callers hear
// so within two seconds, a dead key opens nothing, and when it is back so are
// they, without a restart. With -v it prints the table of docs/operations.md.
func TestFaultsOfPostgres(t *testing.T) {
	t.Parallel()
	pg := testenv.StartPostgres(t, "max_connections=40")
	l := newCrossing(t, pg.Addr)
	h := newInstallation(t, database{"--database", pg.URL(pg.Addr)})
	var giveBack func()
	commits := func(standby string) func(*testing.T) {
		return func(t *testing.T) {
			onPostgresOf(t, pg, `ALTER SYSTEM SET synchronous_standby_names = '`+standby+`'`)
			onPostgresOf(t, pg, `SELECT pg_reload_conf()`)
		}
	}
	for _, f := range []faultCase{
		{name: "refuses connections", begin: func(*testing.T) { l.cut() }, end: func(*testing.T) { l.mend() }},
		{
			name: "stands still", begin: func(*testing.T) { l.spoil("timeout", map[string]any{"timeout": 0}) },
			end: func(*testing.T) { l.mend() },
		},
		{
			name: "answers after 3 s", begin: func(*testing.T) { l.spoil("latency", map[string]any{"latency": 3000}) },
			end: func(*testing.T) { l.mend() },
		},
		{
			name: "answers after 0.5 s", begin: func(*testing.T) { l.spoil("latency", map[string]any{"latency": 500}) },
			end: func(*testing.T) { l.mend() },
		},
		{
			name: "resets connections", begin: func(*testing.T) { l.spoil("reset_peer", map[string]any{"timeout": 0}) },
			end: func(*testing.T) { l.mend() },
		},
		{name: "crashes and starts again", begin: func(*testing.T) { pg.Stop() }, end: func(t *testing.T) {
			if err := pg.Start(); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "waits for its standby at each commit", begin: commits("nobody"), end: commits("")},
		{name: "has a lock on every key", begin: func(t *testing.T) {
			giveBack = onPostgresOf(t, pg, `BEGIN`,
				`SELECT 1 FROM api_keys FOR UPDATE`)
		}, end: func(*testing.T) { giveBack() }},
		{
			name: "has no connection to spare", begin: func(t *testing.T) { giveBack = takeAll(t, pg.URL(pg.Addr)) },
			end: func(*testing.T) { giveBack() },
		},
	} {
		t.Run(f.name, func(t *testing.T) {
			s := start(t, database{"--database", pg.URL(l.Listen)}, unlimitedOptions...)
			r := liveCalls(t, h, s, f)
			if r.count[http.StatusServiceUnavailable] == 0 {
				t.Errorf("nobody met the fault: %v", r.count)
			}
			r.within(t, http.StatusOK, http.StatusNoContent, http.StatusUnauthorized, http.StatusServiceUnavailable)
		})
	}
}

// onPostgresOf runs statements on one connection, which lasts until it is given
// back or the test ends.
func onPostgresOf(t *testing.T, pg *testenv.PostgresServer, statements ...string) (giveBack func()) {
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

// takeAll takes every connection that a PostgreSQL has, those of others too, and
// returns what gives them back.
func takeAll(t *testing.T, url string) (giveBack func()) {
	ctx := context.Background() // that of the test has ended when they are given back
	db, err := sql.Open("pgx", url+"&application_name=greedy")
	if err != nil {
		t.Fatal(err)
	}
	var taken []*sql.Conn
	for range 3 { // others may be as quick
		for {
			c, err := db.Conn(ctx)
			if err != nil {
				break
			}
			taken = append(taken, c)
		}
		_, err := taken[0].ExecContext(ctx,
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'greedy'`)
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

// TestFaultsOfRedis: while Redis is away, slow, empty or full, each replica goes
// on by itself.
func TestFaultsOfRedis(t *testing.T) {
	t.Parallel()
	redis := testenv.StartRedis(t)
	l := newCrossing(t, redis.Addr)
	h := newInstallation(t, onSQLite(t))
	do := func(command string, args ...any) func(*testing.T) {
		return func(t *testing.T) { redis.Do(t, command, args...) }
	}
	for _, f := range []faultCase{
		{name: "refuses connections", begin: func(*testing.T) { l.cut() }, end: func(*testing.T) { l.mend() }},
		{
			name: "stands still", begin: func(*testing.T) { l.spoil("timeout", map[string]any{"timeout": 0}) },
			end: func(*testing.T) { l.mend() },
		},
		{
			name: "answers after 3 s", begin: func(*testing.T) { l.spoil("latency", map[string]any{"latency": 3000}) },
			end: func(*testing.T) { l.mend() },
		},
		{name: "is flushed", begin: do("FLUSHALL"), end: do("FLUSHALL"), unseen: true},
		{name: "is read-only", begin: do("REPLICAOF", "127.0.0.1", "1"), end: do("REPLICAOF", "NO", "ONE")},
		{name: "is out of memory", begin: do("CONFIG", "SET", "maxmemory", "1"), end: do("CONFIG", "SET", "maxmemory", "0")},
		{
			name: "crashes and starts again", begin: func(*testing.T) { redis.Stop() },
			end: func(t *testing.T) { redis.Restart(t) },
		},
	} {
		t.Run(f.name, func(t *testing.T) {
			s := start(t, h.database, append([]string{"--redis", "redis://" + l.Listen}, unlimitedOptions...)...)
			says := func(word string) bool {
				a, err := s.client("").call("GET", "/readyz", nil)
				return err == nil && a.status == http.StatusOK && strings.Contains(string(a.body), word)
			}
			if !says(`"redis"`) {
				t.Fatal("it does not begin with Redis")
			}
			met := f.unseen
			begin := f.begin
			f.begin = func(t *testing.T) {
				begin(t)
				if !f.unseen {
					eventually(t, "/readyz says who decides", func() bool { met = says("own window"); return met })
				}
			}
			r := liveCalls(t, h, s, f)
			if !met {
				t.Error("nobody met the fault")
			}
			r.within(t, http.StatusOK, http.StatusNoContent, http.StatusUnauthorized)
			eventually(t, "Redis decides again", func() bool { return says(`"redis"`) })
		})
	}
}

// faultReport is what callers saw of a fault.
type faultReport struct {
	mu       sync.Mutex
	count    map[int]int // answers by status
	slowest  time.Duration
	recovery time.Duration // from the fault's end to the first good answer
	wrong    []string
}

// liveCalls calls by REST and MCP, with a key that lives and one that is dead, and
// revokes others, before a fault, in it, and until all is well again.
func liveCalls(t *testing.T, h installation, s *server, f faultCase) *faultReport {
	t.Helper()
	alive, dead := h.newKey(t, "alive"), h.newKey(t, "dead")
	cli[namedID](t, h.database, "key", "revoke", dead.ID)
	r := &faultReport{count: map[int]int{}}
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for i := range 4 {
		callers.Go(func() {
			c := s.client([]string{alive.Key, alive.Key, alive.Key, dead.Key}[i])
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
				begun := time.Now()
				var a response
				var err error
				if (i+n)%2 == 0 {
					a, err = c.call("GET", api+"/transcriptions?q=nothing", nil)
				} else {
					a, err = c.send(tool(older, "memo_list_transcriptions", map[string]any{"limit": 1}))
				}
				r.note(c.key == dead.Key, a, err, time.Since(begun))
			}
		})
	}
	owner := s.signIn(t, h.owner)
	var doomed, revoked []newKey
	for range 40 {
		doomed = append(doomed, decode[newKey](t,
			owner.must(t, http.StatusCreated, "POST", api+"/keys", map[string]string{"name": "doomed"})))
	}
	callers.Go(func() { // what an OWNER was told of a revocation holds
		for _, k := range doomed {
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
	// All is well before it: or the fault would be blamed for what was.
	good := s.client(alive.Key)
	eventually(t, "a first answer", func() bool { return isOK(good) })
	f.begin(t)
	time.Sleep(faultTime)
	f.end(t)
	ended := time.Now()
	eventually(t, "it is as before", func() bool { return isOK(good) })
	r.recovery = time.Since(ended)
	close(stop)
	callers.Wait()
	for _, k := range revoked {
		owner.with(k.Key).must(t, http.StatusUnauthorized, "GET", api+"/me", nil)
	}
	t.Logf("| %s | %s | %.1f s | %.1f s |", f.name, r.answers(), r.slowest.Seconds(), r.recovery.Seconds())
	return r
}

func isOK(c *apiClient) bool {
	a, err := c.call("GET", api+"/me", nil)
	return err == nil && a.status == http.StatusOK
}

func (r *faultReport) note(dead bool, a response, err error, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[a.status]++
	r.slowest = max(r.slowest, took)
	switch {
	case err != nil:
		r.wrong = append(r.wrong, err.Error())
	case dead && a.status == http.StatusOK:
		r.wrong = append(r.wrong, "a dead key was accepted")
	case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "":
		r.wrong = append(r.wrong, "503 without Retry-After: "+lastLines(string(a.body), 200))
	}
}

// within wants no other status than these, and every answer in time.
func (r *faultReport) within(t *testing.T, statuses ...int) {
	t.Helper()
	for status := range r.count {
		if !slices.Contains(statuses, status) {
			t.Errorf("%d answers with %d", r.count[status], status)
		}
	}
	for _, w := range slices.Compact(slices.Sorted(slices.Values(r.wrong))) {
		t.Error(w)
	}
	if r.slowest > promisedDelay+waitLate() {
		t.Errorf("an answer took %v", r.slowest)
	}
}

// answers is the statuses with their numbers.
func (r *faultReport) answers() string {
	var words []string
	for _, status := range slices.Sorted(maps.Keys(r.count)) {
		words = append(words, fmt.Sprintf("%d × %d", r.count[status], status))
	}
	return strings.Join(words, ", ")
}
