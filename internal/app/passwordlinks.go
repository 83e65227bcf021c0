package app

import (
	"cmp"
	"context"
	"slices"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// Refusals of a password link.
var (
	errPasswordLink = &memo.Error{Kind: memo.KindNotFound, Message: "This link no longer works. " +
		"A newer link or a new password may have replaced it. Ask for a new link."}
	errPasswordLinkUsed = &memo.Error{
		Kind:    memo.KindNotFound,
		Message: "This link was already used. Sign in with the new password, or ask for a new link.",
	}
	errPasswordLinkExpired = &memo.Error{
		Kind:    memo.KindNotFound,
		Message: "This link has expired: it works for 24 hours. Ask for a new one.",
	}
	errPasswordLinkDisabled = memo.Forbidden("user_disabled",
		"This account is disabled. Only the operator of this server can enable it.")
)

// CreatePasswordLink creates a link with which a user sets a new password, for the operator, and for an
// OWNER whose workspace is the only one of the user. It replaces an earlier link of the user. The
// token is for the link. It is shown once and not stored.
func (a *App) CreatePasswordLink(
	ctx context.Context, c memo.Caller, userID string,
) (l memo.PasswordLink, token string, err error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return l, "", err
	}
	if userID == c.UserID {
		return l, "", memo.Conflict("own_password", "Change your own password on the account page.")
	}
	token, hash := credential.NewToken()
	err = a.write(ctx, c, func(tx *store.Tx) error {
		if err := lockForPasswordLink(ctx, tx, c, userID); err != nil {
			return err
		}
		u, err := tx.User(ctx, userID)
		if err != nil {
			return err
		}
		if u.DisabledAt != nil {
			return memo.Conflict("user_disabled", "%s is disabled. Enable the user first.", u.Email)
		}
		l = memo.PasswordLink{
			UserID: u.ID, Email: u.Email, WorkspaceID: c.WorkspaceID, ExpiresAt: tx.Now.Add(memo.PasswordLinkLifetime),
		}
		if err := tx.DeletePasswordLinks(ctx, u.ID); err != nil {
			return err
		}
		if err := tx.AddPasswordLink(ctx, l, c.UserID, hash); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionPasswordLinkCreated, Subject: u.ID, Name: u.Email,
		})
	})
	return l, token, err
}

// lockForPasswordLink locks the user. For an OWNER it also checks that both are members of the
// workspace, and that the user is in no other.
func lockForPasswordLink(ctx context.Context, tx *store.Tx, c memo.Caller, userID string) error {
	if c.Operator {
		return tx.LockUserRow(ctx, userID)
	}
	if err := tx.LockWorkspace(ctx, c.WorkspaceID); err != nil {
		return err
	}
	if err := requireCurrentOwner(ctx, tx, c, c.WorkspaceID); err != nil {
		return err
	}
	if err := tx.LockUserRow(ctx, userID); err != nil {
		return err
	}
	workspaces, err := tx.Memberships(ctx, userID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(workspaces, func(m memo.Membership) bool { return m.ID == c.WorkspaceID }) {
		return memo.NotFound("Member")
	}
	if len(workspaces) > 1 {
		return memo.Conflict("member_elsewhere", "This member belongs to other workspaces too, which a new password would "+
			"open as well. Ask the operator of this server for a link.")
	}
	return lockSession(ctx, tx, c)
}

// PasswordLinkByToken returns the link with this token, if it works now.
func (a *App) PasswordLinkByToken(ctx context.Context, token string) (memo.PasswordLink, error) {
	if len(token) != tokenLen {
		return memo.PasswordLink{}, errPasswordLink
	}
	l, err := a.store.PasswordLinkByHash(ctx, credential.HashToken(token))
	if err != nil {
		return l, replaceNotFound(err, errPasswordLink)
	}
	return l, a.checkPasswordLink(l)
}

func (a *App) checkPasswordLink(l memo.PasswordLink) error {
	switch {
	case l.Disabled:
		return errPasswordLinkDisabled
	case l.UsedAt != nil:
		return errPasswordLinkUsed
	case !a.store.Now().Before(l.ExpiresAt):
		return errPasswordLinkExpired
	}
	return nil
}

// SetPasswordWithLink sets the password of the link's user and ends all of their sessions. With
// revokeKeys it also revokes their API keys. A link works once.
func (a *App) SetPasswordWithLink(
	ctx context.Context, token, password string, revokeKeys bool, client Client,
) (memo.PasswordLink, error) {
	l, err := a.PasswordLinkByToken(ctx, token)
	if err != nil {
		return l, err
	}
	if err := credential.CheckPassword(password); err != nil {
		return l, err
	}
	hash, err := a.passwords.Hash(ctx, password)
	if err != nil {
		return l, err
	}
	c := memo.Caller{UserID: l.UserID, ClientAddress: client.Address, UserAgent: client.UserAgent}
	linkHash := credential.HashToken(token)
	return l, a.writeEnding(ctx, c, c.UserID, func(tx *store.Tx) error {
		if err := tx.LockUserRow(ctx, l.UserID); err != nil {
			return err
		}
		// Hashing takes a while, in which another request may have used or ended the link.
		l, err := tx.PasswordLinkByHash(ctx, linkHash)
		if err := cmp.Or(replaceNotFound(err, errPasswordLink), a.checkPasswordLink(l)); err != nil {
			return err
		}
		if err := replacePassword(ctx, tx, c, hash, revokeKeys); err != nil {
			return err
		}
		if err := tx.UsePasswordLink(ctx, linkHash); err != nil {
			return err
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(l.WorkspaceID), Action: memo.ActionPasswordLinkUsed, Subject: l.UserID, Name: l.Email,
		})
	})
}
