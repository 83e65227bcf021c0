package app

import (
	"cmp"
	"context"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// AddUser adds a user. If password is empty, they cannot sign in until the operator sets one.
func (a *App) AddUser(ctx context.Context, c memo.Caller, email, name, password string) (memo.User, error) {
	if err := requireOperator(c); err != nil {
		return memo.User{}, err
	}
	email, err := memo.CleanEmail(email)
	if err != nil {
		return memo.User{}, err
	}
	if name, err = memo.CleanName("name", name); err != nil {
		return memo.User{}, err
	}
	var hash string
	if password != "" {
		if err := credential.CheckPassword(password); err != nil {
			return memo.User{}, err
		}
		if hash, err = a.passwords.Hash(ctx, password); err != nil {
			return memo.User{}, err
		}
	}
	var u memo.User
	err = a.write(ctx, c, func(tx *store.Tx) error {
		u = memo.User{ID: newID(), Email: email, Name: name, CreatedAt: tx.Now}
		return addUser(ctx, tx, c, u, hash, memo.Conflict("email_taken", "A user with the e-mail %s already exists.", email))
	})
	return u, err
}

// addUser adds a user and records the event. taken is the error if another user has the e-mail.
func addUser(ctx context.Context, tx *store.Tx, c memo.Caller, u memo.User, hash string, taken error) error {
	if added, err := tx.AddUser(ctx, u, hash); err != nil || !added {
		return cmp.Or(err, taken)
	}
	return recordEvent(ctx, tx, c, memo.AuditEvent{
		Action: memo.ActionUserCreated, Subject: u.ID, Details: memo.EventDetails{Email: u.Email},
	})
}

// Users returns all users.
func (a *App) Users(ctx context.Context, c memo.Caller) ([]memo.User, error) {
	if err := requireOperator(c); err != nil {
		return nil, err
	}
	return a.store.Users(ctx)
}

// UserByEmail returns the user with this e-mail, ignoring case.
func (a *App) UserByEmail(ctx context.Context, c memo.Caller, email string) (memo.User, error) {
	if err := requireOperator(c); err != nil {
		return memo.User{}, err
	}
	u, err := a.store.UserByEmail(ctx, strings.ToLower(strings.TrimSpace(email)))
	if memo.KindOf(err) == memo.KindNotFound {
		return u, &memo.Error{Kind: memo.KindNotFound, Message: "There is no user with the e-mail " + email +
			". 'memo user list' shows all."}
	}
	return u, err
}

// DisableUser ends all access of a user. In one transaction it ends their sessions, deactivates
// their keys and deletes their invitations. None of these come back if the user is enabled.
func (a *App) DisableUser(ctx context.Context, c memo.Caller, userID string) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	return a.writeEnding(ctx, c, userID, func(tx *store.Tx) error {
		workspaces, err := tx.LockMemberships(ctx, userID)
		if err != nil {
			return err
		}
		changed, err := tx.SetUserDisabled(ctx, userID, true)
		if err != nil || !changed {
			return err
		}
		if err := tx.RevokeSessions(ctx, userID, ""); err != nil {
			return err
		}
		for _, id := range workspaces {
			if err := deactivateKeys(ctx, tx, c, id, userID, "the user was disabled"); err != nil {
				return err
			}
		}
		if err := tx.DeleteLinksBy(ctx, userID, ""); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionUserDisabled, Subject: userID})
	})
}

// EnableUser lets a user sign in again. It deletes links for a password that were created before.
func (a *App) EnableUser(ctx context.Context, c memo.Caller, userID string) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	return a.write(ctx, c, func(tx *store.Tx) error {
		changed, err := tx.SetUserDisabled(ctx, userID, false)
		if err != nil || !changed {
			return err
		}
		if err := tx.DeletePasswordLinks(ctx, userID); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionUserEnabled, Subject: userID})
	})
}
