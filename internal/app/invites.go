package app

import (
	"cmp"
	"context"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// errInvite is the error for every invitation that cannot be accepted: it is unknown, used,
// revoked or expired, or its creator is no longer an OWNER.
var errInvite = &memo.Error{
	Kind:    memo.KindNotFound,
	Message: "This invitation is no longer valid. Ask for a new one.",
}

// Invite creates an invitation to the caller's workspace, for an OWNER. The token is for the
// link. It is shown once and not stored. The recipient is a name or an e-mail for people; it may be
// empty, and does not restrict who can accept.
func (a *App) Invite(
	ctx context.Context, c memo.Caller, role memo.Role, recipient string,
) (i memo.Invite, token string, err error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return i, token, err
	}
	if err := role.Check(); err != nil {
		return i, "", err
	}
	if strings.TrimSpace(recipient) != "" {
		if recipient, err = memo.CleanName("recipient", recipient); err != nil {
			return i, "", err
		}
	}
	token, hash := credential.NewToken()
	i = memo.Invite{ID: newID(), WorkspaceID: c.WorkspaceID, Role: role, Recipient: strings.TrimSpace(recipient)}
	e := memo.AuditEvent{
		WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionInviteCreated, Subject: i.ID,
		Details: memo.EventDetails{Role: role},
	}
	err = a.changeWorkspace(ctx, c, nobody, e, func(tx *store.Tx) (string, error) {
		if err := lockSession(ctx, tx, c); err != nil {
			return "", err
		}
		i.CreatedAt, i.ExpiresAt = tx.Now, tx.Now.Add(memo.InviteLifetime)
		if err := tx.AddInvite(ctx, i, c.UserID, hash); err != nil {
			return "", err
		}
		n, err := tx.CountInvites(ctx, c.WorkspaceID)
		if err == nil && n > memo.MaxInvites {
			return "", memo.Conflict("too_many_invites",
				"This workspace has %d open invitations, which is the limit. Revoke some first.", memo.MaxInvites)
		}
		return i.Recipient, err
	})
	return i, token, err
}

// Invites returns the open invitations to the caller's workspace, for an OWNER.
func (a *App) Invites(ctx context.Context, c memo.Caller) ([]memo.Invite, error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return nil, err
	}
	return a.store.Invites(ctx, c.WorkspaceID)
}

// RevokeInvite revokes an invitation to the caller's workspace, for an OWNER.
func (a *App) RevokeInvite(ctx context.Context, c memo.Caller, id string) error {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return err
	}
	e := memo.AuditEvent{WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionInviteRevoked, Subject: id}
	return a.changeWorkspace(ctx, c, several, e, func(tx *store.Tx) (string, error) {
		if err := lockSession(ctx, tx, c); err != nil {
			return "", err
		}
		deleted, err := tx.DeleteInvite(ctx, c.WorkspaceID, id)
		if err == nil && !deleted {
			return "", memo.NotFound("Invitation")
		}
		return "", err
	})
}

// InviteByToken returns the open invitation with this token, or KindNotFound.
func (a *App) InviteByToken(ctx context.Context, token string) (memo.Invite, error) {
	if len(token) != tokenLen {
		return memo.Invite{}, errInvite
	}
	i, err := a.store.InviteByHash(ctx, credential.HashToken(token))
	if memo.KindOf(err) == memo.KindNotFound || err == nil && !a.store.Now().Before(i.ExpiresAt) {
		return memo.Invite{}, errInvite
	}
	return i, err
}

// AcceptInvite makes the signed-in caller a member. An invitation works once.
func (a *App) AcceptInvite(ctx context.Context, c memo.Caller, token string) (memo.Invite, error) {
	if err := requireUser(c); err != nil {
		return memo.Invite{}, err
	}
	i, err := a.InviteByToken(ctx, token)
	if err != nil {
		return i, err
	}
	return i, a.write(ctx, c, func(tx *store.Tx) error { return acceptInvite(ctx, tx, c, i, token) })
}

// SignUpWithInvite creates a user who accepts the invitation, in one transaction. It returns
// all invalid fields. Attempts are limited like sign-ins, because each reveals whether a user
// has this e-mail.
func (a *App) SignUpWithInvite(
	ctx context.Context, token, email, name, password string, client Client,
) (i memo.Invite, problems []*memo.Error, err error) {
	if i, err = a.InviteByToken(ctx, token); err != nil {
		return i, nil, err
	}
	email, emailErr := memo.CleanEmail(email)
	name, nameErr := memo.CleanName("name", name)
	if problems = invalidErrors(emailErr, nameErr, credential.CheckPassword(password)); len(problems) > 0 {
		return i, problems, nil
	}
	if _, err := a.throttle.take(ctx, "join "+i.ID, client.Address, neverKnown); err != nil {
		return i, nil, err
	}
	hash, err := a.passwords.Hash(ctx, password)
	if err != nil {
		return i, nil, err
	}
	err = a.store.Write(ctx, func(tx *store.Tx) error {
		u := memo.User{ID: newID(), Email: email, Name: name, CreatedAt: tx.Now}
		c := memo.Caller{UserID: u.ID, ClientAddress: client.Address, UserAgent: client.UserAgent}
		taken := memo.Conflict("email_taken",
			"An account with this e-mail already exists. Sign in and open the invitation again.")
		if err := addUser(ctx, tx, c, u, hash, taken); err != nil {
			return err
		}
		return acceptInvite(ctx, tx, c, i, token)
	})
	return i, nil, err
}

// acceptInvite uses the invitation and makes the caller a member. It locks the workspace, so
// the creator of the invitation is still an OWNER at that moment.
func acceptInvite(ctx context.Context, tx *store.Tx, c memo.Caller, i memo.Invite, token string) error {
	if err := tx.LockWorkspace(ctx, i.WorkspaceID); err != nil {
		return err
	}
	if _, err := tx.InviteByHash(ctx, credential.HashToken(token)); err != nil {
		return replaceNotFound(err, errInvite)
	}
	if err := lockSession(ctx, tx, c); err != nil {
		return err
	}
	if deleted, err := tx.DeleteInvite(ctx, i.WorkspaceID, i.ID); err != nil || !deleted {
		return cmp.Or(err, error(errInvite))
	}
	added, err := tx.AddMember(ctx, i.WorkspaceID, c.UserID, i.Role)
	if err == nil && !added {
		return memo.Conflict("already_member", "You are already a member of %s.", i.Workspace)
	}
	if err != nil {
		return err
	}
	m, err := tx.Member(ctx, i.WorkspaceID, c.UserID)
	if err != nil {
		return err
	}
	return recordEvent(ctx, tx, c, memo.AuditEvent{
		WorkspaceID: memo.Optional(i.WorkspaceID), Action: memo.ActionMemberAdded, Subject: c.UserID, Name: m.Email,
		Details: memo.EventDetails{Role: i.Role, InvitedBy: i.CreatedBy},
	})
}

// replaceNotFound returns notFound if err is KindNotFound, and err otherwise.
func replaceNotFound(err, notFound error) error {
	if memo.KindOf(err) == memo.KindNotFound {
		return notFound
	}
	return err
}
