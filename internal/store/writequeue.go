package store

import (
	"context"
	"slices"
	"sync"
)

// writeQueue gives writers turns on the one connection that writes to SQLite. Urgent writers go
// first. The others get the turn in the order of arrival, so that a caller who writes in a loop
// delays each other writer by one transaction only; with database/sql alone the order would be
// random.
type writeQueue struct {
	mu      sync.Mutex
	busy    bool
	urgent  []chan struct{} // a channel is closed when its writer has the turn
	waiting []chan struct{}
}

// wait waits for a turn. The caller must call done to end it. If ctx ends first, wait returns its
// error.
func (t *writeQueue) wait(ctx context.Context, urgent bool) (done func(), err error) {
	t.mu.Lock()
	if !t.busy {
		t.busy = true
		t.mu.Unlock()
		return t.endTurn, nil
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
		return t.endTurn, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	select {
	case <-ready: // the turn came at the same moment: pass it on
		t.mu.Unlock()
		t.endTurn()
	default:
		*queue = slices.DeleteFunc(*queue, func(c chan struct{}) bool { return c == ready })
		t.mu.Unlock()
	}
	return nil, ctx.Err()
}

// endTurn gives the turn to the next waiting writer, if there is one.
func (t *writeQueue) endTurn() {
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
