// Package bulkhead shares a server's capacity between callers, so that none can use
// it all. A [Limiter] admits work by its weight, within a bound for each
// tenant and a bound for all of them; what does not fit waits for a short time, the
// tenant that uses the least first, and is then refused. A [Scope] holds what was admitted until the
// response of a request has been written.
package bulkhead

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"memoai.tech/memo"
)

// Config says what a limiter admits.
type Config struct {
	// Work names what is admitted, in the plural: "searches".
	Work string
	// Total bounds the weight that is admitted at one time, Tenant the part of
	// it that one tenant may have. Both are at least 1.
	Total, Tenant int64
	// Waiting bounds how many acquisitions of one tenant wait; 0 means 64.
	Waiting int
	// Wait bounds how long one waits; 0 means 5 seconds.
	Wait time.Duration
}

// Limiter admits work. Use [New] to make one.
type Limiter struct {
	cfg Config

	mu      sync.Mutex
	used    int64
	running int
	tenants map[string]*tenant // those that have or wait for something
	queue   *list.List         // of *waiter, in the order in which they came
	refused int64
}

type tenant struct {
	used    int64
	waiting int
	seen    bool // by next, within one call of it
}

type waiter struct {
	tenant  string
	weight  int64
	place   *list.Element
	granted chan struct{} // closed, with the lock held, when it is admitted
	done    bool          // it was admitted
}

// New makes a limiter.
func New(cfg Config) *Limiter {
	cfg.Total, cfg.Tenant = max(cfg.Total, 1), max(min(cfg.Tenant, cfg.Total), 1)
	if cfg.Waiting <= 0 {
		cfg.Waiting = 64
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 5 * time.Second
	}
	return &Limiter{cfg: cfg, tenants: map[string]*tenant{}, queue: list.New()}
}

// Acquire admits work of a tenant, which must call release when the work has
// ended; further calls of release do nothing. A weight above the tenant's bound
// counts as that bound, so that one large piece of work can run alone.
// Where there is no room, Acquire waits: no longer than [Config.Wait] and the
// deadline of ctx. Then, and at once when too many of the tenant wait, the
// error is of [memo.KindUnavailable]. When ctx is cancelled it is its error.
func (l *Limiter) Acquire(ctx context.Context, tenantID string, weight int64) (release func(), err error) {
	weight = min(max(weight, 1), l.cfg.Tenant)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := l.enqueue(tenantID, weight)
	if err != nil {
		return nil, err
	}
	if err := l.wait(ctx, w); err != nil {
		return nil, err
	}
	var once sync.Once
	return func() { once.Do(func() { l.release(w) }) }, nil
}

// enqueue puts work at the end of the queue, and admits it at once when it fits
// and nobody before it does.
func (l *Limiter) enqueue(tenantID string, weight int64) (*waiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenants[tenantID]
	if t == nil {
		t = &tenant{}
		l.tenants[tenantID] = t
	}
	if t.waiting >= l.cfg.Waiting {
		l.refused++
		return nil, l.refusal(t, true)
	}
	w := &waiter{tenant: tenantID, weight: weight, granted: make(chan struct{})}
	w.place = l.queue.PushBack(w)
	t.waiting++
	l.admit()
	return w, nil
}

// wait blocks until w is admitted, or takes it out of the queue.
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
	switch {
	case w.done && !cancelled:
		return nil // it was admitted at the same moment
	case w.done:
		l.give(w)
		return ctx.Err()
	}
	t := l.tenants[w.tenant]
	refusal := l.refusal(t, t.used+w.weight > l.cfg.Tenant)
	l.queue.Remove(w.place)
	t.waiting--
	l.forget(w.tenant, t)
	l.admit() // those after it may have waited for it alone
	if cancelled {
		return ctx.Err()
	}
	l.refused++
	return refusal
}

// admit lets waiters in while they fit. One that waits for room in the total holds
// up all others, or large work would never run.
func (l *Limiter) admit() {
	for l.used < l.cfg.Total {
		w := l.next()
		if w == nil || l.used+w.weight > l.cfg.Total {
			return
		}
		t := l.tenants[w.tenant]
		l.used += w.weight
		l.running++
		t.used += w.weight
		t.waiting--
		l.queue.Remove(w.place)
		w.done = true
		close(w.granted)
	}
}

// next returns the waiter whose turn it is: of the tenants that have room within
// their own bound, the one that uses the least, so that those who ask in a loop do
// not make others wait; of equal ones the first to come. It is nil if there is none.
func (l *Limiter) next() (best *waiter) {
	var seen []*tenant // a tenant's work is admitted in order
	for e := l.queue.Front(); e != nil; e = e.Next() {
		w := e.Value.(*waiter)
		t := l.tenants[w.tenant]
		if t.seen {
			continue
		}
		t.seen = true
		seen = append(seen, t)
		if t.used+w.weight <= l.cfg.Tenant && (best == nil || t.used < l.tenants[best.tenant].used) {
			best = w
		}
	}
	for _, t := range seen {
		t.seen = false
	}
	return best
}

func (l *Limiter) release(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(w)
}

// give takes back what w has.
func (l *Limiter) give(w *waiter) {
	t := l.tenants[w.tenant]
	l.used -= w.weight
	l.running--
	t.used -= w.weight
	l.forget(w.tenant, t)
	l.admit()
}

func (l *Limiter) forget(id string, t *tenant) {
	if t.used == 0 && t.waiting == 0 {
		delete(l.tenants, id)
	}
}

// refusal says whose work is in the way: that of the tenant itself, or that of all.
// The more of the tenant wait, the later the caller should try again.
func (l *Limiter) refusal(t *tenant, own bool) error {
	whose := ""
	if own {
		whose = " of this workspace"
	}
	return &memo.Error{
		Kind: memo.KindUnavailable, RetryAfter: time.Duration(min(1+t.waiting/16, 5)) * time.Second,
		Message: fmt.Sprintf("Too many %s%s are running. Try again in a moment.", l.cfg.Work, whose),
	}
}

// Stats is what a limiter does at one moment.
type Stats struct {
	Running int   // pieces of work that are admitted
	Used    int64 // their weight
	Waiting int
	Refused int64 // since the start
}

// Stats returns what the limiter does now.
func (l *Limiter) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{Running: l.running, Used: l.used, Waiting: l.queue.Len(), Refused: l.refused}
}
