package app

import (
	"cmp"
	"context"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// errLastOwner is the error for a change that would leave a workspace without an OWNER.
var errLastOwner = memo.Conflict("last_owner",
	"This is the last OWNER of the workspace. Make another member an OWNER first.")

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
	return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionUserCreated, Subject: u.ID, Detail: u.Email})
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
		if err := tx.RevokeSessions(ctx, userID); err != nil {
			return err
		}
		for _, id := range workspaces {
			if err := deactivateKeys(ctx, tx, c, id, userID, "the user was disabled"); err != nil {
				return err
			}
		}
		if err := tx.DeleteInvitesBy(ctx, userID, ""); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionUserDisabled, Subject: userID})
	})
}

// EnableUser lets a user sign in again.
func (a *App) EnableUser(ctx context.Context, c memo.Caller, userID string) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	return a.write(ctx, c, func(tx *store.Tx) error {
		changed, err := tx.SetUserDisabled(ctx, userID, false)
		if err != nil || !changed {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{Action: memo.ActionUserEnabled, Subject: userID})
	})
}

// deactivateKeys deactivates a user's keys in a workspace and records an event for each.
func deactivateKeys(ctx context.Context, tx *store.Tx, c memo.Caller, workspaceID, userID, why string) error {
	keys, err := tx.DeactivateKeys(ctx, workspaceID, userID, why)
	if err != nil {
		return err
	}
	return recordKeys(ctx, tx, c, keys, memo.ActionKeyDeactivated, why)
}

// recordKeys records an event for each of several keys, in the key's workspace.
func recordKeys(
	ctx context.Context, tx *store.Tx, c memo.Caller, keys []memo.APIKey, action memo.Action, detail string,
) error {
	for _, k := range keys {
		if err := recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(k.WorkspaceID), Action: action, Subject: k.ID, Name: k.Name, Detail: detail,
		}); err != nil {
			return err
		}
	}
	return nil
}

// AddWorkspace creates a workspace with its first OWNER.
func (a *App) AddWorkspace(
	ctx context.Context, c memo.Caller, name string, plan memo.Plan, ownerID string,
) (memo.Workspace, error) {
	if err := requireOperator(c); err != nil {
		return memo.Workspace{}, err
	}
	name, err := memo.CleanName("name", name)
	if err != nil {
		return memo.Workspace{}, err
	}
	if err := plan.Check(); err != nil {
		return memo.Workspace{}, err
	}
	var w memo.Workspace
	err = a.write(ctx, c, func(tx *store.Tx) error {
		owner, err := tx.User(ctx, ownerID)
		if err != nil {
			return err
		}
		if owner.DisabledAt != nil {
			return memo.Conflict("user_disabled", "%s is disabled, and a workspace needs an OWNER who can sign in.", owner.Email)
		}
		w = memo.Workspace{ID: newID(), Name: name, Plan: plan, CreatedAt: tx.Now}
		return addWorkspace(ctx, tx, c, w, ownerID)
	})
	return w, err
}

// addWorkspace stores a workspace with its first OWNER and records the event.
func addWorkspace(ctx context.Context, tx *store.Tx, c memo.Caller, w memo.Workspace, ownerID string) error {
	if err := tx.AddWorkspace(ctx, w); err != nil {
		return err
	}
	if _, err := tx.AddMember(ctx, w.ID, ownerID, memo.RoleOwner); err != nil {
		return err
	}
	return recordEvent(ctx, tx, c, memo.AuditEvent{
		WorkspaceID: memo.Optional(w.ID), Action: memo.ActionWorkspaceCreated, Subject: w.ID, Detail: w.Name + ", plan " +
			string(w.Plan),
	})
}

// Workspaces returns all workspaces.
func (a *App) Workspaces(ctx context.Context, c memo.Caller) ([]memo.Workspace, error) {
	if err := requireOperator(c); err != nil {
		return nil, err
	}
	return a.store.Workspaces(ctx)
}

