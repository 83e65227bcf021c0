// Package app has the use cases: everything that REST, MCP, the web app and the command line
// can do. All of them call the same methods, so every rule is in one place.
//
// A use case takes a [memo.Caller] and begins by checking that this caller may use it. It
// writes a change and its audit event in one transaction. Package memo has the rules. Keys and
// members are never cached: [App.AuthoriseKey] and [App.AuthoriseSession] make a caller from
// the current state of the database.
package app

import (
	"cmp"
	"context"
	"log/slog"
	"math"
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
	Limits    ratelimit.Source // rate limits, of data and management calls
	Passwords *credential.PasswordHasher
	Log       *slog.Logger
	Work      WorkLimits
	Retention Retention // the zero value deletes no event and no usage
	Webhooks  WebhookSender
}

// App has the use cases.
type App struct {
	store     *store.Store
	limits    ratelimit.Source
	passwords *credential.PasswordHasher
	throttle  *throttle
	totals    *versionCache[totalKey, store.Total] // about 250 bytes each, whatever the filter
	projects  *versionCache[contentKey, projectsPage]
	speakers  *versionCache[contentKey, []string]
	work      work
	retention Retention
	webhooks  WebhookSender
	log       *slog.Logger

	usage         *usageRecorder
	expired       *notes[bool] // true for keys that were refused as expired
	sessionUses   *notes[time.Time]
	failedSignIns *notes[failedSignIn]
	wake          chan struct{} // wakes [App.Run]
}

// Limits of what waits in memory while the database accepts no writes.
const (
	maxSessionUses   = 10_000 // the session's next request notes its use again
	maxFailedSignIns = 1_000
)

// New returns the use cases. Call [App.Run] for background work, and [App.FlushUsage] before
// closing the store.
func New(cfg Config) *App {
	return &App{
		store: cfg.Store, limits: cfg.Limits, passwords: cfg.Passwords, log: cfg.Log,
		throttle: newThrottle(), totals: newVersionCache[totalKey, store.Total](10_000),
		projects: newVersionCache[contentKey, projectsPage](1_000),
		speakers: newVersionCache[contentKey, []string](1_000), work: newWork(cfg.Work),
		retention: cfg.Retention, webhooks: cfg.Webhooks,
		usage: newUsageRecorder(cfg.Store, cfg.Log), wake: make(chan struct{}, 1),
		// There is no maximum, because a key that was refused must stay refused.
		expired: newNotes(cfg.Store, math.MaxInt, 1,
			func(ctx context.Context, tx *store.Tx, id string, _ bool) error { return tx.ExpireKey(ctx, id) }),
		sessionUses: newNotes(cfg.Store, maxSessionUses, 30,
			func(ctx context.Context, tx *store.Tx, id string, at time.Time) error {
				return tx.UseSession(ctx, id, at)
			}),
		failedSignIns: newNotes(cfg.Store, maxFailedSignIns, 1, recordFailedSignIn),
	}
}

// CheckReady returns an error if the database does not answer.
func (a *App) CheckReady(ctx context.Context) error { return a.store.Ping(ctx) }

// IsDatabaseSlow reports whether the database responds slowly.
func (a *App) IsDatabaseSlow() bool { return a.store.IsSlow() }

// IsEmbedded reports whether the database is SQLite.
func (a *App) IsEmbedded() bool { return a.store.IsEmbedded() }

// Limit returns how many calls of a class are accepted within [ratelimit.Period].
func (a *App) Limit(class ratelimit.Class) int { return a.limits.Limit(class) }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseID returns a UUID in canonical form, and false for any other string. uuid.Parse also
// accepts other notations of a UUID; the length of 36 bytes excludes them.
func ParseID(s string) (string, bool) {
	u, err := uuid.Parse(s)
	return u.String(), err == nil && len(s) == 36
}

// write runs f in a transaction. If the caller's session ends before the commit, nothing changes.
//
// To avoid deadlocks on PostgreSQL, every transaction locks rows in this order, of which it may
// leave out any: transcription, project, workspace, membership, user, session, key, invitation.
// Sessions come before keys and invitations, because a transaction that ends all three must end the
// sessions first: another one that creates a key with such a session has then either committed, so
// that the key is found and ended, or it fails.
//
// The session is locked after f, so that nobody waits long for it. If f locks keys or invitations,
// it must call lockSession before.
func (a *App) write(ctx context.Context, c memo.Caller, f func(*store.Tx) error) error {
	return a.writeEnding(ctx, c, nobody, f)
}

// Values of the argument ends of [App.writeEnding] besides the id of a user.
const (
	nobody  = ""
	several = "*" // or somebody whose id is not known
)

// writeEnding is write for a use case that ends somebody's access: that of the user with the id
// ends, or of nobody, or of several. Unless it is nobody's, the transaction goes first and
// succeeds on a full disk.
func (a *App) writeEnding(ctx context.Context, c memo.Caller, ends string, f func(*store.Tx) error) error {
	withSession := func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return requireSession(ctx, tx, c)
	}
	switch {
	case ends == nobody:
		return a.store.Write(ctx, withSession)
	case ends == c.UserID && !c.Operator:
		return a.store.WriteUrgent(ctx, store.EndOwnAccess, withSession)
	}
	return a.store.WriteUrgent(ctx, store.EndAccess, withSession)
}

// lockSession locks the caller's session, if there is one, in a transaction of [App.write], which
// fails in the end if the session has ended.
func lockSession(ctx context.Context, tx *store.Tx, c memo.Caller) error {
	if c.SessionID == "" {
		return nil
	}
	_, err := tx.LockSession(ctx, c.SessionID)
	return err
}

// requireSession locks the caller's session, if there is one, and fails if it has ended.
func requireSession(ctx context.Context, tx *store.Tx, c memo.Caller) error {
	if c.SessionID == "" {
		return nil
	}
	if active, err := tx.LockSession(ctx, c.SessionID); err != nil || !active {
		return cmp.Or(err, error(errNotSignedIn))
	}
	return nil
}

// requireMember locks the caller's membership and returns the current role, which may have
// changed since authorisation. A transaction that also locks the workspace must lock it first.
func requireMember(ctx context.Context, tx *store.Tx, c memo.Caller) (memo.Role, error) {
	if c.Operator {
		return c.Role, nil
	}
	return tx.LockMember(ctx, c.WorkspaceID, c.UserID)
}

// recordEvent writes an audit event with the caller as its actor.
func recordEvent(ctx context.Context, tx *store.Tx, c memo.Caller, e memo.AuditEvent) error {
	e.IP, e.Agent = memo.Optional(c.ClientAddress), memo.Optional(c.UserAgent)
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
