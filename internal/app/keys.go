package app

import (
	"cmp"
	"context"
	"errors"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// errKeyNotActive is the error for changing an inactive key. An inactive key never becomes
// active again, even if it expired.
var errKeyNotActive = memo.Conflict("key_not_active", "This key is no longer active. Create a new one.")

var errAppNotRotated = memo.Conflict("not_a_key",
	"A connected app has no key to rotate: its tokens change by themselves. Disconnect it, and connect it again.")

// KeyRequest describes a new key.
type KeyRequest struct {
	Name      string
	ExpiresAt *time.Time // nil: never
	// Access limits the key. Its zero value is that of a key without limits.
	Access memo.KeyAccess
	// ID is the id of the new key, so that a form that is sent twice creates only one key. If
	// empty, the key gets a new id.
	ID string
}

// errKeyExists is the error for a form that was sent twice.
var errKeyExists = memo.Conflict("key_exists",
	"This key has already been created and cannot be shown again. If you did not save it, revoke it and create another.")

// IsKeyExists reports whether the request was sent before, and created its key then.
func IsKeyExists(err error) bool { return errors.Is(err, errKeyExists) }

// CreateKey creates a key for the caller, or for the member c.UserID if the caller is the
// operator. Only the result contains the secret. Errors: KindForbidden if the plan has no API
// access, KindConflict too_many_keys, KindInvalid for a field of the access, and key_policy.
func (a *App) CreateKey(ctx context.Context, c memo.Caller, in KeyRequest) (memo.CreatedKey, error) {
	if err := requireSignedInMember(c); err != nil {
		return memo.CreatedKey{}, err
	}
	name, err := memo.CleanName("name", in.Name)
	if err != nil {
		return memo.CreatedKey{}, err
	}
	access, err := memo.CleanKeyAccess(in.Access)
	if err != nil {
		return memo.CreatedKey{}, err
	}
	return a.createKey(ctx, c, in.ID, memo.ActionKeyCreated, func(tx *store.Tx, k *memo.APIKey) error {
		k.Name, k.Validity.ExpiresAt, k.Access = name, in.ExpiresAt, access
		missing, err := tx.ProjectsMissing(ctx, k.WorkspaceID, access.ProjectIDs)
		if err == nil && len(missing) > 0 {
			return memo.Invalid("project_ids", "must be projects of this workspace, and %s is not", missing[0])
		}
		return err
	})
}

// RotateKey creates a key with the same name, expiry and access, for the creator of the old key. The
// replacement has the id replacementID, or a new one if that is empty. The old key stays active
// for overlap: until it is revoked if overlap is nil; it is revoked now if overlap is 0. Errors:
// KindConflict key_not_active and too_many_keys, KindForbidden if the plan has no API access
// and for another member's key.
func (a *App) RotateKey(
	ctx context.Context, c memo.Caller, id, replacementID string, overlap *time.Duration,
) (memo.CreatedKey, error) {
	if err := requireSignedInMember(c); err != nil {
		return memo.CreatedKey{}, err
	}
	if overlap != nil && (*overlap < 0 || *overlap > memo.MaxOverlap) {
		return memo.CreatedKey{}, memo.Invalid("overlap", "must be between 0 and 7 days, such as 24h")
	}
	if c.Operator { // on behalf of the creator
		k, err := a.store.Key(ctx, id, a.store.Now())
		if err != nil {
			return memo.CreatedKey{}, err
		}
		c.UserID, c.WorkspaceID = k.CreatedBy.ID, k.WorkspaceID
	}
	return a.createKey(ctx, c, replacementID, memo.ActionKeyRotated, func(tx *store.Tx, k *memo.APIKey) error {
		old, err := a.lockKeyForChange(ctx, tx, c, id)
		if err != nil {
			return err
		}
		if old.Kind == memo.KindApp {
			return errAppNotRotated
		}
		k.Name, k.Validity.ExpiresAt, k.RotatedFrom = old.Name, old.Validity.ExpiresAt, memo.Optional(old.ID)
		k.Access = old.Access
		switch {
		case overlap == nil:
			return nil
		case *overlap == 0:
			_, err = tx.RevokeKey(ctx, old.ID)
			tx.QueueEvent(old.WorkspaceID, memo.EventKeyRevoked, old.ID) // the audit event is that of the replacement
		default:
			end := memo.TruncateToMillis(tx.Now.Add(*overlap))
			if old.Validity.ExpiresAt != nil && old.Validity.ExpiresAt.Before(end) {
				end = *old.Validity.ExpiresAt
			}
			_, err = tx.ChangeKey(ctx, old.ID, old.Name, &end)
		}
		return err
	})
}

// createKey creates a key and lets fill set its name and expiry. Its transaction also locks the
// membership: a concurrent removal of the member waits, then finds the key and deactivates it.
func (a *App) createKey(ctx context.Context, c memo.Caller, id string, action memo.Action,
	fill func(*store.Tx, *memo.APIKey) error,
) (memo.CreatedKey, error) {
	secret := credential.NewKey()
	var k memo.APIKey
	err := a.write(ctx, c, func(tx *store.Tx) (err error) {
		var plan memo.Plan
		if k, plan, err = newKey(ctx, tx, c); err != nil {
			return err
		}
		if err := memo.MayUseAPI(plan); err != nil {
			return err
		}
		k.ID, k.Kind, k.Suffix = cmp.Or(id, k.ID), memo.KindKey, secret.Suffix()
		if err := fill(tx, &k); err != nil {
			return err
		}
		if err := checkKeyPolicy(ctx, tx, k); err != nil {
			return err
		}
		return addKey(ctx, tx, c, k, secret, action)
	})
	if err != nil {
		return memo.CreatedKey{}, err
	}
	return memo.CreatedKey{KeyView: k.View(k.CreatedAt), Key: secret.Secret()}, nil
}

// newKey locks the caller's membership and returns a key of the caller, without a kind and a name,
// and the plan of the workspace.
func newKey(ctx context.Context, tx *store.Tx, c memo.Caller) (k memo.APIKey, plan memo.Plan, err error) {
	if _, err := tx.LockMember(ctx, c.WorkspaceID, c.UserID); err != nil {
		return k, plan, err
	}
	w, err := tx.Workspace(ctx, c.WorkspaceID)
	if err != nil {
		return k, plan, err
	}
	u, err := tx.User(ctx, c.UserID)
	if err != nil {
		return k, plan, err
	}
	if u.DisabledAt != nil { // disabled while this transaction waited
		return k, plan, memo.NotFound("Member")
	}
	return memo.APIKey{
		ID: newID(), WorkspaceID: w.ID, CreatedAt: tx.Now,
		CreatedBy: memo.KeyCreator{ID: u.ID, Name: u.Name, Email: u.Email},
	}, w.Plan, nil
}

// addKey stores a key of [newKey] and records the event, unless its member has too many.
func addKey(
	ctx context.Context, tx *store.Tx, c memo.Caller, k memo.APIKey, secret credential.Key, action memo.Action,
) error {
	n, err := tx.CountActiveKeys(ctx, k.WorkspaceID, k.CreatedBy.ID)
	if err != nil {
		return err
	}
	if n >= memo.MaxActiveKeys {
		return memo.Conflict("too_many_keys",
			"You have %d active keys and connected apps in this workspace, which is the limit. Revoke some first.", n)
	}
	if added, err := tx.AddKey(ctx, k, secret.Hash()); err != nil || !added {
		return cmp.Or(err, error(errKeyExists))
	}
	return recordEvent(ctx, tx, c, memo.AuditEvent{
		WorkspaceID: memo.Optional(k.WorkspaceID), Action: action, Subject: k.ID, Name: k.Name,
	})
}

// lockKeyForChange locks and returns an active key that the caller may change, so that
// concurrent changes do not overwrite each other.
func (a *App) lockKeyForChange(ctx context.Context, tx *store.Tx, c memo.Caller, id string) (memo.APIKey, error) {
	if err := lockSession(ctx, tx, c); err != nil {
		return memo.APIKey{}, err
	}
	if err := tx.LockKey(ctx, id); err != nil {
		return memo.APIKey{}, err
	}
	k, err := readKey(ctx, tx, &c, id)
	if err != nil {
		return k, err
	}
	if err := memo.MayChangeKey(c, k); err != nil {
		return k, err
	}
	if k.Validity.Status(tx.Now) != memo.KeyActive || a.expired.has(k.ID) {
		return k, errKeyNotActive
	}
	return k, nil
}

// readKey reads a key and sets the caller's role to the current one, which may have changed
// since authorisation. It locks nothing, because a revocation must not wait.
func readKey(ctx context.Context, tx *store.Tx, c *memo.Caller, id string) (memo.APIKey, error) {
	k, err := tx.Key(ctx, id, tx.Now)
	if err != nil || c.Operator {
		return k, err
	}
	m, err := tx.Member(ctx, c.WorkspaceID, c.UserID)
	if memo.KindOf(err) == memo.KindNotFound {
		return k, memo.NotFound("API key") // a former member sees no key
	}
	c.Role = m.Role
	return k, err
}

// KeyQuery selects a page of keys.
type KeyQuery struct {
	Status  memo.KeyStatus // empty: all
	Limit   int            // clamped to 1–1,000
	Cursor  string         // KeyPage.NextCursor of the previous page
	NoTotal bool           // skip the count, which a caller who reads all pages does not need
}

// MaxKeyPage is the maximum number of keys on a page.
const MaxKeyPage = 1000

// KeyPage is a page of keys.
type KeyPage struct {
	Items      []memo.KeyView
	Total      int    // on all pages, exactly; 0 with KeyQuery.NoTotal
	NextCursor string // empty on the last page
}

// keySort is the sort of a list of keys in its cursors.
const keySort = "keys"

// ListKeys returns a page of the workspace's keys, newest first: of all keys to an OWNER, and of
// their own to other members. A cursor of another list is KindInvalid.
func (a *App) ListKeys(ctx context.Context, c memo.Caller, in KeyQuery) (p KeyPage, err error) {
	if err := requireSignedInMember(c); err != nil {
		return p, err
	}
	var after *store.ListPosition
	if in.Cursor != "" {
		at, problem := parseCursor(keySort, in.Cursor)
		if problem != nil {
			return p, memo.Invalid("cursor", "must be a next_cursor of the same list, unchanged")
		}
		after = at.After
	}
	filter := store.KeyFilter{WorkspaceID: c.WorkspaceID, UserID: visibleKeysOf(c), Status: in.Status}
	if !in.NoTotal {
		if p.Total, err = a.store.CountKeys(ctx, filter); err != nil {
			return p, err
		}
	}
	limit := min(max(in.Limit, 1), MaxKeyPage)
	keys, err := a.store.KeyPage(ctx, filter, after, limit+1) // one more, to know whether there is a next page
	if err != nil {
		return p, err
	}
	if len(keys) > limit {
		keys = keys[:limit]
		last := keys[limit-1]
		p.NextCursor = nextCursor(keySort, 0, store.ListPosition{Key: last.CreatedAt.UnixMilli(), ID: last.ID})
	}
	p.Items = a.views(keys)
	return p, nil
}

// views returns keys as they are shown now, with their usage that is not written yet.
func (a *App) views(keys []memo.APIKey) []memo.KeyView {
	now := a.store.Now()
	views := make([]memo.KeyView, len(keys))
	for i, k := range keys {
		a.usage.addPending(&k, now)
		views[i] = k.View(now)
	}
	return views
}

// KeyOffsetQuery selects keys for a page of the web app.
type KeyOffsetQuery struct {
	UserID        string      // only keys of this creator; ignored unless the caller sees all keys
	Set           memo.KeySet // empty: active keys
	IDs           []string    // only these keys; nil for all
	Search        string      // part of the name or of the creator, or the suffix
	Sort          memo.KeySort
	Descending    bool
	Offset, Limit int
}

// KeysByOffset returns some of the keys that the caller sees.
func (a *App) KeysByOffset(ctx context.Context, c memo.Caller, in KeyOffsetQuery) ([]memo.KeyView, error) {
	if err := requireSignedInMember(c); err != nil {
		return nil, err
	}
	if in.IDs != nil && len(in.IDs) == 0 {
		return nil, nil
	}
	keys, err := a.store.KeysByOffset(ctx, store.KeyOffsetQuery{
		WorkspaceID: c.WorkspaceID, UserID: cmp.Or(visibleKeysOf(c), in.UserID), Set: in.Set, IDs: in.IDs,
		Search: in.Search, Sort: in.Sort, Descending: in.Descending, Offset: in.Offset, Limit: in.Limit,
	})
	return a.views(keys), err
}

// KeyCounts counts the keys that the caller sees.
func (a *App) KeyCounts(ctx context.Context, c memo.Caller) (memo.KeyCounts, error) {
	if err := requireSignedInMember(c); err != nil {
		return memo.KeyCounts{}, err
	}
	return a.store.KeyCounts(ctx, c.WorkspaceID, visibleKeysOf(c))
}

// Replacements returns the keys that replaced any of the given keys, newest first. A key may
// have several, because it can be rotated again during its overlap.
func (a *App) Replacements(ctx context.Context, c memo.Caller, of []memo.KeyView) ([]memo.KeyView, error) {
	if err := requireSignedInMember(c); err != nil {
		return nil, err
	}
	ids := make([]string, len(of))
	for i, k := range of {
		ids[i] = k.ID
	}
	keys, err := a.store.Replacements(ctx, c.WorkspaceID, ids)
	return a.views(keys), err
}

// KeyCreators returns the creators of the keys that the caller sees.
func (a *App) KeyCreators(ctx context.Context, c memo.Caller) ([]memo.KeyCreatorStats, error) {
	if err := requireSignedInMember(c); err != nil {
		return nil, err
	}
	return a.store.KeyCreators(ctx, c.WorkspaceID, visibleKeysOf(c))
}

// visibleKeysOf returns the id of the user whose keys the caller sees, or "" for all keys.
func visibleKeysOf(c memo.Caller) string {
	if memo.SeesAllKeys(c) {
		return ""
	}
	return c.UserID
}

// GetKey returns one key.
func (a *App) GetKey(ctx context.Context, c memo.Caller, id string) (memo.KeyView, error) {
	if err := requireSignedInMember(c); err != nil {
		return memo.KeyView{}, err
	}
	k, err := a.store.Key(ctx, id, a.store.Now())
	if err != nil {
		return memo.KeyView{}, err
	}
	if err := memo.MaySeeKey(c, k); err != nil {
		return memo.KeyView{}, err
	}
	return a.views([]memo.APIKey{k})[0], nil
}

// KeyChange is a change of a key. A nil field stays as it is.
type KeyChange struct {
	Name      *string
	ExpiresAt **time.Time // a pointer to nil: never
}

// ChangeKey renames a key or changes its expiry, for its creator. Errors: KindConflict
// key_not_active, KindForbidden for another member's key.
func (a *App) ChangeKey(ctx context.Context, c memo.Caller, id string, change KeyChange) (memo.KeyView, error) {
	if err := requireSignedInMember(c); err != nil {
		return memo.KeyView{}, err
	}
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
	ends := nobody
	if change.ExpiresAt != nil && *change.ExpiresAt != nil { // the new expiry may be earlier
		ends = c.UserID
	}
	err := a.writeEnding(ctx, c, ends, func(tx *store.Tx) error {
		k, err := a.lockKeyForChange(ctx, tx, c, id)
		if err != nil {
			return err
		}
		if change.Name != nil {
			k.Name = name
		}
		if change.ExpiresAt != nil {
			k.Validity.ExpiresAt = *change.ExpiresAt
			if err := checkKeyPolicy(ctx, tx, k); err != nil {
				return err
			}
		}
		active, err := tx.ChangeKey(ctx, id, k.Name, k.Validity.ExpiresAt)
		if err != nil {
			return err
		}
		if !active {
			return errKeyNotActive
		}
		return recordEvent(ctx, tx, c, memo.AuditEvent{
			WorkspaceID: memo.Optional(k.WorkspaceID), Action: actionFor(k.Kind, memo.ActionKeyChanged),
			Subject: id, Name: k.Name,
		})
	})
	if err != nil {
		return memo.KeyView{}, err
	}
	return a.GetKey(ctx, c, id)
}

// RevokeKey revokes a key permanently. After it returns nil, no process accepts the key.
// Revoking an inactive key is not an error, so that a caller who did not get the response can
// retry.
func (a *App) RevokeKey(ctx context.Context, c memo.Caller, id string) error {
	if err := requireSignedInMember(c); err != nil {
		return err
	}
	k, err := a.store.Key(ctx, id, a.store.Now())
	if err != nil {
		return err
	}
	return a.writeEnding(ctx, c, k.CreatedBy.ID, func(tx *store.Tx) error {
		k, err := readKey(ctx, tx, &c, id)
		if err != nil {
			return err
		}
		if err := memo.MayRevokeKey(c, k); err != nil {
			return err
		}
		if err := lockSession(ctx, tx, c); err != nil {
			return err
		}
		return revokeKey(ctx, tx, c, k, memo.ActionKeyRevoked, "")
	})
}

// revokeKey revokes a key and records the event, as recordKeys does, unless the key was revoked or
// deactivated before.
func revokeKey(
	ctx context.Context, tx *store.Tx, c memo.Caller, k memo.APIKey, action memo.Action, reason string,
) error {
	revoked, err := tx.RevokeKey(ctx, k.ID)
	if err != nil || !revoked {
		return err
	}
	return recordKeys(ctx, tx, c, []memo.APIKey{k}, action, reason)
}

// actionFor returns the action of an event of a key for a key of this kind.
func actionFor(kind memo.KeyKind, action memo.Action) memo.Action {
	if kind != memo.KindApp {
		return action
	}
	switch action {
	case memo.ActionKeyRevoked:
		return memo.ActionAppDisconnected
	case memo.ActionKeyDeactivated:
		return memo.ActionAppDeactivated
	case memo.ActionKeyChanged:
		return memo.ActionAppChanged
	}
	return action
}
