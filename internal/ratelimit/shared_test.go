package ratelimit // see ratelimit_test.go

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"memoai.tech/memo/internal/testenv"
)

// fleet is several replicas that share a Redis and a clock, which the test moves.
type fleet struct {
	clock    *fakeClock
	working  *Redis
	broken   *Redis // refuses every connection
	replicas []*Shared
}

func newFleet(r *Redis, replicas, limit int) *fleet {
	f := &fleet{clock: &fakeClock{}}
	f.working = emptyRedis(r, map[Class]int{Data: limit}, f.clock)
	f.broken = emptyRedis(r, f.working.limits, f.clock)
	f.broken.client = newRedisClient(serverTimeouts, func() redis.UniversalClient {
		return redis.NewClient(&redis.Options{Dialer: refuse, MaxRetries: -1, DialerRetries: 1})
	})
	for range replicas {
		s := NewShared(f.working, discard)
		s.own.clock = f.clock.read
		s.replicasConfirmed = 0
		f.replicas = append(f.replicas, s)
	}
	f.sendHeartbeats()
	return f
}

func refuse(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("disconnected")
}

// sendHeartbeats sends one heartbeat of each replica. A server does this in the background.
func (f *fleet) sendHeartbeats() {
	for _, s := range f.replicas {
		s.sendHeartbeat()
	}
}

// disconnect makes Redis unavailable to these replicas.
func (f *fleet) disconnect(replicas ...*Shared) {
	for _, s := range replicas {
		s.redis = f.broken
		s.sendHeartbeat()
	}
}

// reconnect makes Redis available to all replicas.
func (f *fleet) reconnect() {
	for _, s := range f.replicas {
		s.redis = f.working
	}
	f.sendHeartbeats()
}

// flush empties Redis, and sends a heartbeat of each replica, so that all of them are counted
// again.
func (f *fleet) flush(t interface{ Fatal(...any) }) {
	f.working.prefix = rand.Text()
	for _, s := range f.replicas {
		if _, err := f.working.heartbeat(s.id, heartbeatExpiry); err != nil {
			t.Fatal(err)
		}
	}
}

// disconnected returns the number of replicas that do not use Redis.
func (f *fleet) disconnected() (n int) {
	for _, s := range f.replicas {
		if byRedis, _, _ := s.State(); !byRedis {
			n++
		}
	}
	return n
}

func (f *fleet) take(s *Shared, calls int) (accepted int) {
	for range calls {
		if d, _ := s.Take(context.Background(), Data, "key"); d.Accepted {
			accepted++
		}
	}
	return accepted
}

// TestBoundHoldsWhileRedisFails checks the bounds in the comment of [Shared] while replicas
// are disconnected and Redis is emptied at random.
func TestBoundHoldsWhileRedisFails(t *testing.T) {
	r := newRedis(t, testenv.Redis(t))
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{1, 2, 7, 12, 30}).Draw(t, "limit")
		count := rapid.IntRange(1, 4).Draw(t, "replicas")
		f, share := newFleet(r, count, limit), max(1, limit/count)
		past := history{failed: -time.Hour}
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			s := f.replicas[rapid.IntRange(0, count-1).Draw(t, "replica")]
			switch rapid.SampledFrom([]string{
				"calls", "calls", "calls", "wait", "wait", "disconnect", "disconnect all", "reconnect", "reconnect", "flush",
			}).Draw(t, "step") {
			case "wait":
				ms := rapid.SampledFrom([]int{1, 500, 5_000, 30_000, 59_999, 60_000, 60_501}).Draw(t, "ms")
				f.clock.add(time.Duration(ms) * time.Millisecond)
				f.sendHeartbeats()
			case "disconnect":
				f.disconnect(s)
			case "disconnect all":
				f.disconnect(f.replicas...)
			case "reconnect":
				f.reconnect()
			case "flush":
				if f.disconnected() < count {
					past.lost = append(past.lost, f.clock.read())
				}
				f.flush(t)
			case "calls":
				byRedis, _, known := s.State()
				if known != count {
					t.Fatalf("a replica counts %d replicas, want %d", known, count)
				}
				for range f.take(s, rapid.IntRange(1, limit+1).Draw(t, "calls")) {
					past.accepted = append(past.accepted, call{f.clock.read(), !byRedis})
				}
			}
			if f.disconnected() > 0 {
				past.failed = f.clock.read()
			}
			if calls, bound := past.bound(f.clock.read(), limit, count, share); calls > bound {
				t.Fatalf("%d calls were accepted within 60 s; %d replicas with the limit %d may accept %d: %+v",
					calls, count, limit, bound, past)
			}
		}
	})
}