// FindWorkspace returns a workspace by id, or by name if the name is unique.
func (a *App) FindWorkspace(ctx context.Context, c memo.Caller, idOrName string) (memo.Workspace, error) {
	if err := requireOperator(c); err != nil {
		return memo.Workspace{}, err
	}
	w, err := a.store.Workspace(ctx, strings.ToLower(idOrName))
	if memo.KindOf(err) != memo.KindNotFound {
		return w, err
	}
	named, err := a.store.WorkspacesNamed(ctx, strings.TrimSpace(idOrName))
	switch {
	case err != nil:
		return memo.Workspace{}, err
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return memo.Workspace{}, memo.Conflict("ambiguous_workspace",
			"%d workspaces are called %q. Use an id instead: 'memo workspace list' shows them.", len(named), idOrName)
	}
	return memo.Workspace{}, &memo.Error{Kind: memo.KindNotFound, Message: "There is no workspace " + idOrName +
		". 'memo workspace list' shows all."}
}

// SetPlan sets the plan of a workspace. It applies to every request that is authorised later.
func (a *App) SetPlan(ctx context.Context, c memo.Caller, workspaceID string, plan memo.Plan) error {
	if err := requireOperator(c); err != nil {
		return err
	}
	if err := plan.Check(); err != nil {
		return err
	}
	ends := nobody
	if !plan.HasAPI() {
		ends = several
	}
	return a.writeEnding(ctx, c, ends, func(tx *store.Tx) error {
		if err := tx.SetPlan(ctx, workspaceID, plan); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(workspaceID), Action: memo.ActionPlanChanged, Subject: workspaceID, Detail: string(plan),
		})
	})
}

// RenameWorkspace renames the caller's workspace, for an OWNER.
func (a *App) RenameWorkspace(ctx context.Context, c memo.Caller, name string) error {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return err
	}
	name, err := memo.CleanName("name", name)
	if err != nil {
		return err
	}
	e := memo.AuditEvent{
		WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionWorkspaceRenamed,
		Subject: c.WorkspaceID, Detail: name,
	}
	return a.changeWorkspace(ctx, c, nobody, e, func(tx *store.Tx) (string, error) {
		return "", tx.RenameWorkspace(ctx, c.WorkspaceID, name)
	})
}

// Members returns the members of a workspace, for any of its members and the operator.
func (a *App) Members(ctx context.Context, c memo.Caller, workspaceID string) ([]memo.Member, error) {
	if err := a.requireMembership(ctx, c, workspaceID); err != nil {
		return nil, err
	}
	return a.store.Members(ctx, workspaceID)
}

// AddMember makes a user a member of a workspace, for an OWNER. Keys that they had there before
// stay inactive.
func (a *App) AddMember(
	ctx context.Context, c memo.Caller, workspaceID, userID string, role memo.Role,
) (m memo.Member, err error) {
	if err := requireOwner(c, workspaceID); err != nil {
		return m, err
	}
	if err := role.Check(); err != nil {
		return m, err
	}
	e := memo.AuditEvent{
		WorkspaceID: memo.Optional(workspaceID), Action: memo.ActionMemberAdded, Subject: userID,
		Detail: string(role),
	}
	err = a.changeWorkspace(ctx, c, nobody, e, func(tx *store.Tx) (string, error) {
		added, err := tx.AddMember(ctx, workspaceID, userID, role)
		if err == nil && !added {
			return "", memo.Conflict("already_member", "This user is already a member of the workspace.")
		}
		if err == nil {
			m, err = tx.Member(ctx, workspaceID, userID)
		}
		return m.Email, err
	})
	return m, err
}

