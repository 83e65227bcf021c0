package app

import (
	"cmp"
	"context"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// errKeyNotActive answers a change of a key that has ended. Revoked and
// deactivated are final, and an expiry that has passed is not moved either:
// what was refused once stays refused.
var errKeyNotActive = memo.Conflict("key_not_active", "The key is not active any more. Create a new one.")

// NewKey is what a new key starts with. A nil ExpiresAt means never. ID is the id
// that it gets, where the caller wants to be sure that a form which is sent twice
// makes one key; empty: a new one.
type NewKey struct {
	Name      string
	ExpiresAt *time.Time
	ID        string
}

// errKeyExists answers a form that was sent again.
var errKeyExists = memo.Conflict("key_exists", "This key was created already, and is not shown again. If you did not keep it, revoke it and create another.")

// CreateKey makes a key for the caller, who acts in one workspace; the operator
// makes it for the member whose id is in the caller. The answer is the only
// place that ever shows the key. Errors: 403 by plan, 409 too_many_keys.
func (a *App) CreateKey(ctx context.Context, c memo.Caller, in NewKey) (memo.NewKeyView, error) {
	name, err := memo.CleanName("name", in.Name)
	if err != nil {
		return memo.NewKeyView{}, err
	}
	return a.addKey(ctx, c, in.ID, memo.ActionKeyCreated, func(tx *store.Tx, k *memo.APIKey) error {
		k.Name, k.Life.ExpiresAt = name, in.ExpiresAt
		return nil
	})
}

// RotateKey makes a key with the same name and expiry, under newID where that is
// given, as in [NewKey]. The old one goes on until it is revoked, or for overlap
// when that is given: 0 ends it now.
func (a *App) RotateKey(ctx context.Context, c memo.Caller, id, newID string, overlap *time.Duration) (memo.NewKeyView, error) {
	if overlap != nil && (*overlap < 0 || *overlap > memo.MaxOverlap) {
		return memo.NewKeyView{}, memo.Invalid("overlap", "must be between 0 and 7 days, such as 24h")
	}
	return a.addKey(ctx, c, newID, memo.ActionKeyRotated, func(tx *store.Tx, k *memo.APIKey) error {
		if err := tx.LockKey(ctx, id); err != nil {
			return err
		}
		old, err := tx.Key(ctx, id, tx.Now)
		if err != nil {
			return err
		}
		if err := memo.MayChangeKey(c, old); err != nil {
			return err
		}
		if old.Life.Status(tx.Now) != memo.KeyActive {
			return errKeyNotActive
		}
		k.Name, k.Life.ExpiresAt, k.RotatedFrom = old.Name, old.Life.ExpiresAt, memo.Optional(old.ID)
		if overlap != nil {
			tx.UseReserve()
		}
		switch {
		case overlap == nil:
			return nil
		case *overlap == 0:
			_, err = tx.RevokeKey(ctx, old.ID)
		default:
			end := memo.Millis(tx.Now.Add(*overlap))
			if old.Life.ExpiresAt != nil && old.Life.ExpiresAt.Before(end) {
				end = *old.Life.ExpiresAt
			}
			_, err = tx.ChangeKey(ctx, old.ID, old.Name, &end)
		}
		return err
	})
}

// addKey mints a key for the caller and keeps it, in one transaction that also
// proves that the caller is still a member: whoever removes them meanwhile
// waits, and then finds the key and deactivates it.
func (a *App) addKey(ctx context.Context, c memo.Caller, id string, action memo.Action, fill func(*store.Tx, *memo.APIKey) error) (memo.NewKeyView, error) {
	if c.KeyID != "" {
		return memo.NewKeyView{}, memo.ErrKeyManagement
	}
	secret := credential.NewKey()
	var k memo.APIKey
	var now time.Time
	err := a.write(ctx, c, func(tx *store.Tx) error {
		if _, err := tx.LockMember(ctx, c.WorkspaceID, c.UserID); err != nil {
			return err
		}
		w, err := tx.Workspace(ctx, c.WorkspaceID)
		if err != nil {
			return err
		}
		if err := memo.MayUseAPI(w.Plan); err != nil {
			return err
		}
		u, err := tx.User(ctx, c.UserID)
		if err != nil {
			return err
		}
		if u.DisabledAt != nil { // while this transaction waited for its turn
			return memo.NotFound("Member")
		}
		now = tx.Now
		k = memo.APIKey{
			ID: cmp.Or(id, newID()), WorkspaceID: w.ID, Suffix: secret.Suffix(), CreatedAt: now,
			CreatedBy: memo.KeyCreator{ID: u.ID, Name: u.Name, Email: u.Email},
		}
		if err := fill(tx, &k); err != nil {
			return err
		}
		n, err := tx.CountLiveKeys(ctx, w.ID, u.ID)
		if err != nil {
			return err
		}
		if n >= memo.MaxLiveKeys {
			return memo.Conflict("too_many_keys", "You have %d active keys in this workspace, which is the limit. Revoke some first.", n)
		}
		if added, err := tx.AddKey(ctx, k, secret.Hash()); err != nil || !added {
			return cmp.Or(err, error(errKeyExists))
		}
		return record(ctx, tx, c, memo.Event{
			WorkspaceID: memo.Optional(w.ID), Action: action, Subject: k.ID, Name: k.Name,
		})
	})
	if err != nil {
		return memo.NewKeyView{}, err
	}
	return memo.NewKeyView{KeyView: k.View(now), Key: secret.Secret()}, nil
}

// ListKeys lists the workspace's keys, newest first: all for an OWNER, their
// own for others. An empty status lists every one.
func (a *App) ListKeys(ctx context.Context, c memo.Caller, status memo.KeyStatus) ([]memo.KeyView, error) {
	now := a.store.Now()
	keys, err := a.store.Keys(ctx, c.WorkspaceID, keysOf(c), now)
	if err != nil {
		return nil, err
	}
	views := make([]memo.KeyView, 0, len(keys))
	for _, k := range keys {
		if status == "" || k.Life.Status(now) == status {
			a.usage.pending(&k, now)
			views = append(views, k.View(now))
		}
	}
	return views, nil
}

// KeyPart chooses some of the keys for a page. Whose they are is the caller's
// matter as far as the caller may not see all.
type KeyPart = store.KeyPart

// SomeKeys lists a part of the keys that the caller sees, newest first.
func (a *App) SomeKeys(ctx context.Context, c memo.Caller, p KeyPart) ([]memo.KeyView, error) {
	p.WorkspaceID, p.UserID = c.WorkspaceID, cmp.Or(keysOf(c), p.UserID)
	now := a.store.Now()
	keys, err := a.store.SomeKeys(ctx, p)
	views := make([]memo.KeyView, len(keys))
	for i, k := range keys {
		a.usage.pending(&k, now)
		views[i] = k.View(now)
	}
	return views, err
}

// Successors lists the keys that replaced some of those that the caller was
// shown, newest first: one that goes on can be rotated again.
func (a *App) Successors(ctx context.Context, c memo.Caller, of []memo.KeyView) ([]memo.KeyView, error) {
	ids := make([]string, len(of))
	for i, k := range of {
		ids[i] = k.ID
	}
	keys, err := a.store.Successors(ctx, c.WorkspaceID, ids)
	views := make([]memo.KeyView, len(keys))
	for i, k := range keys {
		views[i] = k.View(a.store.Now())
	}
	return views, err
}

// KeyHolder is a user who made keys in a workspace.
type KeyHolder = store.KeyHolder

// KeyHolders lists who made the keys that the caller sees, with their number.
func (a *App) KeyHolders(ctx context.Context, c memo.Caller) ([]KeyHolder, error) {
	return a.store.KeyHolders(ctx, c.WorkspaceID, keysOf(c))
}

// keysOf is whose keys the caller sees; empty: everybody's.
func keysOf(c memo.Caller) string {
	if memo.SeesAllKeys(c) {
		return ""
	}
	return c.UserID
}

// GetKey shows one key.
func (a *App) GetKey(ctx context.Context, c memo.Caller, id string) (memo.KeyView, error) {
	now := a.store.Now()
	k, err := a.store.Key(ctx, id, now)
	if err != nil {
		return memo.KeyView{}, err
	}
	if err := memo.MaySeeKey(c, k); err != nil {
		return memo.KeyView{}, err
	}
	a.usage.pending(&k, now)
	return k.View(now), nil
}

// KeyChange is a change of a key; what is nil stays.
type KeyChange struct {
	Name      *string
	ExpiresAt **time.Time // nil within: never
}

// ChangeKey renames a key or moves its expiry, which its creator alone may.
func (a *App) ChangeKey(ctx context.Context, c memo.Caller, id string, change KeyChange) (memo.KeyView, error) {
	var name string
	if change.Name != nil {
		var err error
		if name, err = memo.CleanName("name", *change.Name); err != nil {
			return memo.KeyView{}, err
		}
	}
	if change == (KeyChange{}) {
		return a.GetKey(ctx, c, id)
	}
	err := a.write(ctx, c, func(tx *store.Tx) error {
		// What another change writes at the same time must not be written over.
		if err := tx.LockKey(ctx, id); err != nil {
			return err
		}
		k, err := tx.Key(ctx, id, tx.Now)
		if err != nil {
			return err
		}
		if err := memo.MayChangeKey(c, k); err != nil {
			return err
		}
		if change.Name != nil {
			k.Name = name
		}
		if change.ExpiresAt != nil {
			was := k.Life.ExpiresAt
			k.Life.ExpiresAt = *change.ExpiresAt
			if now := k.Life.ExpiresAt; now != nil && (was == nil || now.Before(*was)) {
				tx.UseReserve()
			}
		}
		active, err := tx.ChangeKey(ctx, id, k.Name, k.Life.ExpiresAt)
		if err != nil {
			return err
		}
		if !active {
			return errKeyNotActive
		}
		return record(ctx, tx, c, memo.Event{
			WorkspaceID: memo.Optional(k.WorkspaceID), Action: memo.ActionKeyChanged, Subject: id, Name: k.Name,
		})
	})
	if err != nil {
		return memo.KeyView{}, err
	}
	return a.GetKey(ctx, c, id)
}

// RevokeKey ends a key for good. When it returns nil, no process accepts the
// key any more. Revoking what has ended already is no error, so that one whose
// answer was lost can ask again.
func (a *App) RevokeKey(ctx context.Context, c memo.Caller, id string) error {
	return a.write(ctx, c, func(tx *store.Tx) error {
		tx.UseReserve()
		k, err := tx.Key(ctx, id, tx.Now)
		if err != nil {
			return err
		}
		if err := memo.MayRevokeKey(c, k); err != nil {
			return err
		}
		revoked, err := tx.RevokeKey(ctx, id)
		if err != nil || !revoked {
			return err
		}
		return record(ctx, tx, c, memo.Event{
			WorkspaceID: memo.Optional(k.WorkspaceID), Action: memo.ActionKeyRevoked, Subject: id, Name: k.Name,
		})
	})
}
