package app

import (
	"context"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// What the external tests use of the package's insides. These are functions and not methods, because
// TestEveryUseCaseChecksItsCaller has a row for every exported method of App.

const (
	ExpireBatch      = expireBatch
	LargeFile        = largeFile
	MaxFailedSignIns = maxFailedSignIns
	MaxSessionUses   = maxSessionUses
	PruneBatch       = pruneBatch
	SessionRetention = sessionRetention
)

var (
	NewID          = newID
	RequireSession = requireSession
)

// RunPass does the background work of one pass, including what is due once an hour.
func RunPass(ctx context.Context, a *App) {
	for _, j := range append(a.writeJobs(false), a.cleanUpJobs()...) {
		j.runIfDue(ctx, a.log, time.Now())
	}
}

// Pruning is the job that deletes old rows.
type Pruning = pruning

func NewPruning(a *App) *Pruning { return a.newPruning() }

func PruneStep(ctx context.Context, p *Pruning) (more bool, err error) { return p.step(ctx) }

func IsExpiryPending(a *App, keyID string) bool { return a.expired.has(keyID) }

func NoteSessionUse(a *App, id string, at time.Time) { a.sessionUses.add(id, at) }

func NoteFailedSignIn(ctx context.Context, a *App, u memo.User) {
	a.noteFailedSignIn(ctx, u, Client{}, false)
}

func PendingSessionUses(a *App) int { return len(a.sessionUses.waiting) }

func PendingFailedSignIns(a *App) int { return len(a.failedSignIns.waiting) }

// TakeAttempt counts an attempt to sign in.
func TakeAttempt(ctx context.Context, a *App, email, address string) error {
	_, err := a.throttle.take(ctx, email, address, neverKnown)
	return err
}

func AdmitImport(ctx context.Context, a *App, c memo.Caller, bytes int) (release func(), err error) {
	return a.admitImport(ctx, c, bytes)
}

// Write runs a transaction of a use case.
func Write(ctx context.Context, a *App, c memo.Caller, f func(*store.Tx) error) error {
	return a.write(ctx, c, f)
}

// SetPasswordAfter is the end of ChangePassword, after the current password was checked against
// oldHash.
func SetPasswordAfter(ctx context.Context, a *App, c memo.Caller, oldHash, password string, revokeKeys bool) error {
	return a.setPassword(ctx, c, oldHash, password, revokeKeys)
}

func SizeOf(t Transcription) int64 { return t.stored.Size }

// SendDue sends what is due to webhooks, one after the other.
func SendDue(ctx context.Context, a *App) error {
	ids, err := a.store.LeaseWebhooks(ctx, maxWebhookCalls, webhookLease)
	for _, id := range ids {
		a.serveWebhook(ctx, id, a.store.Now().Add(webhookTurn))
	}
	return err
}

// QueueExpiringKeys queues the events of keys that expire soon.
func QueueExpiringKeys(ctx context.Context, a *App) error {
	_, err := a.queueExpiringKeys(ctx)
	return err
}
