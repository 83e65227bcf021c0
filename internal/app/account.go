package app

import (
	"cmp"
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// Account returns the caller's user.
func (a *App) Account(ctx context.Context, c memo.Caller) (memo.User, error) {
	if err := requireUser(c); err != nil {
		return memo.User{}, err
	}
	return a.store.User(ctx, c.UserID)
}

// RenameUser changes the caller's name.
func (a *App) RenameUser(ctx context.Context, c memo.Caller, name string) error {
	if err := requireUser(c); err != nil {
		return err
	}
	name, err := memo.CleanName("name", name)
	if err != nil {
		return err
	}
	return a.write(ctx, c, func(tx *store.Tx) error {
		if err := tx.RenameUser(ctx, c.UserID, name); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			Action: memo.ActionUserRenamed, Subject: c.UserID, Details: memo.EventDetails{Name: name},
		})
	})
}

// CountOwnKeys counts the caller's active keys in all workspaces.
func (a *App) CountOwnKeys(ctx context.Context, c memo.Caller) (int, error) {
	if err := requireUser(c); err != nil {
		return 0, err
	}
	return a.store.CountKeysOf(ctx, c.UserID)
}

var errWrongPassword error = memo.Invalid("current", "is incorrect")

// ChangePassword sets the caller's password after checking the current one, and ends all of
// their sessions, including stolen ones. With revokeKeys it also revokes their API keys in all
// workspaces, in the same transaction. Attempts are limited like sign-ins.
func (a *App) ChangePassword(ctx context.Context, c memo.Caller, current, next string, revokeKeys bool) error {
	if err := requireUser(c); err != nil {
		return err
	}
	if err := credential.CheckPassword(next); err != nil {
		return err
	}
	u, err := a.store.User(ctx, c.UserID)
	if err != nil {
		return err
	}
	var hash string
	known := func() (bool, error) { return true, nil } // they are signed in
	ok, err := a.throttle.attempt(ctx, u.Email, c.ClientAddress, known, func() (ok bool, err error) {
		if hash, err = a.store.PasswordHash(ctx, c.UserID); err != nil {
			return false, err
		}
		return a.passwords.Matches(ctx, current, hash)
	})
	if err != nil {
		return err
	}
	if !ok {
		return errWrongPassword
	}
	return a.setPassword(ctx, c, hash, next, revokeKeys)
}

// SetPassword sets the password of c.UserID without checking the current one, and ends all of
// their sessions. It is for the operator.
func (a *App) SetPassword(ctx context.Context, c memo.Caller, password string) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	if err := credential.CheckPassword(password); err != nil {
		return err
	}
	oldHash, err := a.store.PasswordHash(ctx, c.UserID)
	if err != nil {
		return err
	}
	return a.setPassword(ctx, c, oldHash, password, false)
}

// setPassword changes the user's password if its stored hash is still oldHash, ends all of
// their sessions, and revokes their keys if revokeKeys is set.
func (a *App) setPassword(ctx context.Context, c memo.Caller, oldHash, password string, revokeKeys bool) error {
	hash, err := a.passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return a.writeEnding(ctx, c, c.UserID, func(tx *store.Tx) error {
		// Hashing takes a while, in which another request may have changed the password.
		if same, err := tx.LockUser(ctx, c.UserID, oldHash); err != nil || !same {
			return cmp.Or(err, errWrongPassword)
		}
		if err := requireSession(ctx, tx, c); err != nil {
			return err
		}
		if err := replacePassword(ctx, tx, c, hash, revokeKeys); err != nil {
			return err
		}
		return tx.DeletePasswordLinks(ctx, c.UserID)
	})
}

// replacePassword stores the caller's new password in a transaction that has locked the user, ends
// all of their sessions, and revokes their keys if revokeKeys is set.
func replacePassword(ctx context.Context, tx *store.Tx, c memo.Caller, hash string, revokeKeys bool) error {
	if err := tx.SetPassword(ctx, c.UserID, hash); err != nil {
		return err
	}
	if err := tx.RevokeSessions(ctx, c.UserID, ""); err != nil {
		return err
	}
	if revokeKeys {
		if err := revokeKeysOf(ctx, tx, c); err != nil {
			return err
		}
	}
	return recordEvent(ctx, tx, c, memo.AuditEvent{
		Action: memo.ActionSignedOut, Subject: c.UserID,
		Details: memo.EventDetails{Reason: "password changed, all sessions ended"},
	})
}

// revokeKeysOf revokes the caller's active keys, each with its event in its workspace. The
// transaction must have ended the caller's sessions, see [App.write].
func revokeKeysOf(ctx context.Context, tx *store.Tx, c memo.Caller) error {
	keys, err := tx.RevokeKeysOf(ctx, c.UserID)
	if err != nil {
		return err
	}
	return recordKeys(ctx, tx, c, keys, memo.ActionKeyRevoked, "when the password was changed")
}

// Memberships returns the caller's workspaces, sorted by name.
func (a *App) Memberships(ctx context.Context, c memo.Caller) ([]memo.Membership, error) {
	if err := requireUser(c); err != nil {
		return nil, err
	}
	return a.store.Memberships(ctx, c.UserID)
}
