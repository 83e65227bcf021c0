package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"memoai.tech/memo/internal/store"
)

// expiryRecorder records in the database that a key has expired, so that the key does not
// become active again if the clock is set back. When this process refuses a key as expired, it
// notes the key in memory and writes that shortly after, so that no refusal waits for a write.
// Until it is written, the note keeps the key refused.
type expiryRecorder struct {
	store *store.Store
	log   *slog.Logger
	noted chan struct{} // buffered: a key was noted

	mu  sync.Mutex
	ids map[string]bool // refused and not yet written
}

// Limits of a sweep. One step holds the write lock for a few milliseconds.
const (
	expireStep  = 200 // keys in one step
	expireSteps = 20  // steps in one sweep
)

func newExpiryRecorder(s *store.Store, log *slog.Logger) *expiryRecorder {
	return &expiryRecorder{store: s, log: log, noted: make(chan struct{}, 1), ids: map[string]bool{}}
}

// note notes that a key was refused as expired.
func (e *expiryRecorder) note(id string) {
	e.mu.Lock()
	e.ids[id] = true
	e.mu.Unlock()
	select {
	case e.noted <- struct{}{}:
	default:
	}
}

// isNoted reports whether a key was refused as expired and this is not written yet.
func (e *expiryRecorder) isNoted(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ids[id]
}

// write records the noted keys in the database. What fails is retried in the next sweep.
func (e *expiryRecorder) write(ctx context.Context) {
	e.mu.Lock()
	ids := slices.Collect(maps.Keys(e.ids))
	e.mu.Unlock()
	for _, id := range ids {
		if err := e.withTimeout(ctx, func(ctx context.Context) error {
			return e.store.Write(ctx, func(tx *store.Tx) error { return tx.ExpireKey(ctx, id) })
		}); err != nil {
			return
		}
		e.mu.Lock()
		delete(e.ids, id)
		e.mu.Unlock()
	}
}

// sweep records the keys that expired without being used, and the noted keys.
func (e *expiryRecorder) sweep(ctx context.Context) {
	for range expireSteps {
		var n int64
		err := e.withTimeout(ctx, func(ctx context.Context) (err error) {
			n, err = e.store.ExpireDueKeys(ctx, expireStep)
			return err
		})
		if err != nil || n < expireStep {
			break
		}
	}
	e.write(ctx)
}

// withTimeout runs f with a timeout and logs its error.
func (e *expiryRecorder) withTimeout(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, laterUseTimeout)
	defer cancel()
	err := f(bounded)
	if err != nil && ctx.Err() == nil {
		e.log.WarnContext(ctx, "the expiry of keys could not be recorded; it will be retried", "error", err)
	}
	return err
}
