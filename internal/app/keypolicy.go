package app

import (
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// KeyPolicy returns the key policy of the caller's workspace.
func (a *App) KeyPolicy(ctx context.Context, c memo.Caller) (memo.KeyPolicy, error) {
	if err := requireSignedInMember(c); err != nil {
		return memo.KeyPolicy{}, err
	}
	return a.store.KeyPolicy(ctx, c.WorkspaceID)
}

// SetKeyPolicy sets the key policy of the caller's workspace, for an OWNER, and returns it as it is
// stored. It applies to every request that is authorised later. Errors: KindInvalid for a field.
func (a *App) SetKeyPolicy(ctx context.Context, c memo.Caller, p memo.KeyPolicy) (memo.KeyPolicy, error) {
	if err := requireOwner(c, c.WorkspaceID); err != nil {
		return p, err
	}
	p, err := memo.CleanKeyPolicy(p)
	if err != nil {
		return p, err
	}
	e := memo.AuditEvent{
		WorkspaceID: memo.Optional(c.WorkspaceID), Action: memo.ActionKeyPolicyChanged, Subject: c.WorkspaceID,
		Details: memo.EventDetails{Reason: p.String()},
	}
	return p, a.changeWorkspace(ctx, c, several, e, func(tx *store.Tx) (string, error) {
		return "", tx.SetKeyPolicy(ctx, c.WorkspaceID, p)
	})
}

// checkKeyPolicy returns KindInvalid key_policy unless the workspace allows the expiry of a key.
func checkKeyPolicy(ctx context.Context, tx *store.Tx, k memo.APIKey) error {
	p, err := tx.KeyPolicy(ctx, k.WorkspaceID)
	if err != nil {
		return err
	}
	return p.CheckExpiry(k.CreatedAt, k.Validity.ExpiresAt)
}
