package bulkhead

import (
	"context"
	"sync"
)

// scope is what one request holds of each limiter.
type scope struct {
	mu   sync.Mutex
	held []holding
	over bool
}

type holding struct {
	limiter *Limiter
	weight  int64
	release func()
}

type scopeKey struct{}

// NewScope returns a context in which [Limiter.Hold] admits work. done releases
// all of it: call it when the response has been written.
func NewScope(ctx context.Context) (_ context.Context, done func()) {
	s := &scope{}
	return context.WithValue(ctx, scopeKey{}, s), s.end
}

func (s *scope) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, h := range s.held {
		h.release()
	}
	s.held = nil
}

// Hold admits work as [Limiter.Acquire] does, until the scope of ctx ends.
// Several pieces of work of one request follow one another, so a request that
// holds as much already gets no more: it must not wait for itself. Without a
// scope, as on the command line, nothing is admitted or counted.
func (l *Limiter) Hold(ctx context.Context, tenant string, weight int64) error {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		return nil
	}
	weight = min(weight, l.cfg.Tenant)
	more := weight - s.of(l)
	if more <= 0 {
		return nil
	}
	release, err := l.Acquire(ctx, tenant, more)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over { // the request has ended while this waited
		release()
		return context.Canceled
	}
	s.held = append(s.held, holding{l, more, release})
	return nil
}

// of returns the weight that the request holds of a limiter.
func (s *scope) of(l *Limiter) (weight int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		if h.limiter == l {
			weight += h.weight
		}
	}
	return weight
}
