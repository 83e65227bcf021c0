package e2e

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

// startReplicas starts three servers on one database and one Redis.
func startReplicas(t *testing.T, p database, redis string, args ...string) (all []*server) {
	t.Helper()
	for range 3 {
		all = append(all, start(t, p, slices.Concat(args, []string{"--redis", redis})...))
	}
	return all
}

// TestHistoryOfThreeReplicas pauses the replicas in turn, as a hypervisor or a
// debugger does. When one resumes, calls are waiting for it. It must refuse the
// keys that ended in the meantime, whether Redis answers or not. The test makes three
// times -checks calls. For 1,000,000 calls:
//
//	go test ./e2e -run TestHistoryOfThreeReplicas -checks 333333 -timeout 90m -v
func TestHistoryOfThreeReplicas(t *testing.T) {
	redis := testenv.StartRedis(t)
	replicas := startReplicas(t, onPostgres(t), redis.URL(), withoutLimits...)
	var urls []string
	for _, s := range replicas {
		urls = append(urls, s.url)
	}
	w := newWorld(t, replicas[0], urls...)
	w.refill()
	calls := 3 * *historyChecks
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.makeCalls(calls)
	}()
	signal := func(s syscall.Signal) func() {
		return func() {
			if err := redis.Process.Signal(s); err != nil {
				t.Error(err)
			}
		}
	}
	nothing := func() {}
	faults := []struct{ begin, end func() }{
		{nothing, nothing},
		{signal(syscall.SIGSTOP), signal(syscall.SIGCONT)},
		{func() { redis.Do(t, "FLUSHALL") }, nothing},
		{redis.Stop, func() { redis.Restart(t) }},
	}
	var pauses []pause
	for i := 0; !closedWithin(done, 300*time.Millisecond); i++ {
		fault := faults[i%len(faults)]
		fault.begin()
		pauses = append(pauses, w.pause(replicas[i%len(replicas)], i%len(replicas), done))
		fault.end()
	}
	w.mustBeConsistent(calls / 20) // a call that a pause interrupts may miss its deadline
	afterEnd, all := w.countWaiting(pauses)
	t.Logf("%d pauses: %d calls began in them and waited, %d of them with a key whose end was acknowledged; %d got 503",
		len(pauses), all, afterEnd, w.unavailable.Load())
	if afterEnd < len(pauses) {
		t.Errorf("only %d calls with ended keys waited in %d pauses, too few for a meaningful test", afterEnd, len(pauses))
	}
}

// pause is a time in which a server was paused, on the clock of the history.
type pause struct {
	server   int
	from, to int64
}

// pause pauses a server for one to two seconds, or until done is closed, and makes
// calls to it in that time.
func (w *testWorld) pause(s *server, number int, done <-chan struct{}) pause {
	var callers sync.WaitGroup
	defer callers.Wait()
	s.signal(w.t, syscall.SIGSTOP)
	defer s.signal(w.t, syscall.SIGCONT)
	w.paused.Store(int64(number + 1))
	defer w.paused.Store(0)
	from, timeout := w.history.now(), time.After(time.Second+rand.N(time.Second))
	// The clients of this server are already waiting, with calls that began earlier.
	for range 16 {
		if closedWithin(done, 50*time.Millisecond) {
			break
		}
		callers.Go(func() { w.check(w.busy.random(), number) })
	}
	select {
	case <-done:
	case <-timeout:
	}
	return pause{number, from, w.history.now()}
}

// closedWithin waits for at most d and reports whether the channel was closed.
func closedWithin(c <-chan struct{}, d time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(d):
		return false
	}
}

// countWaiting counts the calls that began in a pause and got their response after
// it (all), and those of them that began after the end of their key was
// acknowledged (afterEnd), which the resumed server must refuse.
func (w *testWorld) countWaiting(pauses []pause) (afterEnd, all int) {
	for k, history := range w.history.checks {
		endAcknowledged := w.history.endAcknowledged(k)
		for _, op := range history {
			for _, p := range pauses {
				if op.ClientId%len(w.urls) == p.server && p.from < op.Call && op.Call < p.to && op.Return > p.to {
					all++
					if endAcknowledged < op.Call {
						afterEnd++
					}
				}
			}
		}
	}
	return afterEnd, all
}

// TestLimitOverThreeReplicas: a key has one limit over all replicas, and the
// Retry-After of one replica holds on another.
func TestLimitOverThreeReplicas(t *testing.T) {
	t.Parallel()
	for range 3 {
		if limitOverThreeReplicas(t) {
			return
		}
		t.Log("Redis counted as unavailable on this busy machine, so the limit is not exact; trying again")
	}
	t.Error("Redis counted as unavailable in every attempt")
}

// limitOverThreeReplicas reports false if a replica did not use Redis all the time, so
// that the limit need not be exact.
func limitOverThreeReplicas(t *testing.T) bool {
	h := newInstallation(t, onPostgres(t))
	k, id := h.newKey(t, "busy"), importMeeting(t, h)
	replicas := startReplicas(t, h.database, testenv.Redis(t))
	var clients []*apiClient
	for _, s := range replicas {
		clients = append(clients, s.client(k.Key))
	}
	redisDecided := func() bool {
		return !slices.ContainsFunc(replicas, func(s *server) bool {
			return strings.Contains(s.stderr.String(), "until Redis recovers")
		})
	}
	var r record
	call := r.mixedCall(id, clients...)
	const parallel = 30 // with 600, a small machine would not read the responses of Redis in time
	responses := concurrently(t, 600, parallel, call)
	if !redisDecided() {
		return false
	}
	wait := mustAccept(t, responses, "data", 500)
	if testing.Short() || t.Failed() {
		return true // the rest takes a minute
	}
	err := r.waitAndCheck(t, wait, parallel, clients[1], call)
	if err != nil && !redisDecided() {
		return false
	}
	if err != nil {
		t.Error(err)
	}
	return true
}
