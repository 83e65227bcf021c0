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

// TestHistoryOfThreeReplicas: replicas stand still in turn, as under a
// hypervisor or a debugger, and wake up to calls that have waited for them.
// What ended meanwhile must be ended for them too, with Redis or without. It makes ten
// times -checks calls; the promise is held to 1,000,000 with
//
//	go test ./e2e -run TestHistoryOfThreeReplicas -checks 100000 -timeout 90m -v
func TestHistoryOfThreeReplicas(t *testing.T) {
	redis := testenv.StartRedis(t)
	replicas := startReplicas(t, onPostgres(t), redis.URL(), unlimitedOptions...)
	var urls []string
	for _, s := range replicas {
		urls = append(urls, s.url)
	}
	w := newWorld(t, replicas[0], urls...)
	w.refill()
	calls := 10 * checksNow()
	lived := make(chan struct{})
	go func() {
		defer close(lived)
		w.live(calls)
	}()
	signal := func(s syscall.Signal) func() {
		return func() {
			if err := redis.Process.Signal(s); err != nil {
				t.Error(err)
			}
		}
	}
	nothing := func() {}
	faults := []struct{ cause, mend func() }{
		{nothing, nothing},
		{signal(syscall.SIGSTOP), signal(syscall.SIGCONT)},
		{func() { redis.Do(t, "FLUSHALL") }, nothing},
		{redis.Stop, func() { redis.Restart(t) }},
	}
	var pauses []pause
	for i := 0; !closedWithin(lived, 300*time.Millisecond); i++ {
		fault := faults[i%len(faults)]
		fault.cause()
		pauses = append(pauses, w.pause(replicas[i%len(replicas)], i%len(replicas), lived))
		fault.mend()
	}
	w.mustHold(calls / 20) // a call that a pause caught in the middle is too late to know
	late, all := w.waited(pauses)
	t.Logf("%d pauses: %d calls began in them and waited, %d of them with a key whose end had been acknowledged; %d "+
		"got 503", len(pauses), all, late, w.unsure.Load())
	if late < len(pauses) {
		t.Errorf("the pauses prove little")
	}
}

// pause is a while that a server stood still, in the time of the diary.
type pause struct {
	server   int
	from, to int64
}

// pause stops a server, calls it, and wakes it up. It is over early when the
// world has lived.
func (w *testWorld) pause(s *server, number int, lived <-chan struct{}) pause {
	var visitors sync.WaitGroup
	defer visitors.Wait()
	s.signal(w.t, syscall.SIGSTOP)
	defer s.signal(w.t, syscall.SIGCONT)
	w.still.Store(int64(number + 1))
	defer w.still.Store(0)
	from, over := w.diary.now(), time.After(time.Second+rand.N(time.Second))
	// The server's own clients wait already, with calls from before.
	for range 16 {
		if closedWithin(lived, 50*time.Millisecond) {
			break
		}
		visitors.Go(func() { w.check(w.hot.any(), number) })
	}
	select {
	case <-lived:
	case <-over:
	}
	return pause{number, from, w.diary.now()}
}

// closedWithin waits for a channel to be closed, for so long.
func closedWithin(c <-chan struct{}, d time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(d):
		return false
	}
}

// waited counts the calls that began in a pause and were answered after it, and
// those among them that began after the end of their key was acknowledged: these
// are what a server that has slept must not accept.
func (w *testWorld) waited(pauses []pause) (late, all int) {
	for k, history := range w.diary.checks {
		acknowledged := w.diary.acknowledged(k)
		for _, op := range history {
			for _, p := range pauses {
				if op.ClientId%len(w.urls) == p.server && p.from < op.Call && op.Call < p.to && op.Return > p.to {
					all++
					if acknowledged < op.Call {
						late++
					}
				}
			}
		}
	}
	return late, all
}

// TestLimitOverThreeReplicas: a key has one limit, whichever replicas it is used
// at, and what one replica promises another keeps.
func TestLimitOverThreeReplicas(t *testing.T) {
	t.Parallel()
	for range 3 {
		if limitOverThreeReplicas(t) {
			return
		}
		t.Log("a replica took Redis for dead, on a machine as busy as this; no more is promised then than a bound")
	}
	t.Error("a replica took Redis for dead each time")
}

// limitOverThreeReplicas reports false if it tells nothing, as Redis did not
// decide throughout.
func limitOverThreeReplicas(t *testing.T) bool {
	h := newInstallation(t, onPostgres(t))
	k, meeting := h.newKey(t, "busy"), oneMeeting(t, h)
	replicas := startReplicas(t, h.database, testenv.Redis(t))
	var clients []*apiClient
	for _, s := range replicas {
		clients = append(clients, s.client(k.Key))
	}
	byRedis := func() bool {
		return !slices.ContainsFunc(replicas, func(s *server) bool {
			return strings.Contains(s.stderr.String(),
				"until Redis answers")
		})
	}
	var r record
	call := r.mixed(meeting, clients...)
	const crowd = 30 // 600 at a time keep a small machine from reading what Redis answers
	answers := inCrowd(t, 600, crowd, call)
	if !byRedis() {
		return false
	}
	wait := count(t, answers, "data", 500)
	if testing.Short() || t.Failed() {
		return true // the rest takes a minute
	}
	err := r.waitOut(t, wait, crowd, clients[1], call)
	if err != nil && !byRedis() {
		return false
	}
	if err != nil {
		t.Error(err)
	}
	return true
}
