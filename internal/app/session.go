package app

import (
	"cmp"
	"context"
	"slices"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// errSignInFailed is the error of every failed sign-in. Text and time are the same whether or
// not the account exists.
var errSignInFailed = refuseCredential("bad_sign_in", "E-mail or password is wrong")

// TakeSetupAttempt counts an attempt to set up the server, or returns KindRateLimited, so that
// the code cannot be guessed.
func (a *App) TakeSetupAttempt(ctx context.Context, o Client) error {
	_, err := a.throttle.take(ctx, "set-up", o.Address, nobody)
	return err
}

// SignIn is the input of a sign-in.
type SignIn struct {
	Email, Password string
	// Replaces is the token of the browser's current session, which the new one ends; may be
	// empty.
	Replaces string
}

// SignIn starts a session. The token goes into the cookie and is not stored. Errors:
// KindUnauthorized for an unknown user, a wrong password or a disabled user alike,
// KindRateLimited after too many attempts, KindUnavailable if too many run at once.
func (a *App) SignIn(
	ctx context.Context, in SignIn, o Client,
) (token string, s memo.Session, u memo.User, err error) {
	email, err := memo.CleanEmail(in.Email)
	if err != nil {
		email = "" // continue as for an unknown user, for the same time
	}
	known := func() (bool, error) { return a.store.KnowsAddress(ctx, email, o.Address) }
	undo, err := a.throttle.take(ctx, email, o.Address, known)
	if err != nil {
		return "", s, u, err
	}
	account, err := a.store.AccountByEmail(ctx, email)
	if err != nil {
		undo()
		return "", s, u, err
	}
	u = account.User
	ok, err := a.passwords.Matches(ctx, in.Password, account.PasswordHash)
	if err != nil {
		undo()
		return "", s, u, err
	}
	if !ok || u.DisabledAt != nil {
		a.noteRefusal(ctx, u, o, ok)
		return "", s, u, errSignInFailed
	}
	undo()
	token, tokenHash := credential.NewToken()
	err = a.store.WriteSignIn(ctx, func(tx *store.Tx) error {
		// Checking a password takes a while, in which the access may have ended.
		if same, err := tx.LockUser(ctx, u.ID, account.PasswordHash); err != nil || !same {
			return cmp.Or(err, errSignInFailed)
		}
		s = memo.Session{
			ID: newID(), UserID: u.ID, CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(memo.SessionLifetime), LastUsedAt: tx.Now,
			IP: o.Address, Agent: truncateBytes(o.UserAgent, maxEventText), Current: true,
		}
		return addSession(ctx, tx, s, tokenHash, in.Replaces)
	})
	return token, s, u, err
}

// addSession stores a session of a locked user and ends those that it replaces: the browser's
// previous one, even of another user, and the oldest if there are too many.
func addSession(ctx context.Context, tx *store.Tx, s memo.Session, hash credential.Hash, replaces string) error {
	if err := tx.AddSession(ctx, s, hash); err != nil {
		return err
	}
	end := func(s, by memo.Session, why string) error {
		c := memo.Caller{UserID: s.UserID, ClientAddress: by.IP, UserAgent: by.Agent}
		return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionSignedOut, Subject: s.ID, Detail: why})
	}
	if len(replaces) == tokenLen {
		old, err := tx.ReplaceSession(ctx, credential.HashToken(replaces))
		if err != nil {
			return err
		}
		if old.ID != "" {
			if err := end(old, s, "another sign-in in the same browser"); err != nil {
				return err
			}
		}
	}
	oldest, err := tx.EndOldestSessions(ctx, s.UserID, memo.MaxSessions)
	if err != nil {
		return err
	}
	for _, old := range oldest {
		if err := end(old, s, "the oldest of too many sessions"); err != nil {
			return err
		}
	}
	c := memo.Caller{UserID: s.UserID, ClientAddress: s.IP, UserAgent: s.Agent}
	return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionSignedIn, Subject: s.ID})
}

// noteRefusal queues an event for a failed sign-in of an existing account, at most one per
// minute and account, so that attackers cannot fill the audit trail.
func (a *App) noteRefusal(ctx context.Context, u memo.User, o Client, rightPassword bool) {
	if u.ID == "" {
		return
	}
	if d, err := a.throttle.windows.Take(ctx, perAccountRefusal, digest(u.ID)); err != nil || !d.Accepted {
		return
	}
	why := "the password was wrong"
	if rightPassword {
		why = "the user is disabled"
	}
	a.backlog.noteFailure(failedSignIn{u, a.store.Now(), o, why})
}

// Sessions returns the caller's active sessions, newest first.
func (a *App) Sessions(ctx context.Context, c memo.Caller) ([]memo.Session, error) {
	if err := requireUser(c); err != nil {
		return nil, err
	}
	sessions, err := a.store.Sessions(ctx, c.UserID)
	for i := range sessions {
		sessions[i].Current = sessions[i].ID == c.SessionID
	}
	return sessions, err
}

// RevokeSession ends one of the caller's sessions. After it returns nil, no request with it is
// accepted.
func (a *App) RevokeSession(ctx context.Context, c memo.Caller, id string) error {
	if err := requireUser(c); err != nil {
		return err
	}
	// Check first: ending access has priority over other writes, so requests to end sessions
	// that do not exist must not write.
	sessions, err := a.store.Sessions(ctx, c.UserID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(sessions, func(s memo.Session) bool { return s.ID == id }) {
		return memo.NotFound("Session")
	}
	return a.endSessions(ctx, c, func(tx *store.Tx) error {
		ended, err := tx.RevokeSession(ctx, c.UserID, id)
		if err != nil {
			return err
		}
		if !ended {
			return memo.NotFound("Session")
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionSignedOut, Subject: id})
	})
}

// SignOutEverywhere ends all sessions of the caller, including this one.
func (a *App) SignOutEverywhere(ctx context.Context, c memo.Caller) error {
	if err := requireUser(c); err != nil {
		return err
	}
	return a.endSessions(ctx, c, func(tx *store.Tx) error {
		if err := tx.RevokeSessions(ctx, c.UserID); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			Action: memo.ActionSignedOut, Subject: c.UserID, Detail: "all sessions ended",
		})
	})
}

// endSessions runs f, which ends sessions of the caller. It fails if the caller's own session
// has ended meanwhile. The user is locked before their sessions, as everywhere.
func (a *App) endSessions(ctx context.Context, c memo.Caller, f func(*store.Tx) error) error {
	return a.store.WriteOwnRevocation(ctx, func(tx *store.Tx) error {
		if err := tx.LockUserRow(ctx, c.UserID); err != nil {
			return err
		}
		if err := requireSession(ctx, tx, c); err != nil {
			return err
		}
		return f(tx)
	})
}
