package app

import (
	"context"

	"memoai.tech/memo"
)

// KeyInfo describes a key, its workspace and its member, for GET /me.
type KeyInfo struct {
	Workspace memo.Workspace
	Member    memo.Member
	Key       memo.KeyView
}

// Me describes the caller's key. If its member lost access since authorisation, the key is
// refused, as it would be in the next request.
func (a *App) Me(ctx context.Context, c memo.Caller) (KeyInfo, error) {
	if err := requireKey(c); err != nil {
		return KeyInfo{}, err
	}
	w, err := a.store.Workspace(ctx, c.WorkspaceID)
	if err != nil {
		return KeyInfo{}, replaceNotFound(err, errKeyDeactivated)
	}
	m, err := a.store.Member(ctx, c.WorkspaceID, c.UserID)
	if err != nil {
		return KeyInfo{}, replaceNotFound(err, errKeyDeactivated)
	}
	k, err := a.store.Key(ctx, c.KeyID, a.store.Now())
	if err != nil {
		return KeyInfo{}, replaceNotFound(err, errKeyDeactivated)
	}
	return KeyInfo{w, m, a.views([]memo.APIKey{k})[0]}, nil
}
