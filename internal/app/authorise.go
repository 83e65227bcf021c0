package app

import (
	"context"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// Client describes where a request comes from.
type Client struct {
	Address   string
	UserAgent string // printable, at most MaxEventText
}

// MaxEventText is how many characters of a title or a user agent are stored in an event, a session
// or the usage of a key.
const MaxEventText = 200

// The body of a response is the same for all refusals of a key. Only WWW-Authenticate has the
// message.
var (
	errKeyUnknown     = memo.Unauthorized("unknown", "The API key is not valid")
	errKeyExpired     = memo.Unauthorized("expired", "The API key has expired")
	errKeyRevoked     = memo.Unauthorized("revoked", "The API key was revoked")
	errTokenExpired   = memo.Unauthorized("expired", "The access token has expired")
	errKeyDeactivated = memo.Unauthorized("deactivated",
		"The API key was deactivated: its member lost access to the workspace")
)

var errNotSignedIn = memo.Unauthorized("not_signed_in", "Sign in first: POST /api/v1/session")

// AuthoriseKey reads the current state of a key, or of the connected app that has an access token,
// in one indexed query, and returns its caller. Errors: KindUnauthorized, or KindForbidden if the
// plan has no API access, if the call breaks the key policy of the workspace, if the key may not be
// used from this address, and if it lacks a permission of p. With KindForbidden it also returns the
// caller, for the log.
func (a *App) AuthoriseKey(
	ctx context.Context, key credential.Key, client Client, p memo.Permission,
) (memo.Caller, error) {
	k, ok, err := a.keyState(ctx, key)
	if err != nil {
		return memo.Caller{}, err
	}
	if !ok {
		return memo.Caller{}, errKeyUnknown
	}
	c := memo.Caller{
		UserID: k.UserID, WorkspaceID: k.WorkspaceID, Role: k.Role, Plan: k.Plan, KeyID: k.KeyID,
		ClientAddress: client.Address, UserAgent: client.UserAgent,
		ContentVersion: k.ContentVersion, KeyLastUsedAt: k.LastUsedAt,
		Scopes: k.Access.Scopes, ProjectIDs: k.Access.ProjectIDs,
	}
	if err := a.checkActive(k); err != nil {
		a.usage.refused(c, memo.RefusedEnded, a.store.Now())
		return memo.Caller{}, err
	}
	if why, err := a.checkCall(k, c, p); err != nil {
		a.usage.refused(c, why, a.store.Now())
		return c, err
	}
	return c, nil
}

// checkCall returns the refusal of a call with an active key that needs the permissions p, and its
// reason.
func (a *App) checkCall(k store.KeyState, c memo.Caller, p memo.Permission) (why memo.Refusal, err error) {
	if err := memo.MayUseAPI(k.Plan); err != nil {
		return memo.RefusedByPlan, err
	}
	if k.CreatedAt != nil { // the workspace has a key policy
		err := k.Policy.CheckAge(*k.CreatedAt, k.Validity.ExpiresAt, a.store.Now())
		if err != nil {
			return memo.RefusedByPolicy, err
		}
	}
	if err := memo.MayCallFrom(c.ClientAddress, k.Policy, k.Access); err != nil {
		return memo.RefusedByAddress, err
	}
	return memo.RefusedByScope, memo.MayDo(c, p)
}

// RequirePermission returns an error unless the caller has all permissions of p, and counts the
// refusal. It is for calls that are read after their key was authorised.
func (a *App) RequirePermission(_ context.Context, c memo.Caller, p memo.Permission) error {
	if err := requireKey(c); err != nil {
		return err
	}
	err := memo.MayDo(c, p)
	if err != nil {
		a.usage.refused(c, memo.RefusedByScope, a.store.Now())
	}
	return err
}

// keyState reads the state of a key, or of the app that has an access token. Nothing is known of
// other tokens.
func (a *App) keyState(ctx context.Context, key credential.Key) (k store.KeyState, ok bool, err error) {
	switch key.Prefix() {
	case memo.KeyPrefix:
		return a.store.ReadKeyState(ctx, key.Hash())
	case memo.AccessTokenPrefix:
		return a.store.ReadTokenState(ctx, key.Hash())
	}
	return k, false, nil
}

// RefuseManagement refuses a call with a key that only a signed-in member may make, and counts it.
func (a *App) RefuseManagement(_ context.Context, c memo.Caller) error {
	if err := requireKey(c); err != nil {
		return err
	}
	a.usage.refused(c, memo.RefusedForbidden, a.store.Now())
	return memo.ErrKeyManagementForbidden
}

// checkActive returns the refusal of an inactive key.
func (a *App) checkActive(k store.KeyState) error {
	status := k.Validity.Status(a.store.Now())
	if status == memo.KeyActive && a.expired.has(k.KeyID) {
		status = memo.KeyExpired
	}
	switch status {
	case memo.KeyExpired:
		if k.Validity.ExpiredAt == nil {
			a.expired.add(k.KeyID, true)
			a.writeSoon()
		}
		return errKeyExpired
	case memo.KeyRevoked:
		return errKeyRevoked
	case memo.KeyDeactivated:
		return errKeyDeactivated
	}
	if k.TokenExpiresAt != nil && !a.store.Now().Before(*k.TokenExpiresAt) {
		return errTokenExpired
	}
	// The transaction that ended the member's access has also deactivated the key. This check
	// is a second, independent one and costs nothing.
	if k.Role == "" || k.UserDisabled {
		return errKeyDeactivated
	}
	return nil
}

// TakeLimit counts a call against a limit: data calls per key, all others per member and
// workspace. See docs/contract.md#rate-limits. A call over the limit is KindRateLimited; it
// also returns the decision.
func (a *App) TakeLimit(ctx context.Context, c memo.Caller, class ratelimit.Class) (ratelimit.Decision, error) {
	if err := requireCaller(c); err != nil {
		return ratelimit.Decision{}, err
	}
	subject := c.KeyID
	if class != ratelimit.Data {
		subject = c.UserID + "/" + c.WorkspaceID
	}
	d, err := a.limits.Take(ctx, class, subject)
	if err != nil {
		return d, err
	}
	now := a.store.Now()
	if !d.Accepted {
		a.usage.refused(c, memo.RefusedByLimit, now)
		return d, &memo.Error{Kind: memo.KindRateLimited, Message: "Rate limit exceeded", RetryAfter: d.RetryAfter}
	}
	a.usage.accepted(ctx, c, now, true)
	return d, nil
}

// NoteUncountedUse records a use of the key by a call that no limit counts, so that its creator
// sees, for example, that a host has connected with it.
func (a *App) NoteUncountedUse(ctx context.Context, c memo.Caller) {
	if err := requireKey(c); err != nil {
		return
	}
	a.usage.did(c, "connected")
	a.usage.accepted(ctx, c, a.store.Now(), false)
}

// AuthoriseSession reads the current state of a session and returns its user as a member of
// the workspace. workspaceID may be "" for a user with one workspace. Errors: KindUnauthorized,
// KindInvalid for a missing workspaceID, KindNotFound for a workspace that the user is not in.
// With the last two it also returns the user and the session, for the log.
func (a *App) AuthoriseSession(ctx context.Context, token, workspaceID string, client Client) (memo.Caller, error) {
	c, rows, err := a.activeSession(ctx, token, client)
	switch {
	case err != nil:
		return c, err
	case workspaceID == "" && len(rows) > 1:
		return c, memo.Invalid("workspace_id", "is required, because you are a member of several workspaces")
	case rows[0].WorkspaceID == "":
		return c, memo.NotFound("Workspace")
	}
	for _, r := range rows {
		if workspaceID == "" || r.WorkspaceID == workspaceID {
			c.WorkspaceID, c.Role, c.Plan, c.ContentVersion = r.WorkspaceID, r.Role, r.Plan, r.ContentVersion
			return c, nil
		}
	}
	return c, memo.NotFound("Workspace")
}

// AuthoriseUser is AuthoriseSession for a user's own account, outside any workspace.
func (a *App) AuthoriseUser(ctx context.Context, token string, client Client) (memo.Caller, error) {
	c, _, err := a.activeSession(ctx, token, client)
	return c, err
}

// activeSession returns the user of an active session as a caller without a workspace, and the state
// of the session, once for each workspace of its user and at least once. It is KindUnauthorized if
// no session has this token.
func (a *App) activeSession(
	ctx context.Context, token string, client Client,
) (c memo.Caller, rows []store.SessionState, err error) {
	if len(token) != tokenLen {
		return c, nil, errNotSignedIn
	}
	if rows, err = a.store.ReadSessionState(ctx, credential.HashToken(token)); err != nil {
		return c, nil, err
	}
	now := a.store.Now()
	if len(rows) == 0 || rows[0].Revoked || rows[0].UserDisabled ||
		!now.Before(rows[0].ExpiresAt) || now.Sub(rows[0].LastUsedAt) >= memo.SessionIdleTimeout {
		return c, nil, errNotSignedIn
	}
	if now.Sub(rows[0].LastUsedAt) >= memo.SessionUseInterval {
		a.sessionUses.add(rows[0].SessionID, now)
	}
	return memo.Caller{
		UserID: rows[0].UserID, SessionID: rows[0].SessionID,
		ClientAddress: client.Address, UserAgent: client.UserAgent,
	}, rows, nil
}

// tokenLen is the length of a session token: 32 bytes in base64url.
const tokenLen = 43

// exposureTimeout is how long a refusal waits for the mark of an exposed key.
const exposureTimeout = 2 * time.Second

// MarkExposed marks active keys that were sent in a URL. A key is marked once, with an audit
// event. The list of keys shows the mark. The refused call counts for each key.
func (a *App) MarkExposed(ctx context.Context, keys []credential.Key, client Client) {
	ctx, cancel := context.WithTimeout(ctx, exposureTimeout)
	defer cancel()
	for _, key := range keys {
		k, ok, err := a.keyState(ctx, key)
		if ok {
			a.usage.refused(memo.Caller{
				KeyID: k.KeyID, UserID: k.UserID, WorkspaceID: k.WorkspaceID, KeyLastUsedAt: k.LastUsedAt,
			}, memo.RefusedInURL, a.store.Now())
		}
		if err == nil && (!ok || k.Exposed || a.checkActive(k) != nil) {
			continue // no write, so that repeated requests cost nothing
		}
		if err == nil {
			err = a.store.Write(ctx, func(tx *store.Tx) error {
				marked, err := tx.MarkExposed(ctx, k.KeyID)
				if err != nil || !marked {
					return err
				}
				k, err := tx.Key(ctx, k.KeyID, tx.Now)
				if err != nil {
					return err
				}
				c := memo.Caller{ClientAddress: client.Address, UserAgent: client.UserAgent}
				return recordEvent(ctx, tx, c, memo.AuditEvent{
					WorkspaceID: memo.Optional(k.WorkspaceID), Action: memo.ActionKeyExposed, Subject: k.ID, Name: k.Name,
					Details: memo.EventDetails{
						Reason: "the key was sent in a URL, and logs and histories store URLs: rotate it",
					},
				})
			})
		}
		if err != nil {
			a.log.ErrorContext(ctx, "an exposed key could not be marked", "error", err)
		}
	}
}
