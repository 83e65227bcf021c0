package bulkhead // reads the bounds of a limiter, and what it has left over

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

// job is one call of Acquire in the property test.
type job struct {
	workspace string
	weight    int64
	cancel    context.CancelFunc
	returns   chan func() // receives a function that stores what Acquire returned
	release   func()
	err       error
	returned  bool
}

// trial is a limiter under test, with the jobs that were started, in their order.
type trial struct {
	*rapid.T
	l    *Limiter
	jobs []*job
}

func (tr *trial) start(workspace string, weight int64) {
	ctx, cancel := context.WithCancel(context.Background())
	j := &job{
		workspace: workspace, weight: min(weight, tr.l.cfg.PerWorkspace), cancel: cancel,
		returns: make(chan func(), 1),
	}
	tr.jobs = append(tr.jobs, j)
	go func() {
		release, err := tr.l.Acquire(ctx, workspace, weight)
		j.returns <- func() { j.release, j.err, j.returned = release, err, true }
	}()
	tr.settle()
}

// settle waits until every goroutine is blocked, and stores the results of the jobs that
// have returned.
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

// check compares the state of the limiter with what its rule requires.
func (tr *trial) check() {
	var used int64
	running := 0
	own, waiting := map[string]int64{}, map[string]int{}
	for _, j := range tr.jobs {
		if j.returned && j.err == nil {
			running++
			used += j.weight
			own[j.workspace] += j.weight
		}
		if !j.returned {
			waiting[j.workspace]++
		}
	}
	if s := tr.l.Stats(); s.Used != used || s.Running != running {
		tr.Fatalf("the limiter counts %+v, want %d jobs with a weight of %d", s, running, used)
	}
	if used > tr.l.cfg.Total {
		tr.Fatalf("a weight of %d is admitted, the total is %d", used, tr.l.cfg.Total)
	}
	// The next job is the first waiting job of the workspace that uses the least, among the
	// workspaces whose first waiting job fits into their bound. Only the total can make it wait.
	var next *job
	first := map[string]bool{}
	for _, j := range tr.jobs {
		if own[j.workspace] > tr.l.cfg.PerWorkspace || waiting[j.workspace] > tr.l.cfg.Waiting {
			tr.Fatalf("workspace %s has a weight of %d, and %d jobs wait", j.workspace, own[j.workspace], waiting[j.workspace])
		}
		if j.returned || first[j.workspace] {
			continue
		}
		first[j.workspace] = true
		if own[j.workspace]+j.weight <= tr.l.cfg.PerWorkspace && (next == nil || own[j.workspace] < own[next.workspace]) {
			next = j
		}
	}
	if next != nil && used+next.weight <= tr.l.cfg.Total {
		tr.Fatalf("a job of workspace %s waits although it fits and is the next", next.workspace)
	}
}

// drop releases or cancels a job and removes it from the trial.
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

// some draws one of the jobs for which matches is true, and skips the step if there is none.
func (tr *trial) some(matches func(*job) bool) *job {
	var jobs []*job
	for _, j := range tr.jobs {
		if matches(j) {
			jobs = append(jobs, j)
		}
	}
	if len(jobs) == 0 {
		tr.Skip("no such job")
	}
	return rapid.SampledFrom(jobs).Draw(tr.T, "job")
}

// noDeadline hides T.Deadline, which must not be called in a synctest bubble.
type noDeadline struct{ rapid.TB }

// TestLimiterFollowsItsRule: the limiter never admits more than the total or a workspace's
// bound, loses no wakeup, and admits waiting jobs in the order that check computes.
func TestLimiterFollowsItsRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(r *rapid.T) {
			total := rapid.Int64Range(1, 12).Draw(r, "total")
			tr := &trial{T: r, l: New(Config{
				Work: "jobs", Total: total, PerWorkspace: rapid.Int64Range(1, total).Draw(r, "workspace"),
				Waiting: 3, Wait: time.Minute,
			})}
			r.Repeat(map[string]func(*rapid.T){
				"acquire": func(r *rapid.T) {
					tr.start(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "workspace"),
						rapid.Int64Range(0, 15).Draw(r, "weight"))
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
						r.Fatalf("a cancelled job has the error %v, want context.Canceled", j.err)
					}
					tr.drop(j)
				},
				"time passes": func(r *rapid.T) {
					time.Sleep(time.Minute)
					tr.settle()
					for _, j := range append([]*job{}, tr.jobs...) {
						if !j.returned {
							r.Fatal("a job waits longer than a minute")
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
			if s := tr.l.Stats(); s.Used != 0 || s.Waiting != 0 || len(tr.l.workspaces) != 0 {
				r.Fatalf("after all jobs have ended: %+v, %d workspaces; want nothing in use", s, len(tr.l.workspaces))
			}
		})
	})
}

