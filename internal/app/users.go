package app

import (
	"cmp"
	"context"
	"slices"
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

// Users returns all users but the deleted ones.
func (a *App) Users(ctx context.Context, c memo.Caller) ([]memo.User, error) {
	if err := requireOperator(c); err != nil {
		return nil, err
	}
	users, err := a.store.Users(ctx)
	return slices.DeleteFunc(users, memo.User.IsDeleted), err
}

// UserByEmail returns the user with this e-mail, ignoring case.
func (a *App) UserByEmail(ctx context.Context, c memo.Caller, email string) (memo.User, error) {
	if err := requireOperator(c); err != nil {
		return memo.User{}, err
	}
	u, err := a.store.UserByEmail(ctx, strings.ToLower(strings.TrimSpace(email)))
	if memo.KindOf(err) == memo.KindNotFound || u.IsDeleted() {
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

// DeleteUser ends all access of a user like [App.DisableUser], removes them from their workspaces and
// replaces their e-mail and name by a pseudonym, so that another user can have the e-mail. Audit events
// stay as they are. The last OWNER of a workspace cannot be deleted.
func (a *App) DeleteUser(ctx context.Context, c memo.Caller, userID string) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	return a.writeEnding(ctx, c, userID, func(tx *store.Tx) error {
		u, err := tx.User(ctx, userID)
		if err != nil {
			return err
		}
		if u.IsDeleted() {
			return memo.NotFound("User")
		}
		workspaces, err := lockWorkspacesOf(ctx, tx, u)
		if err != nil {
			return err
		}
		if err := tx.RevokeSessions(ctx, userID, ""); err != nil {
			return err
		}
		for _, id := range workspaces {
			if err := removeMember(ctx, tx, c, id, u, "the user was deleted"); err != nil {
				return err
			}
		}
		if err := tx.DeletePasswordLinks(ctx, userID); err != nil {
			return err
		}
		if err := tx.ReplaceUser(ctx, u.Pseudonym()); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionUserDeleted, Subject: userID})
	})
}

// lockWorkspacesOf locks the workspaces of a user and their memberships, and returns the ids of the
// workspaces. It fails if one would have no OWNER without the user.
func lockWorkspacesOf(ctx context.Context, tx *store.Tx, u memo.User) (ids []string, err error) {
	memberships, err := tx.Memberships(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(memberships, func(m, n memo.Membership) int { return strings.Compare(m.ID, n.ID) })
	for _, m := range memberships {
		if err := tx.LockWorkspace(ctx, m.ID); err != nil {
			return nil, err
		}
		owners, err := tx.CountOwners(ctx, m.ID)
		if err != nil {
			return nil, err
		}
		if u.DisabledAt == nil && m.Role == memo.RoleOwner {
			owners--
		}
		if owners <= 0 {
			return nil, memo.Conflict("last_owner", "%s would have no OWNER. Promote a member with 'memo member role %s EMAIL "+
				"owner', or delete it with 'memo workspace delete %[2]s'.", m.Name, m.ID)
		}
	}
	ids, err = tx.LockMemberships(ctx, u.ID)
	if err == nil && len(ids) != len(memberships) {
		err = memo.Conflict("changed", "The memberships of %s have just changed. Try again.", u.Email)
	}
	return ids, err
}
