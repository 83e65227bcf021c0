package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// errSignInFailed is the error of every failed sign-in. The response and its duration are the
// same whether or not the account exists.
var errSignInFailed = memo.Unauthorized("bad_sign_in", "E-mail or password is wrong")

// TakeSetupAttempt counts an attempt to set up the server, or returns KindRateLimited, so that
// the set-up code cannot be guessed.
func (a *App) TakeSetupAttempt(ctx context.Context, client Client) error {
	_, err := a.throttle.take(ctx, "set-up", client.Address, neverKnown)
	return err
}

// SignIn is the input of a sign-in.
type SignIn struct {
	Email, Password string
	// Replaces is the session token that the browser has now. The new session ends that one. It
	// may be empty.
	Replaces string
}

// SignIn starts a session. The token is for the cookie and is not stored. Errors: the same
// KindUnauthorized for an unknown user, a wrong password and a disabled user, KindRateLimited
// after too many attempts, and KindUnavailable if too many passwords are being checked.
func (a *App) SignIn(
	ctx context.Context, in SignIn, client Client,
) (token string, s memo.Session, u memo.User, err error) {
	email, err := memo.CleanEmail(in.Email)
	if err != nil {
		email = "" // continue as for an unknown user, which takes the same time
	}
	known := func() (bool, error) { return a.store.KnowsAddress(ctx, email, client.Address) }
	var account store.Account
	var matches bool
	ok, err := a.throttle.attempt(ctx, email, client.Address, known, func() (ok bool, err error) {
		if account, err = a.store.AccountByEmail(ctx, email); err != nil {
			return false, err
		}
		matches, err = a.passwords.Matches(ctx, in.Password, account.PasswordHash)
		return matches && account.DisabledAt == nil, err
	})
	u = account.User
	if err != nil {
		return "", s, u, err
	}
	if !ok {
		a.noteFailedSignIn(ctx, u, client, matches)
		return "", s, u, errSignInFailed
	}
	token, tokenHash := credential.NewToken()
	err = a.store.WriteUrgent(ctx, store.SignIn, func(tx *store.Tx) error {
		// While the password was checked, it may have been changed or the user disabled.
		if same, err := tx.LockUser(ctx, u.ID, account.PasswordHash); err != nil || !same {
			return cmp.Or(err, error(errSignInFailed))
		}
		s = memo.Session{
			ID: newID(), UserID: u.ID, CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(memo.SessionLifetime), LastUsedAt: tx.Now,
			IP: client.Address, Agent: client.UserAgent, Current: true,
		}
		return addSession(ctx, tx, s, tokenHash, in.Replaces)
	})
	return token, s, u, err
}

// addSession stores a session of a locked user and ends those that it replaces: the one that the
// browser had, even if it is another user's, and the oldest if there are too many.
func addSession(ctx context.Context, tx *store.Tx, s memo.Session, hash credential.Hash, replaces string) error {
	if err := tx.AddSession(ctx, s, hash); err != nil {
		return err
	}
	recordEnd := func(old memo.Session, why string) error {
		c := memo.Caller{UserID: old.UserID, ClientAddress: s.IP, UserAgent: s.Agent}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			Action: memo.ActionSignedOut, Subject: old.ID, Details: memo.EventDetails{Reason: why},
		})
	}
	if len(replaces) == tokenLen {
		old, err := tx.ReplaceSession(ctx, credential.HashToken(replaces))
		if err != nil {
			return err
		}
		if old.ID != "" {
			if err := recordEnd(old, "another sign-in in the same browser"); err != nil {
				return err
			}
		}
	}
	oldest, err := tx.EndOldestSessions(ctx, s.UserID, memo.MaxSessions)
	if err != nil {
		return err
	}
	for _, old := range oldest {
		if err := recordEnd(old, "the oldest of too many sessions"); err != nil {
			return err
		}
	}
	c := memo.Caller{UserID: s.UserID, ClientAddress: s.IP, UserAgent: s.Agent}
	return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionSignedIn, Subject: s.ID})
}

// failedSignIn is a failed sign-in of an account that exists.
type failedSignIn struct {
	user memo.User
	at   time.Time
	from Client
	why  string
}

// noteFailedSignIn notes a failed sign-in for the audit trail, at most one per minute and user, so
// that attackers cannot fill it. It is written in the background, so that a sign-in takes the same
// time whether or not the account exists. It does nothing for an unknown user.
func (a *App) noteFailedSignIn(ctx context.Context, u memo.User, from Client, rightPassword bool) {
	if u.ID == "" {
		return
	}
	if d, err := a.throttle.windows.Take(ctx, perAccountEvent, digest(u.ID)); err != nil || !d.Accepted {
		return
	}
	why := "the password was wrong"
	if rightPassword {
		why = "the user is disabled"
	}
	if !a.failedSignIns.add(newID(), failedSignIn{u, a.store.Now(), from, why}) {
		a.log.Warn("a failed sign-in is not in the audit trail: too many are waiting to be written", "user_id", u.ID)
	}
	a.writeSoon()
}

// recordFailedSignIn writes the event to the audit trail of every workspace of the user. If there is
// none, the event belongs to no workspace.
func recordFailedSignIn(ctx context.Context, tx *store.Tx, _ string, f failedSignIn) error {
	workspaces, err := tx.Memberships(ctx, f.user.ID)
	if err != nil {
		return err
	}
	if len(workspaces) == 0 {
		workspaces = []memo.Membership{{}}
	}
	client := memo.Caller{ClientAddress: f.from.Address, UserAgent: f.from.UserAgent}
	for _, w := range workspaces {
		if err := recordEvent(ctx, tx, client, memo.AuditEvent{
			WorkspaceID: memo.Optional(w.ID), Action: memo.ActionSignInFailed, At: f.at,
			Subject: f.user.ID, Name: f.user.Email, Details: memo.EventDetails{Reason: f.why},
		}); err != nil {
			return err
		}
	}
	return nil
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

// RevokeSession ends one of the caller's sessions. After it returns nil, no request with that
// session is accepted.
func (a *App) RevokeSession(ctx context.Context, c memo.Caller, id string) error {
	if err := requireUser(c); err != nil {
		return err
	}
	// Look first: the write below has priority over others, so it must not run for sessions that
	// do not exist.
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
	return a.signOut(ctx, c, "", "all sessions ended")
}

// SignOutElsewhere ends all sessions of the caller but this one.
func (a *App) SignOutElsewhere(ctx context.Context, c memo.Caller) error {
	return a.signOut(ctx, c, c.SessionID, "all other sessions ended")
}

// signOut ends all sessions of the caller but one, if keep is not empty.
func (a *App) signOut(ctx context.Context, c memo.Caller, keep, reason string) error {
	if err := requireUser(c); err != nil {
		return err
	}
	return a.endSessions(ctx, c, func(tx *store.Tx) error {
		if err := tx.RevokeSessions(ctx, c.UserID, keep); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			Action: memo.ActionSignedOut, Subject: c.UserID, Details: memo.EventDetails{Reason: reason},
		})
	})
}

// endSessions runs f, which ends sessions of the caller, in a transaction that has locked the user
// and the caller's own session.
func (a *App) endSessions(ctx context.Context, c memo.Caller, f func(*store.Tx) error) error {
	return a.writeEnding(ctx, c, c.UserID, func(tx *store.Tx) error {
		if err := tx.LockUserRow(ctx, c.UserID); err != nil {
			return err
		}
		if err := requireSession(ctx, tx, c); err != nil {
			return err
		}
		return f(tx)
	})
}