// history holds the accepted calls of a subject and the failures of Redis.
type history struct {
	accepted []call
	lost     []time.Duration // when Redis lost its windows unnoticed
	failed   time.Duration   // when a replica was last disconnected
}

type call struct {
	at  time.Duration
	own bool // accepted by a disconnected replica
}

// bound returns how many calls were accepted in the last 60 s, and how many may be.
func (h *history) bound(now time.Duration, limit, replicas, share int) (calls, bound int) {
	own := 0
	for _, c := range h.accepted {
		if now-c.at <= Period {
			calls++
			if c.own {
				own++
			}
		}
	}
	bound = limit
	for _, at := range h.lost {
		if now-at <= Period {
			bound += limit
		}
	}
	switch {
	case own == calls:
		bound = replicas * share
	case now-h.failed <= Period:
		bound += (replicas - 1) * share
	}
	return calls, bound
}

// TestReplicaUsesItsShareWithoutRedis is an example of TestBoundHoldsWhileRedisFails.
func TestReplicaUsesItsShareWithoutRedis(t *testing.T) {
	f := newFleet(newRedis(t, testenv.Redis(t)), 3, 30)
	want := func(desc string, s *Shared, accepted int) {
		t.Helper()
		if got := f.take(s, 40); got != accepted {
			t.Errorf("%s: %d accepted, want %d", desc, got, accepted)
		}
	}
	a, b, c := f.replicas[0], f.replicas[1], f.replicas[2]
	want("with Redis", a, 30)
	f.disconnect(a, b, c)
	want("without Redis, the replica that accepted all", a, 0)
	want("without Redis, a replica that accepted none", b, 10)
	if d, _ := b.Take(t.Context(), Data, "key"); d.Limit != 30 || d.RetryAfter <= 0 || d.RetryAfter > 61*time.Second {
		t.Errorf("the refusal is %+v, want the limit 30 and a retry after up to 61 s", d)
	}
	f.clock.add(61 * time.Second)
	f.reconnect()
	want("just after Redis came back, a replica within its share", b, 10)
	want("just after Redis came back, another replica", c, 10)
	f.clock.add(61 * time.Second)
	want("a minute after Redis came back", b, 30)
	want("another replica with the same limit", c, 0)
}

// TestReplicasAreCounted: a replica uses a higher number immediately, and a lower one only after
// a while, because a Redis that was emptied knows none of the others.
func TestReplicasAreCounted(t *testing.T) {
	f := newFleet(newRedis(t, testenv.Redis(t)), 3, 30)
	s := f.replicas[0]
	for _, step := range []struct {
		desc string
		do   func()
		want int
	}{
		{"all replicas", func() {}, 3},
		{"Redis is emptied", func() { f.working.prefix = rand.Text() }, 3},
		{"no other heartbeat yet", func() { f.clock.add(heartbeatExpiry) }, 3},
		{"no other heartbeat for long", func() { f.clock.add(time.Millisecond) }, 1},
		{"heartbeats of the others again", f.sendHeartbeats, 3},
		{"disconnected", func() { f.disconnect(s) }, 3},
		{"connected again, to an empty Redis", func() {
			f.clock.add(time.Hour)
			f.working.prefix = rand.Text()
			f.reconnect()
		}, 3},
	} {
		step.do()
		s.sendHeartbeat()
		if _, _, n := s.State(); n != step.want {
			t.Errorf("%s: %d replicas, want %d", step.desc, n, step.want)
		}
	}
}

