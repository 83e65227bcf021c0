// Package bulkhead shares the capacity of a server between workspaces, so that none
// can use all of it. A [Limiter] admits work by its weight, up to a bound for each
// workspace and a bound for all workspaces. Work that does not fit waits for a short
// time, and is refused if it still does not fit. When capacity becomes free, the
// waiting workspace that uses the least is served first. The work of a request, which
// [WithRequest] starts, holds admitted work until the response has been written.
package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"memoai.tech/memo"
)

// Config configures a limiter.
type Config struct {
	// Work names the work in error messages, in the plural: "searches".
	Work string
	// Total is the maximum weight that is admitted at the same time, PerWorkspace the
	// maximum for one workspace. Values below 1 mean 1.
	Total, PerWorkspace int64
	// Waiting is how many calls of Acquire may wait for one workspace; 0 means 64.
	Waiting int
	// Wait is the longest time that a call of Acquire waits; 0 means 5 seconds.
	Wait time.Duration
}

// Limiter admits work. Use [New] to make one.
type Limiter struct {
	cfg Config

	mu         sync.Mutex
	used       int64
	running    int
	workspaces map[string]*workspace // those with admitted or waiting work
	queue      []*waiter             // in order of arrival
	refused    int64
}

type workspace struct {
	used    int64
	waiting int
}

type waiter struct {
	workspace string
	weight    int64
	granted   chan struct{} // closed on admission, with the lock held
}

// New returns a limiter.
func New(cfg Config) *Limiter {
	cfg.Total, cfg.PerWorkspace = max(cfg.Total, 1), max(min(cfg.PerWorkspace, cfg.Total), 1)
	if cfg.Waiting <= 0 {
		cfg.Waiting = 64
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 5 * time.Second
	}
	return &Limiter{cfg: cfg, workspaces: map[string]*workspace{}}
}

// Acquire admits work of a workspace. The caller must call release when the work has
// ended; further calls of release do nothing. A weight above the workspace's bound
// counts as that bound, so that one large piece of work can run alone.
//
// If the work does not fit, Acquire waits until it does, for at most [Config.Wait]
// and until the deadline of ctx. Then it returns an error of [memo.KindUnavailable].
// It returns that error immediately if [Config.Waiting] calls of the workspace already
// wait. If ctx is cancelled, it returns the error of ctx.
func (l *Limiter) Acquire(ctx context.Context, workspaceID string, weight int64) (release func(), err error) {
	weight = min(max(weight, 1), l.cfg.PerWorkspace)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := l.enqueue(workspaceID, weight)
	if err != nil {
		return nil, err
	}
	if err := l.wait(ctx, w); err != nil {
		return nil, err
	}
	var once sync.Once
	return func() { once.Do(func() { l.release(w) }) }, nil
}

// enqueue adds work to the end of the queue, and admits it immediately if it fits
// and is the next to be admitted.
func (l *Limiter) enqueue(workspaceID string, weight int64) (*waiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.workspaces[workspaceID]
	if t == nil {
		t = &workspace{}
		l.workspaces[workspaceID] = t
	}
	if t.waiting >= l.cfg.Waiting {
		l.refused++
		return nil, l.refusal(t, true)
	}
	w := &waiter{workspace: workspaceID, weight: weight, granted: make(chan struct{})}
	l.queue = append(l.queue, w)
	t.waiting++
	l.admit()
	return w, nil
}

// wait blocks until w is admitted. If that does not happen in time, it removes w
// from the queue and returns an error.
func (l *Limiter) wait(ctx context.Context, w *waiter) error {
	select {
	case <-w.granted:
		return nil
	default:
	}
	timer := time.NewTimer(l.cfg.Wait)
	defer timer.Stop()
	select {
	case <-w.granted:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	cancelled := errors.Is(ctx.Err(), context.Canceled)
	select {
	case <-w.granted: // just before the lock was taken
		if !cancelled {
			return nil
		}
		l.releaseLocked(w)
		return ctx.Err()
	default:
	}
	t := l.workspaces[w.workspace]
	refusal := l.refusal(t, t.used+w.weight > l.cfg.PerWorkspace)
	l.dequeue(w)
	l.forget(w.workspace, t)
	l.admit() // w may have been the only obstacle for the next waiters
	if cancelled {
		return ctx.Err()
	}
	l.refused++
	return refusal
}

// admit admits waiters while they fit. If the next one does not fit into the total,
// all others wait as well: otherwise large work might never run.
func (l *Limiter) admit() {
	for l.used < l.cfg.Total {
		w := l.next()
		if w == nil || l.used+w.weight > l.cfg.Total {
			return
		}
		t := l.workspaces[w.workspace]
		l.used += w.weight
		l.running++
		t.used += w.weight
		l.dequeue(w)
		close(w.granted)
	}
}

func (l *Limiter) dequeue(w *waiter) {
	l.queue = slices.DeleteFunc(l.queue, func(other *waiter) bool { return other == w })
	l.workspaces[w.workspace].waiting--
}

// next returns the waiter to admit next, or nil. It looks at the first waiter of
// each workspace, skips those that do not fit into the workspace's bound, and picks the
// one whose workspace uses the least, so that a workspace that calls in a loop does not
// make the others wait. Among equals it picks the first to arrive.
func (l *Limiter) next() (best *waiter) {
	seen := map[string]bool{}
	for _, w := range l.queue {
		if seen[w.workspace] {
			continue
		}
		seen[w.workspace] = true
		t := l.workspaces[w.workspace]
		if t.used+w.weight <= l.cfg.PerWorkspace && (best == nil || t.used < l.workspaces[best.workspace].used) {
			best = w
		}
	}
	return best
}

func (l *Limiter) release(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.releaseLocked(w)
}

// releaseLocked is release for callers that hold the lock.
func (l *Limiter) releaseLocked(w *waiter) {
	t := l.workspaces[w.workspace]
	l.used -= w.weight
	l.running--
	t.used -= w.weight
	l.forget(w.workspace, t)
	l.admit()
}

// forget deletes a workspace that has neither admitted nor waiting work.
func (l *Limiter) forget(id string, t *workspace) {
	if t.used == 0 && t.waiting == 0 {
		delete(l.workspaces, id)
	}
}

// refusal returns the error for work that was not admitted. ownBound says that the
// cause is the workspace's own bound, not the total. RetryAfter is 1 to 5 seconds: the
// more calls of the workspace wait, the longer.
func (l *Limiter) refusal(t *workspace, ownBound bool) error {
	whose := ""
	if ownBound {
		whose = " of this workspace"
	}
	return &memo.Error{
		Kind: memo.KindUnavailable, RetryAfter: time.Duration(min(1+t.waiting/16, 5)) * time.Second,
		Message: fmt.Sprintf("Too many %s%s are running. Try again in a moment.", l.cfg.Work, whose),
	}
}

// Stats is the state of a limiter at one moment.
type Stats struct {
	Running int   // pieces of work that are admitted
	Used    int64 // their total weight
	Waiting int   // calls of Acquire that wait
	Refused int64 // calls of Acquire that were refused since the start
}

// Stats returns the current state of the limiter.
func (l *Limiter) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{Running: l.running, Used: l.used, Waiting: len(l.queue), Refused: l.refused}
}
