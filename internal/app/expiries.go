package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"memoai.tech/memo/internal/store"
)

// expiryRecorder records in the database that a key has expired, so that a clock that is set
// back does not make it active again. A key that this process refused as expired is noted
// immediately and written shortly after, so no refusal waits for a write. Until then the note
// refuses the key.
type expiryRecorder struct {
	store *store.Store
	log   *slog.Logger
	noted chan struct{} // buffered: something is to be written

	mu  sync.Mutex
	ids map[string]bool // refused and not yet written
}

// Limits of a sweep. One step holds the write lock for a few milliseconds.
const (
	expireStep  = 200
	expireSteps = 20
)

func newExpiries(s *store.Store, log *slog.Logger) *expiryRecorder {
	return &expiryRecorder{store: s, log: log, noted: make(chan struct{}, 1), ids: map[string]bool{}}
}

// record notes that a key was refused as expired.
func (e *expiryRecorder) record(id string) {
	e.mu.Lock()
	e.ids[id] = true
	e.mu.Unlock()
	select {
	case e.noted <- struct{}{}:
	default:
	}
}

// isRecorded reports whether a key was refused as expired and is not written yet.
func (e *expiryRecorder) isRecorded(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ids[id]
}

// write records the noted keys. What fails is retried in the next sweep.
func (e *expiryRecorder) write(ctx context.Context) {
	e.mu.Lock()
	ids := slices.Collect(maps.Keys(e.ids))
	e.mu.Unlock()
	for _, id := range ids {
		if err := e.within(ctx, func(ctx context.Context) error {
			return e.store.Write(ctx, func(tx *store.Tx) error { return tx.ExpireKey(ctx, id) })
		}); err != nil {
			return
		}
		e.mu.Lock()
		delete(e.ids, id)
		e.mu.Unlock()
	}
}

// sweep records the keys that expired without a call, and those that failed before.
func (e *expiryRecorder) sweep(ctx context.Context) {
	for range expireSteps {
		var n int64
		err := e.within(ctx, func(ctx context.Context) (err error) {
			n, err = e.store.ExpireDueKeys(ctx, expireStep)
			return err
		})
		if err != nil || n < expireStep {
			break
		}
	}
	e.write(ctx)
}

func (e *expiryRecorder) within(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, laterUseTimeout)
	defer cancel()
	err := f(bounded)
	if err != nil && ctx.Err() == nil {
		e.log.WarnContext(ctx, "the expiry of keys could not be recorded; it is tried again", "error", err)
	}
	return err
}