func TestConcurrentAcquiresStayWithinBounds(t *testing.T) {
	const total, bound = 10, 4
	l := New(Config{Work: "jobs", Total: total, PerWorkspace: bound, Waiting: 1000, Wait: time.Minute})
	var used, done atomic.Int64
	own := map[string]*atomic.Int64{"a": {}, "b": {}, "c": {}, "d": {}}
	var all sync.WaitGroup
	for workspace, usedByWorkspace := range own {
		for range 50 {
			all.Go(func() {
				for range 40 {
					ctx, cancel := context.WithCancel(context.Background())
					if rand.IntN(8) == 0 {
						time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, cancel)
					}
					weight := rand.Int64N(bound) + 1
					release, err := l.Acquire(ctx, workspace, weight)
					if err == nil {
						if used.Add(weight) > total || usedByWorkspace.Add(weight) > bound {
							t.Error("more than the total or the workspace's bound was admitted")
						}
						used.Add(-weight)
						usedByWorkspace.Add(-weight)
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
		t.Errorf("after %d jobs: %+v, want nothing in use and no refusal", done.Load(), s)
	}
}

func TestWorkBeyondTheCapacityIsRefused(t *testing.T) {
	ctx := context.Background()
	full := func() *Limiter {
		l := New(Config{Work: "searches", Total: 4, PerWorkspace: 2, Waiting: 1, Wait: time.Second})
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
			t.Errorf("got %v, want a refusal that contains %q", err, words)
		}
	}
	for _, c := range []struct {
		name string
		run  func(*testing.T, *Limiter)
	}{
		{"after the wait", func(t *testing.T, l *Limiter) {
			start := time.Now()
			_, err := l.Acquire(ctx, "a", 1)
			refused(t, err, "Too many searches of this workspace are running.")
			if took := time.Since(start); took != time.Second {
				t.Errorf("refused after %v", took)
			}
		}},
		{"at the deadline of the request", func(t *testing.T, l *Limiter) {
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := l.Acquire(short, "a", 1)
			refused(t, err, "of this workspace")
			if took := time.Since(start); took != 100*time.Millisecond {
				t.Errorf("refused after %v", took)
			}
		}},
		{"immediately if too many wait", func(t *testing.T, l *Limiter) {
			go l.Acquire(ctx, "a", 1) //nolint:errcheck // it only waits
			synctest.Wait()
			start := time.Now()
			_, err := l.Acquire(ctx, "a", 1)
			refused(t, err, "of this workspace")
			if took := time.Since(start); took != 0 {
				t.Errorf("refused after %v", took)
			}
			time.Sleep(time.Second)
		}},
		{"because of the work of others", func(t *testing.T, l *Limiter) {
			if _, err := l.Acquire(ctx, "b", 2); err != nil {
				t.Fatal(err)
			}
			_, err := l.Acquire(ctx, "c", 1)
			refused(t, err, "Too many searches are running.")
		}},
		{"cancelled", func(t *testing.T, l *Limiter) {
			canceled, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := l.Acquire(canceled, "b", 1); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			if l.Stats().Refused != 0 {
				t.Error("a cancelled call counts as refused")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, full()) })
		})
	}
}

func TestRequestHoldsItsLargestWeight(t *testing.T) {
	l := New(Config{Work: "reads", Total: 10, PerWorkspace: 8, Wait: time.Millisecond})
	ctx, done := WithRequest(context.Background())
	hold := func(weight, want int64) {
		t.Helper()
		if err := l.Hold(ctx, "a", weight); err != nil {
			t.Fatal(err)
		}
		if got := l.Stats().Used; got != want {
			t.Errorf("a weight of %d is in use, want %d", got, want)
		}
	}
	hold(3, 3)
	hold(2, 3) // it already holds as much
	hold(5, 5)
	hold(100, 8) // limited to the workspace's bound
	hold(100, 8) // a request never waits for itself
	if err := l.Hold(context.Background(), "b", 9); err != nil || l.Stats().Used != 8 {
		t.Errorf("Hold without a request: %v, %+v; want nothing held", err, l.Stats())
	}
	other, end := WithRequest(context.Background())
	defer end()
	if err := l.Hold(other, "a", 1); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("another request: got %v, want unavailable", err)
	}
	done()
	done()
	if l.Stats().Used != 0 {
		t.Errorf("after the end of the request: %+v, want nothing in use", l.Stats())
	}
	if err := l.Hold(ctx, "a", 1); !errors.Is(err, context.Canceled) || l.Stats().Used != 0 {
		t.Errorf("Hold after the end of the request: %v, %+v", err, l.Stats())
	}
}

// TestWorkspaceThatUsesLeastIsNext: a workspace with one job does not wait for all the earlier
// jobs of a busy workspace.
func TestWorkspaceThatUsesLeastIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Work: "searches", Total: 2, PerWorkspace: 2, Wait: time.Minute})
		var order []string
		var mu sync.Mutex
		work := func(workspace string) {
			release, err := l.Acquire(t.Context(), workspace, 1)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, workspace)
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
		// Two jobs end at the same moment, and either of the next two may append first.
		if len(order) != 11 || !slices.Contains(order[2:4], "quiet") {
			t.Errorf("the order was %v, want quiet as third or fourth", order)
		}
	})
}
