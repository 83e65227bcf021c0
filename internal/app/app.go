// Package app has the use cases: everything that REST, MCP, the web app and the command line
// can do. All of them call the same methods, so every rule is in one place.
//
// A use case takes the [memo.Caller], states in its first line who may call it, and does and
// records its work, in one transaction if it writes. Package memo has the rules. Keys and
// members are never cached: [App.AuthoriseKey] and [App.AuthoriseSession] make a caller from
// the current state of the database.
package app

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// Config is what the use cases need.
type Config struct {
	Store     *store.Store
	Limits    ratelimit.Source
	Passwords *credential.PasswordHasher
	Log       *slog.Logger
	Work      WorkLimits
}

// App has the use cases.
type App struct {
	store     *store.Store
	limits    ratelimit.Source
	passwords *credential.PasswordHasher
	throttle  *throttle
	usage     *usageRecorder
	expiries  *expiryRecorder
	backlog   *eventQueue
	totals    *totalCache
	work      work
	log       *slog.Logger
}

// New returns the use cases. Call [App.Run] for background work, and [App.FlushUsage] before
// closing the store.
func New(cfg Config) *App {
	return &App{
		store: cfg.Store, limits: cfg.Limits, passwords: cfg.Passwords, log: cfg.Log,
		throttle: newThrottle(), usage: newUsage(cfg.Store, cfg.Log), expiries: newExpiries(cfg.Store, cfg.Log),
		backlog: newBacklog(cfg.Store, cfg.Log), totals: newTotals(), work: newWork(cfg.Work),
	}
}

// Run does background work until ctx ends: it writes the usage of keys and sessions, expiries
// and failed sign-ins, and deletes old ended sessions and what interrupted imports left.
func (a *App) Run(ctx context.Context) {
	tick, hour := time.NewTicker(5*time.Second), time.NewTicker(time.Hour)
	defer tick.Stop()
	defer hour.Stop()
	a.deleteOrphans(ctx)
	var purge time.Time // when the next one is due
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.backlog.wake:
			a.backlog.write(ctx)
		case now := <-tick.C:
			a.usage.write(ctx, false)
			a.expiries.sweep(ctx)
			a.backlog.write(ctx)
			if !now.Before(purge) {
				purge = now.Add(a.purge(ctx))
			}
		case <-a.expiries.noted:
			a.expiries.write(ctx)
		case <-hour.C:
			a.deleteOrphans(ctx)
		}
	}
}

func (a *App) deleteOrphans(ctx context.Context) {
	if err := a.store.DropOrphans(ctx); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "what cut-short imports have left could not be deleted", "error", err)
	}
}

// FlushUsage writes the pending usage of keys and sessions, expiries and failed sign-ins.
func (a *App) FlushUsage(ctx context.Context) {
	a.expiries.write(ctx)
	a.usage.write(ctx, true)
	a.backlog.write(ctx)
}

// CheckReady reports whether the database answers.
func (a *App) CheckReady(ctx context.Context) error { return a.store.Ping(ctx) }

// IsDatabaseSlow reports whether the database responds slowly.
func (a *App) IsDatabaseSlow() bool { return a.store.IsSlow() }

// IsEmbedded reports whether the database is SQLite.
func (a *App) IsEmbedded() bool { return a.store.IsEmbedded() }

// Limit returns how many calls of a class are accepted within [ratelimit.Period].
func (a *App) Limit(class ratelimit.Class) int { return a.limits.Limit(class) }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseID returns an id in canonical form. uuid.Parse also accepts other notations of a UUID;
// the length of 36 bytes excludes them.
func ParseID(s string) (string, bool) {
	u, err := uuid.Parse(s)
	return u.String(), err == nil && len(s) == 36
}

// write runs f in a transaction for the caller. If the caller is signed out before it commits,
// nothing changes. The session is locked last, as in transactions that end sessions.
func (a *App) write(ctx context.Context, c memo.Caller, f func(*store.Tx) error) error {
	return a.store.Write(ctx, withSession(ctx, c, f))
}

// writeUrgent is write for ending the access of others.
func (a *App) writeUrgent(ctx context.Context, c memo.Caller, f func(*store.Tx) error) error {
	return a.store.WriteUrgent(ctx, withSession(ctx, c, f))
}

// writeOwnRevocation is write for callers who end their own access.
func (a *App) writeOwnRevocation(ctx context.Context, c memo.Caller, f func(*store.Tx) error) error {
	return a.store.WriteOwnRevocation(ctx, withSession(ctx, c, f))
}

func withSession(ctx context.Context, c memo.Caller, f func(*store.Tx) error) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return requireSession(ctx, tx, c)
	}
}

// requireSession locks the caller's session, if there is one, and fails if it has ended.
func requireSession(ctx context.Context, tx *store.Tx, c memo.Caller) error {
	if c.SessionID == "" {
		return nil
	}
	if alive, err := tx.LockSession(ctx, c.SessionID); err != nil || !alive {
		return cmp.Or(err, errNotSignedIn)
	}
	return nil
}

// requireMember locks the caller's membership and returns the current role, which may have
// changed since authorisation. A transaction that also locks the workspace must do that first.
func requireMember(ctx context.Context, tx *store.Tx, c memo.Caller) (memo.Role, error) {
	if c.Operator {
		return c.Role, nil
	}
	return tx.LockMember(ctx, c.WorkspaceID, c.UserID)
}

// recordEvent writes an audit event of the caller.
func recordEvent(ctx context.Context, tx *store.Tx, c memo.Caller, e memo.AuditEvent) error {
	e.IP, e.Agent = memo.Optional(c.ClientAddress), memo.Optional(truncateBytes(c.UserAgent, maxEventText))
	switch {
	case c.Operator:
		e.Actor = "operator"
	case c.UserID == "":
		e.Actor = "system"
	default:
		u, err := tx.User(ctx, c.UserID)
		if err != nil {
			return err
		}
		e.ActorID, e.Actor = memo.Optional(u.ID), u.Email
	}
	return tx.Record(ctx, e)
}
