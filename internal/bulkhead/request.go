package bulkhead

import (
	"context"
	"sync"
)

// requestWork holds the work of one request that limiters have admitted.
type requestWork struct {
	mu    sync.Mutex
	held  []holding
	ended bool
}

type holding struct {
	limiter *Limiter
	weight  int64
	release func()
}

type requestKey struct{}

// WithRequest returns a context for [Limiter.Hold]. The caller must call done when the
// response has been written; it releases all work that was admitted in the context.
func WithRequest(ctx context.Context) (_ context.Context, done func()) {
	s := &requestWork{}
	return context.WithValue(ctx, requestKey{}, s), s.end
}

func (s *requestWork) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, h := range s.held {
		h.release()
	}
	s.held = nil
}

// Hold admits work as [Limiter.Acquire] does and holds it until the request of
// ctx ends. A request does one piece of work at a time, so what it already holds counts:
// Hold acquires only the difference to weight, and a request never waits for itself.
// If ctx has no request, as on the command line, Hold does nothing.
func (l *Limiter) Hold(ctx context.Context, workspace string, weight int64) error {
	s, ok := ctx.Value(requestKey{}).(*requestWork)
	if !ok {
		return nil
	}
	weight = min(weight, l.cfg.PerWorkspace)
	more := weight - s.heldOf(l)
	if more <= 0 {
		return nil
	}
	release, err := l.Acquire(ctx, workspace, more)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended { // the request ended while Acquire waited
		release()
		return context.Canceled
	}
	s.held = append(s.held, holding{l, more, release})
	return nil
}

// heldOf returns the weight that the request holds of a limiter.
func (s *requestWork) heldOf(l *Limiter) (weight int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		if h.limiter == l {
			weight += h.weight
		}
	}
	return weight
}
