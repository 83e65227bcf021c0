package app

import (
	"cmp"
	"context"
	"slices"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// errSignInFailed is the one answer to every sign-in that fails, in text and in
// time: whether the address is known is not told.
var errSignInFailed = refuseCredential("bad_sign_in", "E-mail or password is wrong")

// TakeSetupAttempt counts an attempt to set the server up, or refuses it with
// KindRateLimited, so that nobody can guess the code.
func (a *App) TakeSetupAttempt(ctx context.Context, o Client) error {
	_, err := a.throttle.take(ctx, "set-up", o.Address, nobody)
	return err
}

// SignIn is what a person shows to sign in.
type SignIn struct {
	Email, Password string
	// Replaces is the token of the session that the browser has, which the new one
	// ends; empty: none.
	Replaces string
}

// SignIn opens a session. The token goes into the cookie and is not stored.
// Errors: 401 for an unknown user, a wrong password and a disabled user alike,
// 429 when there were too many attempts, 503 when there are too many at once.
func (a *App) SignIn(
	ctx context.Context, in SignIn, o Client,
) (token string, s memo.Session, u memo.User, err error) {
	email, err := memo.CleanEmail(in.Email)
	if err != nil {
		email = "" // takes the way of an unknown user, to the end
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
		// Checking a password takes a while, in which access may have ended.
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

// addSession stores a session of a user who is locked, and ends those that it
// replaces: the one that the browser had, also of another user, and the oldest of
// too many.
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

// noteRefusal has a failed sign-in of an account that exists recorded, at most once
// a minute for each account, so that others cannot fill the trail.
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

// Sessions lists where the caller is signed in, newest first.
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

// RevokeSession ends one of the caller's sessions. No request is accepted with it
// after this has returned.
func (a *App) RevokeSession(ctx context.Context, c memo.Caller, id string) error {
	if err := requireUser(c); err != nil {
		return err
	}
	// What takes access away goes before everything else, so nobody may ask for
	// the end of nothing in a loop.
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

// SignOutEverywhere ends all sessions of the caller, this one included.
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

// endSessions runs f, which ends sessions of the caller. A caller whose own session
// has ended meanwhile ends none. The user is locked before their sessions, as
// everywhere.
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
