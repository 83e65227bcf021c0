package store

import (
	"context"
	"slices"
	"sync"
)

// writeQueue hands out the one connection that writes to SQLite. What takes access
// away goes first; everything else is served in the order in which it came, so
// that a caller who writes in a loop delays others by one transaction each.
// database/sql serves its waiters in random order.
type writeQueue struct {
	mu      sync.Mutex
	busy    bool
	urgent  []chan struct{} // each closed when it is its turn
	waiting []chan struct{}
}

// wait waits for a turn, which ends when done is called. An error is ctx's.
func (t *writeQueue) wait(ctx context.Context, urgent bool) (done func(), err error) {
	t.mu.Lock()
	if !t.busy {
		t.busy = true
		t.mu.Unlock()
		return t.wakeNext, nil
	}
	queue := &t.waiting
	if urgent {
		queue = &t.urgent
	}
	ready := make(chan struct{})
	*queue = append(*queue, ready)
	t.mu.Unlock()
	select {
	case <-ready:
		return t.wakeNext, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	select {
	case <-ready: // at the same moment: pass the turn on
		t.mu.Unlock()
		t.wakeNext()
	default:
		*queue = slices.DeleteFunc(*queue, func(c chan struct{}) bool { return c == ready })
		t.mu.Unlock()
	}
	return nil, ctx.Err()
}

// wakeNext gives the turn to the first who waits.
func (t *writeQueue) wakeNext() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&t.urgent, &t.waiting} {
		if len(*queue) > 0 {
			close((*queue)[0])
			*queue = slices.Delete(*queue, 0, 1)
			return
		}
	}
	t.busy = false
}