// RemoveMember removes a member and deactivates their keys in the workspace, in one
// transaction. An OWNER can remove anyone, and every member can remove themselves. The last
// OWNER cannot be removed.
func (a *App) RemoveMember(ctx context.Context, c memo.Caller, workspaceID, userID string) error {
	isSelf := requireUser(c) == nil && c.UserID == userID && c.WorkspaceID == workspaceID
	if err := requireOwner(c, workspaceID); err != nil && !isSelf {
		return err
	}
	return a.writeEnding(ctx, c, userID, func(tx *store.Tx) error {
		if err := tx.LockWorkspace(ctx, workspaceID); err != nil {
			return err
		}
		if err := requireCurrentOwner(ctx, tx, c, workspaceID); err != nil && !isSelf {
			return err
		}
		m, err := tx.Member(ctx, workspaceID, userID)
		if err != nil {
			return err
		}
		if err := requireOtherOwner(ctx, tx, workspaceID, userID); err != nil {
			return err
		}
		if err := tx.RemoveMember(ctx, workspaceID, userID); err != nil {
			return err
		}
		if err := lockSession(ctx, tx, c); err != nil {
			return err
		}
		if err := deactivateKeys(ctx, tx, c, workspaceID, userID, "the member is no longer in the workspace"); err != nil {
			return err
		}
		if err := tx.DeleteInvitesBy(ctx, userID, workspaceID); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(workspaceID), Action: memo.ActionMemberRemoved, Subject: userID, Name: m.Email,
		})
	})
}

// SetRole changes the role of a member, for an OWNER. The last OWNER must stay an OWNER.
func (a *App) SetRole(
	ctx context.Context, c memo.Caller, workspaceID, userID string, role memo.Role,
) (m memo.Member, err error) {
	if err := requireOwner(c, workspaceID); err != nil {
		return m, err
	}
	if err := role.Check(); err != nil {
		return m, err
	}
	ends := nobody
	if role != memo.RoleOwner {
		ends = userID
	}
	e := memo.AuditEvent{
		WorkspaceID: memo.Optional(workspaceID), Action: memo.ActionRoleChanged, Subject: userID,
		Detail: string(role),
	}
	err = a.changeWorkspace(ctx, c, ends, e, func(tx *store.Tx) (string, error) {
		if role != memo.RoleOwner {
			if err := requireOtherOwner(ctx, tx, workspaceID, userID); err != nil {
				return "", err
			}
		}
		if err := tx.SetRole(ctx, workspaceID, userID, role); err != nil {
			return "", err
		}
		if role != memo.RoleOwner { // or their invitations would work again if they became an OWNER again
			if err := lockSession(ctx, tx, c); err != nil {
				return "", err
			}
			if err := tx.DeleteInvitesBy(ctx, userID, workspaceID); err != nil {
				return "", err
			}
		}
		m, err = tx.Member(ctx, workspaceID, userID)
		return m.Email, err
	})
	return m, err
}

// changeWorkspace changes the members, invitations or name of the workspace of e, and records e.
// It locks the workspace, so that two OWNERs cannot remove each other concurrently. The use
// case has called requireOwner; the role is checked again under the lock. f returns the name
// for the event.
func (a *App) changeWorkspace(
	ctx context.Context, c memo.Caller, ends string, e memo.AuditEvent, f func(*store.Tx) (name string, err error),
) error {
	workspaceID := string(e.WorkspaceID)
	return a.writeEnding(ctx, c, ends, func(tx *store.Tx) error {
		if err := tx.LockWorkspace(ctx, workspaceID); err != nil {
			return err
		}
		if err := requireCurrentOwner(ctx, tx, c, workspaceID); err != nil {
			return err
		}
		var err error
		if e.Name, err = f(tx); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, e)
	})
}

// requireCurrentOwner is requireOwner by the current role, which may have changed since
// authorisation.
func requireCurrentOwner(ctx context.Context, tx *store.Tx, c memo.Caller, workspaceID string) error {
	if c.Operator {
		return nil
	}
	m, err := tx.Member(ctx, workspaceID, c.UserID)
	if memo.KindOf(err) == memo.KindNotFound || err == nil && m.Role != memo.RoleOwner {
		return errOwnerRequired
	}
	return err
}

// requireOtherOwner fails if the user is the last OWNER who is not disabled, or not a member.
func requireOtherOwner(ctx context.Context, tx *store.Tx, workspaceID, userID string) error {
	m, err := tx.Member(ctx, workspaceID, userID)
	if err != nil || m.Role != memo.RoleOwner {
		return err
	}
	u, err := tx.User(ctx, userID)
	if err != nil || u.DisabledAt != nil { // a disabled OWNER does not count
		return err
	}
	n, err := tx.CountOwners(ctx, workspaceID)
	if err == nil && n <= 1 {
		return errLastOwner
	}
	return err
}
