// Package app is the use cases: everything that REST, MCP, the web app and the
// command line can do. Each door calls the same method, so a rule stands once.
//
// Every method takes the [memo.Caller] who asks, checks, does and records, in
// one transaction where it writes. Who may do what is decided by the pure rules
// of package memo. There is no cache of keys or members here: a caller is made
// by [App.AuthoriseKey] or [App.AuthoriseSession] from the database's state at
// that moment (contract section 1).
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

// Config is what the use cases stand on.
type Config struct {
	Store     *store.Store
	Limits    ratelimit.Source
	Passwords *credential.PasswordHasher
	Log       *slog.Logger
	Work      WorkLimits
}

// App is the use cases.
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

// New makes the use cases. Call [App.Run] for what is written in the background,
// and [App.Flush] before the store is closed.
func New(cfg Config) *App {
	return &App{
		store: cfg.Store, limits: cfg.Limits, passwords: cfg.Passwords, log: cfg.Log,
		throttle: newThrottle(), usage: newUsage(cfg.Store, cfg.Log), expiries: newExpiries(cfg.Store, cfg.Log),
		backlog: newBacklog(cfg.Store, cfg.Log), totals: newTotals(), work: newWork(cfg.Work),
	}
}

// Run does the work of the background until ctx ends: it writes the use of keys
// and sessions, expiries and failed sign-ins, and deletes sessions that ended long
// ago and what imports that were cut short have left.
func (a *App) Run(ctx context.Context) {
	tick, hour := time.NewTicker(5*time.Second), time.NewTicker(time.Hour)
	defer tick.Stop()
	defer hour.Stop()
	a.deleteOrphans(ctx)
	var purge time.Time // when to do it next
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

// FlushUsage writes what is known and not yet written of the use of keys and sessions,
// of expiries and of failed sign-ins.
func (a *App) FlushUsage(ctx context.Context) {
	a.expiries.write(ctx)
	a.usage.write(ctx, true)
	a.backlog.write(ctx)
}

// CheckReady reports whether the database answers.
func (a *App) CheckReady(ctx context.Context) error { return a.store.Ping(ctx) }

// IsDatabaseSlow reports that the database is late with every answer.
func (a *App) IsDatabaseSlow() bool { return a.store.IsSlow() }

// IsEmbedded reports that the database is SQLite.
func (a *App) IsEmbedded() bool { return a.store.IsEmbedded() }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseID reads an id into its canonical form. uuid.Parse takes other spellings
// of a UUID too; 36 bytes leave the usual one.
func ParseID(s string) (string, bool) {
	u, err := uuid.Parse(s)
	return u.String(), err == nil && len(s) == 36
}

// write runs f in a transaction on the caller's behalf. A caller who was signed
// out before it commits has changed nothing, however long the request took to
// come in. The session is locked last, as it is when sessions are ended.
func (a *App) write(ctx context.Context, c memo.Caller, f func(*store.Tx) error) error {
	return a.store.Write(ctx, withSession(ctx, c, f))
}

// writeUrgent is write for what takes access away from others.
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

// requireSession proves the session of a caller who has one, until tx ends.
func requireSession(ctx context.Context, tx *store.Tx, c memo.Caller) error {
	if c.SessionID == "" {
		return nil
	}
	if alive, err := tx.LockSession(ctx, c.SessionID); err != nil || !alive {
		return cmp.Or(err, errNotSignedIn)
	}
	return nil
}

// requireMember proves that the caller is in the workspace, until tx ends, and with
// which role: it may have changed since they were authorised. Where tx locks the
// workspace, that comes first.
func requireMember(ctx context.Context, tx *store.Tx, c memo.Caller) (memo.Role, error) {
	if c.Operator {
		return c.Role, nil
	}
	return tx.LockMember(ctx, c.WorkspaceID, c.UserID)
}

// recordEvent writes an event of what caller did.
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
