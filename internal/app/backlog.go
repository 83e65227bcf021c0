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

// backlog holds what is written in the background: the last use of sessions, so that no
// request waits for the write, and failed sign-ins, so that a sign-in takes the same time
// whether or not the account exists.
type backlog struct {
	store *store.Store
	log   *slog.Logger
	wake  chan struct{} // buffered: a failed sign-in was added

	mu            sync.Mutex
	uses          map[string]time.Time // last use by session id
	failedSignIns []failedSignIn
}

// failedSignIn is a failed sign-in of an account that exists.
type failedSignIn struct {
	user memo.User
	at   time.Time
	from Client
	why  string
}

// Limits of the backlog while the database accepts no writes. A use beyond the limit is dropped;
// the session's next request tries again.
const (
	maxUses          = 10_000
	maxFailedSignIns = 1_000
)

func newBacklog(s *store.Store, log *slog.Logger) *backlog {
	return &backlog{store: s, log: log, wake: make(chan struct{}, 1), uses: map[string]time.Time{}}
}

// noteUse notes a use of the session unless one was written within the last hour.
func (b *backlog) noteUse(s store.SessionState, now time.Time) {
	if now.Sub(s.LastUsedAt) < memo.SessionUseInterval {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, noted := b.uses[s.SessionID]; noted || len(b.uses) < maxUses {
		b.uses[s.SessionID] = now
	}
}

// noteFailedSignIn adds an event, and wakes [App.Run] to write it.
func (b *backlog) noteFailedSignIn(r failedSignIn) {
	b.mu.Lock()
	full := len(b.failedSignIns) >= maxFailedSignIns
	if !full {
		b.failedSignIns = append(b.failedSignIns, r)
	}
	b.mu.Unlock()
	if full {
		b.log.Warn("a failed sign-in is not in the audit trail: too many are waiting to be written", "user_id", r.user.ID)
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// write writes the backlog. What fails stays in it.
func (b *backlog) write(ctx context.Context) {
	b.mu.Lock()
	uses, failures := b.uses, b.failedSignIns
	b.uses, b.failedSignIns = map[string]time.Time{}, nil
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
		b.log.WarnContext(ctx, "the use of sessions could not be written; it will be retried",
			"sessions", len(part), "error", err)
		b.mu.Lock()
		for _, id := range part {
			if _, later := b.uses[id]; !later {
				b.uses[id] = uses[id]
			}
		}
		b.mu.Unlock()
	}
	for i, r := range failures {
		if err := b.try(ctx, r.record(ctx)); err != nil {
			b.log.WarnContext(ctx, "failed sign-ins could not be written; they will be retried",
				"events", len(failures)-i, "error", err)
			b.mu.Lock()
			b.failedSignIns = append(failures[i:], b.failedSignIns...)
			b.mu.Unlock()
			return
		}
	}
}

func (b *backlog) try(ctx context.Context, f func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), laterUseTimeout)
	defer cancel()
	return b.store.Write(ctx, f)
}

// record writes the event to the audit trail of every workspace of the user. If there is none,
// the event belongs to no workspace.
func (r failedSignIn) record(ctx context.Context) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		workspaces, err := tx.Memberships(ctx, r.user.ID)
		if err != nil {
			return err
		}
		e := memo.AuditEvent{
			Action: memo.ActionSignInFailed, At: r.at, Subject: r.user.ID, Name: r.user.Email, Detail: r.why,
		}
		client := memo.Caller{ClientAddress: r.from.Address, UserAgent: r.from.UserAgent}
		if len(workspaces) == 0 {
			return recordEvent(ctx, tx, client, e)
		}
		for _, w := range workspaces {
			e.WorkspaceID = memo.Optional(w.ID)
			if err := recordEvent(ctx, tx, client, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// Deletion of old ended sessions.
const (
	sessionRetention = 30 * 24 * time.Hour // after the session has ended
	purgeInterval    = time.Hour
	purgeBatch       = 500 // sessions in one transaction
)

// purge deletes one batch of old ended sessions and returns how long to wait for the next one:
// 0 if there are more.
func (a *App) purge(ctx context.Context) (wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, laterUseTimeout)
	defer cancel()
	var deleted int64
	err := a.store.Write(ctx, func(tx *store.Tx) (err error) {
		deleted, err = tx.DeleteSessions(ctx, tx.Now.Add(-sessionRetention), purgeBatch)
		return err
	})
	if err != nil {
		a.log.WarnContext(ctx, "old ended sessions could not be deleted; the next attempt is in an hour",
			"error", err)
		return purgeInterval
	}
	if deleted == purgeBatch {
		return 0
	}
	return purgeInterval
}
