package app

import (
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// Account reads who the caller is.
func (a *App) Account(ctx context.Context, c memo.Caller) (memo.User, error) {
	return a.store.User(ctx, c.UserID)
}

// Rename changes the caller's name.
func (a *App) Rename(ctx context.Context, c memo.Caller, name string) error {
	name, err := memo.CleanName("name", name)
	if err != nil {
		return err
	}
	return a.write(ctx, c, func(tx *store.Tx) error {
		if err := tx.RenameUser(ctx, c.UserID, name); err != nil {
			return err
		}
		return record(ctx, tx, c, memo.Event{Action: memo.ActionUserRenamed, Subject: c.UserID, Detail: name})
	})
}

// ChangePassword sets the caller's password, who must know the current one, and
// ends all of their sessions: who took one over is out. Attempts are throttled
// as sign-ins are.
func (a *App) ChangePassword(ctx context.Context, c memo.Caller, current, next string) error {
	if err := memo.CheckPassword(next); err != nil {
		return err
	}
	u, err := a.store.User(ctx, c.UserID)
	if err != nil {
		return err
	}
	hash, err := a.store.PasswordHash(ctx, c.UserID)
	if err != nil {
		return err
	}
	undo, err := a.throttle.attempt(ctx, u.Email, c.IP, true)
	if err != nil {
		return err
	}
	ok, err := a.passwords.Matches(ctx, current, hash)
	if err != nil {
		undo()
		return err
	}
	if !ok {
		return errNotCurrent
	}
	undo()
	return a.setPassword(ctx, c, hash, next)
}

var errNotCurrent error = memo.Invalid("current", "is not right")

// SignOutEverywhere ends all sessions of the caller, this one included.
func (a *App) SignOutEverywhere(ctx context.Context, c memo.Caller) error {
	return a.store.Write(ctx, func(tx *store.Tx) error {
		tx.UseReserve()
		if err := tx.RevokeSessions(ctx, c.UserID); err != nil {
			return err
		}
		return record(ctx, tx, c, memo.Event{Action: memo.ActionSignedOut, Subject: c.UserID, Detail: "all sessions ended"})
	})
}

// Membership is a workspace of a user, with what they are in it.
type Membership = store.Membership

// Memberships lists the caller's workspaces by name.
func (a *App) Memberships(ctx context.Context, c memo.Caller) ([]Membership, error) {
	return a.store.Memberships(ctx, c.UserID)
}
