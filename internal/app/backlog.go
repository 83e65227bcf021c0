package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// eventQueue is what is written in the background: the last use of sessions, so that no
// request waits for it, and failed sign-ins, so that a sign-in takes the same time whether the
// account exists or not.
type eventQueue struct {
	store *store.Store
	log   *slog.Logger
	wake  chan struct{} // a failed sign-in was queued

	mu       sync.Mutex
	uses     map[string]time.Time // last use by session id
	refusals []failedSignIn
}

// failedSignIn is a failed sign-in of an account that exists.
type failedSignIn struct {
	user memo.User
	at   time.Time
	from Client
	why  string
}

// Limits of the queue while the database accepts no writes. Uses beyond the limit are noted at
// the next request of the session.
const (
	maxUses     = 10_000
	maxRefusals = 1_000
)

func newBacklog(s *store.Store, log *slog.Logger) *eventQueue {
	return &eventQueue{store: s, log: log, wake: make(chan struct{}, 1), uses: map[string]time.Time{}}
}

// noteUse notes a use of the session unless one was written within the last hour.
func (b *eventQueue) noteUse(s store.SessionState, now time.Time) {
	if now.Sub(s.LastUsedAt) < memo.SessionUseInterval {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, noted := b.uses[s.SessionID]; noted || len(b.uses) < maxUses {
		b.uses[s.SessionID] = now
	}
}

func (b *eventQueue) noteFailure(r failedSignIn) {
	b.mu.Lock()
	full := len(b.refusals) >= maxRefusals
	if !full {
		b.refusals = append(b.refusals, r)
	}
	b.mu.Unlock()
	if full {
		b.log.Warn("a failed sign-in is not in the audit trail: too many wait to be written", "user_id", r.user.ID)
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// write writes the queue. What fails stays in the queue.
func (b *eventQueue) write(ctx context.Context) {
	b.mu.Lock()
	uses, refusals := b.uses, b.refusals
	b.uses, b.refusals = map[string]time.Time{}, nil
	b.mu.Unlock()
	for part := range slices.Chunk(slices.Sorted(maps.Keys(uses)), keysPerWrite) {
		err := b.try(ctx, func(tx *store.Tx) error {
			for _, id := range part {
				if err := tx.UseSession(ctx, id, uses[id]); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			continue
		}
		b.log.WarnContext(ctx, "the use of sessions could not be written; it waits for later",
			"sessions", len(part), "error", err)
		b.mu.Lock()
		for _, id := range part {
			if _, later := b.uses[id]; !later {
				b.uses[id] = uses[id]
			}
		}
		b.mu.Unlock()
	}
	for i, r := range refusals {
		if err := b.try(ctx, r.record(ctx)); err != nil {
			b.log.WarnContext(ctx, "failed sign-ins could not be written; they wait for later",
				"events", len(refusals)-i, "error", err)
			b.mu.Lock()
			b.refusals = append(refusals[i:], b.refusals...)
			b.mu.Unlock()
			return
		}
	}
}

func (b *eventQueue) try(ctx context.Context, f func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), laterUseTimeout)
	defer cancel()
	return b.store.Write(ctx, f)
}

// record writes the event into every workspace of the account, for its OWNERs, or into the
// server's own audit trail if there is none.
func (r failedSignIn) record(ctx context.Context) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		workspaces, err := tx.Memberships(ctx, r.user.ID)
		if err != nil {
			return err
		}
		e := memo.AuditEvent{
			Action: memo.ActionNotSignedIn, At: r.at, Subject: r.user.ID, Name: r.user.Email, Detail: r.why,
		}
		stranger := memo.Caller{ClientAddress: r.from.Address, UserAgent: r.from.UserAgent}
		if len(workspaces) == 0 {
			return recordEvent(ctx, tx, stranger, e)
		}
		for _, w := range workspaces {
			e.WorkspaceID = memo.Optional(w.ID)
			if err := recordEvent(ctx, tx, stranger, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// How long ended sessions are stored, how often older ones are deleted, and how many in one
// transaction.
const (
	sessionsKept = 30 * 24 * time.Hour
	purgeEvery   = time.Hour
	purgeAtOnce  = 500
)

// purge deletes some of the old ended sessions and returns when to continue: immediately if
// there are more.
func (a *App) purge(ctx context.Context) (again time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, laterUseTimeout)
	defer cancel()
	var deleted int64
	err := a.store.Write(ctx, func(tx *store.Tx) (err error) {
		deleted, err = tx.DeleteSessions(ctx, tx.Now.Add(-sessionsKept), purgeAtOnce)
		return err
	})
	if err != nil {
		a.log.WarnContext(ctx, "sessions that ended long ago could not be deleted; it is tried again in an hour",
			"error", err)
		return purgeEvery
	}
	if deleted == purgeAtOnce {
		return 0
	}
	return purgeEvery
}
