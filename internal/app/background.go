package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"memoai.tech/memo/internal/store"
)

// Run does background work until ctx ends: it writes what requests have noted, records that keys
// have expired, deletes what is no longer needed, and sends events to webhooks.
func (a *App) Run(ctx context.Context) {
	var sending sync.WaitGroup
	sending.Go(func() { a.sendWebhooks(ctx) })
	defer sending.Wait()
	jobs := append(a.writeJobs(false), a.cleanUpJobs()...)
	pass := time.NewTicker(passInterval)
	defer pass.Stop()
	for {
		for _, j := range jobs {
			j.runIfDue(ctx, a.log, time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-pass.C:
		}
	}
}

// FlushUsage writes the pending usage of keys and sessions, expiries and failed sign-ins.
func (a *App) FlushUsage(ctx context.Context) {
	for _, j := range a.writeJobs(true) {
		if _, err := j.run(ctx, a.log); err != nil {
			j.run(ctx, a.log) // there is no next time
		}
	}
}

// writeSoon wakes [App.Run], so that it writes without waiting for the next pass.
func (a *App) writeSoon() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// writeJobs returns the jobs that write what waits in memory. If all is set, that includes usage
// that is not due yet.
func (a *App) writeJobs(all bool) []*job {
	return []*job{
		{what: "record that refused keys have expired", step: a.expired.write},
		{what: "write the usage of keys", step: func(ctx context.Context) (bool, error) {
			return false, a.usage.write(ctx, all)
		}},
		{what: "write the last use of sessions", step: a.sessionUses.write},
		{what: "record failed sign-ins", step: a.failedSignIns.write},
	}
}

const expireBatch = 200 // keys

// cleanUpJobs returns the jobs that follow from the time.
func (a *App) cleanUpJobs() []*job {
	return []*job{
		{what: "record that unused keys have expired", step: func(ctx context.Context) (more bool, err error) {
			n, err := a.store.ExpireDueKeys(ctx, expireBatch)
			return n == expireBatch, err
		}},
		{what: "record that unused apps have expired", every: time.Hour, step: func(ctx context.Context) (bool, error) {
			n, err := a.store.ExpireIdleApps(ctx, expireBatch)
			return n == expireBatch, err
		}},
		{what: "queue events of keys that expire soon", every: time.Minute, step: a.queueExpiringKeys},
		{what: "count transcriptions again", every: time.Minute, step: a.store.Recount},
		{what: "list the speakers of transcriptions", step: a.store.ListSpeakers},
		{what: "index the reports of transcriptions", step: a.store.IndexAgain},
		{what: "delete what is older than its retention", every: time.Hour, step: a.newPruning().step},
		{what: "delete the remains of interrupted imports", every: time.Hour, step: func(ctx context.Context) (bool, error) {
			return false, a.store.DropOrphans(ctx)
		}},
	}
}

// job is work that [App.Run] repeats.
type job struct {
	what  string        // for the log
	every time.Duration // 0: in every pass
	// step does a part of the work that holds the write lock for a few milliseconds.
	step func(context.Context) (more bool, err error)

	due time.Time // zero: now
}

const (
	passInterval = 5 * time.Second // between two passes over the jobs
	stepTimeout  = 3 * time.Second
	maxSteps     = 20 // of a job in one pass, so that the others have their turn
)

// runIfDue runs steps of a job that is due, until there is no more work. A failed job waits until
// it is due again.
func (j *job) runIfDue(ctx context.Context, log *slog.Logger, now time.Time) {
	if now.Before(j.due) {
		return
	}
	for range maxSteps {
		if ctx.Err() != nil { // the server stops, and FlushUsage does what is urgent
			return
		}
		if more, err := j.run(ctx, log); !more || err != nil {
			j.due = now.Add(j.every)
			return
		}
	}
}

// run runs one step, which is not cancelled when the server stops, and logs its error.
func (j *job) run(ctx context.Context, log *slog.Logger) (more bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	if more, err = j.step(ctx); err != nil {
		log.WarnContext(ctx, "background work failed and will be retried", "job", j.what, "error", err)
	}
	return more, err
}

// notes are what requests leave to be written in the background, each with an id. A note stays until
// it is written.
type notes[T comparable] struct {
	store *store.Store
	max   int // further ones are dropped
	batch int // notes in one transaction
	save  func(ctx context.Context, tx *store.Tx, id string, note T) error

	mu      sync.Mutex
	waiting map[string]T
}

func newNotes[T comparable](
	s *store.Store, limit, batch int, save func(ctx context.Context, tx *store.Tx, id string, note T) error,
) *notes[T] {
	return &notes[T]{store: s, max: limit, batch: batch, save: save, waiting: map[string]T{}}
}

// add adds a note, which replaces an earlier one with this id. It returns false if it was dropped.
func (n *notes[T]) add(id string, note T) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, found := n.waiting[id]; !found && len(n.waiting) >= n.max {
		return false
	}
	n.waiting[id] = note
	return true
}

// has reports whether there is a note with this id.
func (n *notes[T]) has(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, found := n.waiting[id]
	return found
}

// write writes all notes, in the order of their ids.
func (n *notes[T]) write(ctx context.Context) (more bool, err error) {
	n.mu.Lock()
	taken := maps.Clone(n.waiting)
	n.mu.Unlock()
	for part := range slices.Chunk(slices.Sorted(maps.Keys(taken)), n.batch) {
		if err := n.store.Write(ctx, func(tx *store.Tx) error {
			for _, id := range part {
				if err := n.save(ctx, tx, id, taken[id]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return false, err
		}
		n.mu.Lock()
		for _, id := range part {
			if n.waiting[id] == taken[id] { // not replaced meanwhile
				delete(n.waiting, id)
			}
		}
		n.mu.Unlock()
	}
	return false, nil
}
