package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"memoai.tech/memo/internal/store"
)

// expiryRecorder records in the database that the expiry of a key has passed, so that
// a clock that goes back brings no key back. A key that this process refused as
// expired is noted at once and written a moment later, so a refusal waits for
// no write. Until it is written the note alone ends the key.
type expiryRecorder struct {
	store *store.Store
	log   *slog.Logger
	noted chan struct{} // has room for one: there is something to write

	mu  sync.Mutex
	ids map[string]bool // refused, and not written yet
}

// Bounds of a sweep. A step holds the writer for a few milliseconds, and others
// have their turn after it.
const (
	expireStep  = 200
	expireSteps = 20
)

func newExpiries(s *store.Store, log *slog.Logger) *expiryRecorder {
	return &expiryRecorder{store: s, log: log, noted: make(chan struct{}, 1), ids: map[string]bool{}}
}

// record remembers that a key was refused as expired.
func (e *expiryRecorder) record(id string) {
	e.mu.Lock()
	e.ids[id] = true
	e.mu.Unlock()
	select {
	case e.noted <- struct{}{}:
	default:
	}
}

// isRecorded reports whether a key was refused as expired and that is not written yet.
func (e *expiryRecorder) isRecorded(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ids[id]
}

// write records the keys that were noted. What cannot be written stays noted,
// and is tried again with the next sweep.
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

// sweep records the keys whose expiry has passed without a call, and those that
// could not be written before.
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
