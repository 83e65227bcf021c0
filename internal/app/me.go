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
	m, err := a.me(ctx, c)
	if memo.KindOf(err) == memo.KindNotFound {
		return m, errKeyDeactivated
	}
	return m, err
}

func (a *App) me(ctx context.Context, c memo.Caller) (m KeyInfo, err error) {
	if m.Workspace, err = a.store.Workspace(ctx, c.WorkspaceID); err != nil {
		return m, err
	}
	if m.Member, err = a.store.Member(ctx, c.WorkspaceID, c.UserID); err != nil {
		return m, err
	}
	now := a.store.Now()
	k, err := a.store.Key(ctx, c.KeyID, now)
	if err != nil {
		return m, err
	}
	a.usage.addPending(&k, now)
	m.Key = k.View(now)
	return m, nil
}