// TestReplicaRecoversFromRedisFaults: during each fault, calls are decided quickly. After it, the
// replica uses Redis again without a restart.
func TestReplicaRecoversFromRedisFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		cause, repair func(*testing.T, *testenv.RedisServer)
	}{
		"is unresponsive": {signal(syscall.SIGSTOP), signal(syscall.SIGCONT)},
		"is killed": {
			func(_ *testing.T, s *testenv.RedisServer) { s.Stop() },
			func(t *testing.T, s *testenv.RedisServer) { s.Restart(t) },
		},
		"is read-only": {command("REPLICAOF", "127.0.0.1", "1"), command("REPLICAOF", "NO", "ONE")},
		"lost its primary": {
			func(t *testing.T, s *testenv.RedisServer) {
				s.Do(t, "CONFIG", "SET", "replica-serve-stale-data", "no")
				s.Do(t, "REPLICAOF", "127.0.0.1", "1")
			}, command("REPLICAOF", "NO", "ONE"),
		},
		"is full": {command("CONFIG", "SET", "maxmemory", "1"), command("CONFIG", "SET", "maxmemory", "0")},
		"forbids the scripts": {
			command("ACL", "SETUSER", "default", "-evalsha", "-eval"),
			command("ACL", "SETUSER", "default", "+evalsha", "+eval"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.StartRedis(t)
			var log testenv.Output
			s := NewShared(newRedisWithServerTimeouts(t, server.URL()), slog.New(slog.NewTextHandler(&log, nil)))
			var background sync.WaitGroup
			ctx, stop := context.WithCancel(t.Context())
			background.Go(func() { s.Run(ctx) })
			defer background.Wait()
			defer stop()

			takeAtOnce(t, s)
			fault.cause(t, server)
			worst := takeAtOnce(t, s)
			waitUntil(t, func() bool { return s.Describe() != "redis" })
			start := time.Now()
			for range 100 {
				s.Take(t.Context(), Data, "another key")
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("100 calls take %v while Redis is known to be unavailable, want at most 1 s", took)
			}
			fault.repair(t, server)
			repaired := time.Now()
			waitUntil(t, func() bool { return s.Describe() == "redis" })
			t.Logf("the slowest call took %v, the return to Redis %v", worst, time.Since(repaired))
			takeAtOnce(t, s)
			waitUntil(t, func() bool { return s.Describe() == "redis" })
			stop()
			background.Wait()
			// On a busy machine there may be more fallbacks than faults.
			_, fallbacks, _ := s.State()
			if falls, returns := strings.Count(log.String(), "level=WARN"),
				strings.Count(log.String(), "level=INFO"); falls != fallbacks || returns != fallbacks {
				t.Errorf("%d fallbacks, but the log has %d warnings and %d returns:\n%s", fallbacks, falls, returns, log.String())
			}
		})
	}
}

// takeAtOnce makes more concurrent calls than there are connections, fails if one takes
// longer than two seconds, and returns the time of the slowest.
func takeAtOnce(t *testing.T, s *Shared) time.Duration {
	t.Helper()
	var wg sync.WaitGroup
	took := make([]time.Duration, 2*maxConnections)
	for i := range took {
		wg.Go(func() {
			start := time.Now()
			if _, err := s.Take(context.Background(), Data, "key"); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(start)
		})
	}
	wg.Wait()
	slowest := slices.Max(took)
	if slowest > 2*time.Second {
		t.Errorf("a call took %v, want at most 2 s", slowest)
	}
	return slowest
}

