package bulkhead

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"memoai.tech/memo"
)

// job is an acquisition in the property test.
type job struct {
	tenant   string
	weight   int64
	cancel   context.CancelFunc
	returns  chan func() // sets what Acquire returned
	release  func()
	err      error
	returned bool
}

// trial is a limiter under test, next to the jobs that were given to it, in the
// order in which they came.
type trial struct {
	*rapid.T
	l    *Limiter
	jobs []*job
}

func (tr *trial) start(tenant string, weight int64) {
	ctx, cancel := context.WithCancel(context.Background())
	j := &job{tenant: tenant, weight: min(weight, tr.l.cfg.Tenant), cancel: cancel, returns: make(chan func(), 1)}
	tr.jobs = append(tr.jobs, j)
	go func() {
		release, err := tr.l.Acquire(ctx, tenant, weight)
		j.returns <- func() { j.release, j.err, j.returned = release, err, true }
	}()
	tr.settle()
}

// settle waits until nothing moves, and takes in what has returned.
func (tr *trial) settle() {
	synctest.Wait()
	for _, j := range tr.jobs {
		select {
		case set := <-j.returns:
			set()
		default:
		}
	}
}

// check compares the limiter with the rule that it follows.
func (tr *trial) check() {
	var used int64
	running := 0
	own, waiting := map[string]int64{}, map[string]int{}
	for _, j := range tr.jobs {
		if j.returned && j.err == nil {
			running++
			used += j.weight
			own[j.tenant] += j.weight
		}
		if !j.returned {
			waiting[j.tenant]++
		}
	}
	if s := tr.l.Stats(); s.Used != used || s.Running != running {
		tr.Fatalf("the limiter counts %+v, and %d are admitted with %d", s, running, used)
	}
	if used > tr.l.cfg.Total {
		tr.Fatalf("%d of %d are admitted", used, tr.l.cfg.Total)
	}
	// The next is the first that waits of the tenant that has the least, among those
	// that have room for it, and it waits only for room in the total.
	var next *job
	first := map[string]bool{}
	for _, j := range tr.jobs {
		if own[j.tenant] > tr.l.cfg.Tenant || waiting[j.tenant] > tr.l.cfg.Waiting {
			tr.Fatalf("tenant %s has %d, and %d wait", j.tenant, own[j.tenant], waiting[j.tenant])
		}
		if j.returned || first[j.tenant] {
			continue
		}
		first[j.tenant] = true
		if own[j.tenant]+j.weight <= tr.l.cfg.Tenant && (next == nil || own[j.tenant] < own[next.tenant]) {
			next = j
		}
	}
	if next != nil && used+next.weight <= tr.l.cfg.Total {
		tr.Fatalf("work of tenant %s waits, though it fits and is the next", next.tenant)
	}
}

// drop ends jobs that have returned, and forgets them.
func (tr *trial) drop(j *job) {
	if j.release != nil {
		j.release()
		j.release()
	}
	j.cancel()
	for i := range tr.jobs {
		if tr.jobs[i] == j {
			tr.jobs = append(tr.jobs[:i], tr.jobs[i+1:]...)
			break
		}
	}
	tr.settle()
}

func (tr *trial) some(is func(*job) bool) *job {
	var some []*job
	for _, j := range tr.jobs {
		if is(j) {
			some = append(some, j)
		}
	}
	if len(some) == 0 {
		tr.Skip("there is none")
	}
	return rapid.SampledFrom(some).Draw(tr.T, "job")
}

// noDeadline hides T.Deadline, which must not be called in a bubble.
type noDeadline struct{ rapid.TB }

// TestLimiterFollowsItsRule: never above the total or a tenant's part, no lost
// wakeup, first in first out but for tenants at their own bound.
func TestLimiterFollowsItsRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(r *rapid.T) {
			total := rapid.Int64Range(1, 12).Draw(r, "total")
			tr := &trial{T: r, l: New(Config{
				Work: "jobs", Total: total, Tenant: rapid.Int64Range(1, total).Draw(r, "tenant"),
				Waiting: 3, Wait: time.Minute,
			})}
			r.Repeat(map[string]func(*rapid.T){
				"acquire": func(r *rapid.T) {
					tr.start(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "tenant"), rapid.Int64Range(0, 15).Draw(r, "weight"))
					j := tr.jobs[len(tr.jobs)-1]
					j.weight = max(j.weight, 1)
					if j.returned && j.err != nil {
						tr.drop(j)
					}
				},
				"release": func(r *rapid.T) {
					tr.drop(tr.some(func(j *job) bool { return j.returned }))
				},
				"cancel": func(r *rapid.T) {
					j := tr.some(func(j *job) bool { return !j.returned })
					j.cancel()
					tr.settle()
					if !errors.Is(j.err, context.Canceled) {
						r.Fatalf("a cancelled job has the error %v", j.err)
					}
					tr.drop(j)
				},
				"time passes": func(r *rapid.T) {
					time.Sleep(time.Minute)
					tr.settle()
					for _, j := range append([]*job{}, tr.jobs...) {
						if !j.returned {
							r.Fatal("a job waits for longer than a minute")
						}
						if j.err != nil {
							tr.drop(j)
						}
					}
				},
				"": func(*rapid.T) { tr.check() },
			})
			for len(tr.jobs) > 0 {
				j := tr.jobs[0]
				j.cancel()
				tr.settle()
				tr.drop(j)
			}
			if s := tr.l.Stats(); s.Used != 0 || s.Waiting != 0 || len(tr.l.tenants) != 0 {
				r.Fatalf("after the end: %+v, %d tenants", s, len(tr.l.tenants))
			}
		})
	})
}

