package app

import (
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// errLastOwner is the error for a change that would leave a workspace without an OWNER.
var errLastOwner = memo.Conflict("last_owner",
	"This is the last owner of the workspace. Make another member an owner first.")

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
		Details: memo.EventDetails{Role: role},
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
		u := memo.User{ID: userID, Email: m.Email}
		return removeMember(ctx, tx, c, workspaceID, u, "the member is no longer in the workspace")
	})
}

// removeMember ends a membership with all access that it gave, and records the event. why is shown
// with the user's keys.
func removeMember(ctx context.Context, tx *store.Tx, c memo.Caller, workspaceID string, u memo.User, why string) error {
	if err := tx.RemoveMember(ctx, workspaceID, u.ID); err != nil {
		return err
	}
	if err := lockSession(ctx, tx, c); err != nil {
		return err
	}
	if err := deactivateKeys(ctx, tx, c, workspaceID, u.ID, why); err != nil {
		return err
	}
	if err := tx.DeleteLinksBy(ctx, u.ID, workspaceID); err != nil {
		return err
	}
	return recordEvent(ctx, tx, c, memo.AuditEvent{
		WorkspaceID: memo.Optional(workspaceID), Action: memo.ActionMemberRemoved, Subject: u.ID, Name: u.Email,
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
		Details: memo.EventDetails{Role: role},
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
			if err := tx.DeleteLinksBy(ctx, userID, workspaceID); err != nil {
				return "", err
			}
		}
		m, err = tx.Member(ctx, workspaceID, userID)
		return m.Email, err
	})
	return m, err
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
	ctx context.Context, tx *store.Tx, c memo.Caller, keys []memo.APIKey, action memo.Action, reason string,
) error {
	for _, k := range keys {
		if err := recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(k.WorkspaceID), Action: actionFor(k.Kind, action), Subject: k.ID, Name: k.Name,
			Details: memo.EventDetails{Reason: reason},
		}); err != nil {
			return err
		}
	}
	return nil
}