// TestBoundHoldsWhenRedisCrashesUnderLoad: the bound also holds for calls that are running when
// Redis is killed, and after Redis has come back without its windows.
func TestBoundHoldsWhenRedisCrashesUnderLoad(t *testing.T) {
	server := testenv.StartRedis(t)
	var replicas []*Shared
	for range 3 {
		replicas = append(replicas, NewShared(newRedis(t, server.URL()), discard))
	}
	var accepted atomic.Int64
	var background, flood sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, s := range replicas {
		s.sendHeartbeat() // so that every replica is replicasConfirmed
		background.Go(func() { s.Run(ctx) })
		for range 10 {
			flood.Go(func() {
				for range 200 {
					if d, _ := s.Take(t.Context(), Data, "key"); d.Accepted {
						accepted.Add(1)
					}
				}
			})
		}
	}
	allUse := func(source string) func() bool {
		return func() bool {
			return !slices.ContainsFunc(replicas, func(s *Shared) bool { return s.Describe() != source })
		}
	}
	waitUntil(t, func() bool { return accepted.Load() > 100 })
	server.Stop()
	waitUntil(t, allUse("own window, redis does not answer"))
	server.Restart(t)
	waitUntil(t, allUse("redis"))
	flood.Wait()
	for range 500 {
		for _, s := range replicas {
			if d, _ := s.Take(t.Context(), Data, "key"); d.Accepted {
				accepted.Add(1)
			}
		}
	}
	stop()
	background.Wait()
	if n := accepted.Load(); n < 3*166 || n > 500+2*166 {
		t.Errorf("%d calls were accepted, want %d to %d", n, 3*166, 500+2*166)
	}
}

// TestShortRedisFaultsCauseNoFallback: broken connections are replaced, and a Redis that was
// emptied is used at once.
func TestShortRedisFaultsCauseNoFallback(t *testing.T) {
	server := testenv.StartRedis(t)
	s := NewShared(newRedis(t, server.URL()), discard)
	for name, fault := range map[string]func(){
		"connections killed": func() { server.Do(t, "CLIENT", "KILL", "TYPE", "normal") },
		"emptied":            func() { server.Do(t, "FLUSHALL") },
		"without scripts":    func() { server.Do(t, "SCRIPT", "FLUSH") },
		"restarted":          func() { server.Stop(); server.Restart(t) },
	} {
		takeAtOnce(t, s)
		fault()
		takeAtOnce(t, s)
		if byRedis, fallbacks, _ := s.State(); !byRedis || fallbacks != 0 {
			t.Fatalf("%s: the replica fell back to its own window", name)
		}
	}
}

// TestReplicaStartsWithoutRedis: a replica starts although its user for Redis is unknown, and
// uses Redis as soon as it is known.
func TestReplicaStartsWithoutRedis(t *testing.T) {
	server := testenv.StartRedis(t)
	var log testenv.Output
	s := NewShared(newRedis(t, strings.Replace(server.URL(), "//", "//memo:open-sesame@", 1)),
		slog.New(slog.NewTextHandler(&log, nil)))
	accepted := 0
	for range 500 {
		if d, _ := s.Take(t.Context(), Data, "key"); d.Accepted {
			accepted++
		}
	}
	if want := 500 / assumedReplicas; accepted != want {
		t.Errorf("%d calls were accepted, want %d", accepted, want)
	}
	if s.Describe() != "own window, redis does not answer" || !strings.Contains(log.String(), "WRONGPASS") ||
		strings.Contains(log.String(), "open-sesame") {
		t.Errorf("the limit is on %q, with the log\n%s", s.Describe(), log.String())
	}
	server.Do(t, "ACL", "SETUSER", "memo", "on", ">open-sesame", "~{memo:limit}:*", "+@all")
	s.sendHeartbeat()
	if s.Describe() != "redis" {
		t.Errorf("the limit is on %q, with the log\n%s", s.Describe(), log.String())
	}
}

func command(name string, args ...any) func(*testing.T, *testenv.RedisServer) {
	return func(t *testing.T, s *testenv.RedisServer) {
		t.Helper()
		s.Do(t, name, args...)
	}
}

func signal(sig syscall.Signal) func(*testing.T, *testenv.RedisServer) {
	return func(t *testing.T, s *testenv.RedisServer) {
		t.Helper()
		if err := s.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
}

// waitUntil waits until something has happened in the background.
func waitUntil(t *testing.T, happened func() bool) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for !happened() {
		select {
		case <-timeout:
			t.Fatal("it did not happen within 20 s")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