func TestManyAtOnce(t *testing.T) {
	const total, part = 10, 4
	l := New(Config{Work: "jobs", Total: total, Tenant: part, Waiting: 1000, Wait: time.Minute})
	var used, done atomic.Int64
	own := map[string]*atomic.Int64{"a": {}, "b": {}, "c": {}, "d": {}}
	var all sync.WaitGroup
	for tenant, mine := range own {
		for range 50 {
			all.Go(func() {
				for range 40 {
					ctx, cancel := context.WithCancel(context.Background())
					if rand.IntN(8) == 0 {
						time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, cancel)
					}
					weight := rand.Int64N(part) + 1
					release, err := l.Acquire(ctx, tenant, weight)
					if err == nil {
						if used.Add(weight) > total || mine.Add(weight) > part {
							t.Error("too much was admitted")
						}
						used.Add(-weight)
						mine.Add(-weight)
						release()
						done.Add(1)
					}
					cancel()
				}
			})
		}
	}
	all.Wait()
	if s := l.Stats(); s.Used != 0 || s.Waiting != 0 || s.Refused != 0 || done.Load() == 0 {
		t.Errorf("%+v after %d jobs", s, done.Load())
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	full := func() *Limiter {
		l := New(Config{Work: "searches", Total: 4, Tenant: 2, Waiting: 1, Wait: time.Second})
		for range 2 {
			if _, err := l.Acquire(ctx, "a", 1); err != nil {
				t.Fatal(err)
			}
		}
		return l
	}
	refused := func(t *testing.T, err error, words string) {
		t.Helper()
		e, ok := errors.AsType[*memo.Error](err)
		if !ok || e.Kind != memo.KindUnavailable || e.RetryAfter < time.Second || e.RetryAfter > 5*time.Second ||
			!strings.Contains(e.Message, words) {
			t.Errorf("refused with %v, want words %q", err, words)
		}
	}
	for _, c := range []struct {
		name string
		run  func(*testing.T, *Limiter)
	}{
		{"after the wait", func(t *testing.T, l *Limiter) {
			begun := time.Now()
			_, err := l.Acquire(ctx, "a", 1)
			refused(t, err, "Too many searches of this workspace are running.")
			if took := time.Since(begun); took != time.Second {
				t.Errorf("after %v", took)
			}
		}},
		{"at the deadline of the request", func(t *testing.T, l *Limiter) {
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			begun := time.Now()
			_, err := l.Acquire(short, "a", 1)
			refused(t, err, "of this workspace")
			if took := time.Since(begun); took != 100*time.Millisecond {
				t.Errorf("after %v", took)
			}
		}},
		{"at once when too many wait", func(t *testing.T, l *Limiter) {
			go l.Acquire(ctx, "a", 1) //nolint:errcheck // it waits
			synctest.Wait()
			begun := time.Now()
			_, err := l.Acquire(ctx, "a", 1)
			refused(t, err, "of this workspace")
			if took := time.Since(begun); took != 0 {
				t.Errorf("after %v", took)
			}
			time.Sleep(time.Second)
		}},
		{"for the work of others", func(t *testing.T, l *Limiter) {
			if _, err := l.Acquire(ctx, "b", 2); err != nil {
				t.Fatal(err)
			}
			_, err := l.Acquire(ctx, "c", 1)
			refused(t, err, "Too many searches are running.")
		}},
		{"cancelled", func(t *testing.T, l *Limiter) {
			gone, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := l.Acquire(gone, "b", 1); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if l.Stats().Refused != 0 {
				t.Error("a client that left counts as refused")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, full()) })
		})
	}
}

func TestScope(t *testing.T) {
	l := New(Config{Work: "reads", Total: 10, Tenant: 8, Wait: time.Millisecond})
	ctx, done := NewScope(context.Background())
	hold := func(weight, want int64) {
		t.Helper()
		if err := l.Hold(ctx, "a", weight); err != nil {
			t.Fatal(err)
		}
		if got := l.Stats().Used; got != want {
			t.Errorf("%d are held, want %d", got, want)
		}
	}
	hold(3, 3)
	hold(2, 3) // it has as much
	hold(5, 5)
	hold(100, 8) // cut to the tenant's part
	hold(100, 8) // a request never waits for itself
	if err := l.Hold(context.Background(), "b", 9); err != nil || l.Stats().Used != 8 {
		t.Errorf("without a scope: %v, %+v", err, l.Stats())
	}
	other, end := NewScope(context.Background())
	defer end()
	if err := l.Hold(other, "a", 1); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("another request got %v", err)
	}
	done()
	done()
	if l.Stats().Used != 0 {
		t.Errorf("after the end: %+v", l.Stats())
	}
	if err := l.Hold(ctx, "a", 1); !errors.Is(err, context.Canceled) || l.Stats().Used != 0 {
		t.Errorf("after the end: %v, %+v", err, l.Stats())
	}
}

// TestTheOneThatUsesTheLeastIsNext: tenants that ask in a loop do not make another
// wait for all that they have asked for before.
func TestTheOneThatUsesTheLeastIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Work: "searches", Total: 2, Tenant: 2, Wait: time.Minute})
		var order []string
		var mu sync.Mutex
		work := func(tenant string) {
			release, err := l.Acquire(t.Context(), tenant, 1)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, tenant)
			mu.Unlock()
			time.Sleep(time.Second)
			release()
		}
		for range 10 {
			go work("busy")
			synctest.Wait()
		}
		go work("quiet")
		synctest.Wait()
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		// Two places become free at the same moment, and either goroutine may note it first.
		if len(order) != 11 || !slices.Contains(order[2:4], "quiet") {
			t.Errorf("the order was %v", order)
		}
	})
}
