package app

import (
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// Client describes where a request comes from.
type Client struct {
	Address   string
	UserAgent string
}

// refuseCredential returns the refusal of a credential. Only a caller who presented the whole
// credential sees the message.
func refuseCredential(code, message string) error {
	return &memo.Error{Kind: memo.KindUnauthorized, Code: code, Message: message}
}

// Only WWW-Authenticate says which of these it is; the body is always the same.
var (
	errKeyUnknown     = refuseCredential("unknown", "The API key is not valid")
	errKeyExpired     = refuseCredential("expired", "The API key has expired")
	errKeyRevoked     = refuseCredential("revoked", "The API key was revoked")
	errKeyDeactivated = refuseCredential("deactivated",
		"The API key was deactivated: its member lost access to the workspace")
	errNotSignedIn = refuseCredential("not_signed_in", "Sign in first: POST /api/v1/session")
)

// AuthoriseKey reads the current state of a key, in one indexed read, and returns its caller.
// Errors: KindUnauthorized, or KindForbidden if the plan has no API access.
func (a *App) AuthoriseKey(ctx context.Context, key credential.Key, o Client) (memo.Caller, error) {
	k, ok, err := a.store.ReadKeyState(ctx, key.Hash())
	if err != nil {
		return memo.Caller{}, err
	}
	if !ok {
		return memo.Caller{}, errKeyUnknown
	}
	if err := checkKeyActive(k, a); err != nil {
		return memo.Caller{}, err
	}
	c := memo.Caller{
		UserID: k.UserID, WorkspaceID: k.WorkspaceID, Role: k.Role, Plan: k.Plan, KeyID: k.KeyID,
		ClientAddress: o.Address, UserAgent: o.UserAgent, ContentVersion: k.ContentVersion, KeyLastUsedAt: k.LastUsedAt,
	}
	if err := memo.MayUseAPI(k.Plan); err != nil {
		a.usage.refused(c, a.store.Now())
		return c, err
	}
	return c, nil
}

func checkKeyActive(k store.KeyState, a *App) error {
	status := k.Life.Status(a.store.Now())
	if status == memo.KeyActive && a.expiries.isRecorded(k.KeyID) {
		status = memo.KeyExpired
	}
	switch status {
	case memo.KeyExpired:
		if k.Life.ExpiredAt == nil {
			a.expiries.record(k.KeyID)
		}
		return errKeyExpired
	case memo.KeyRevoked:
		return errKeyRevoked
	case memo.KeyDeactivated:
		return errKeyDeactivated
	}
	// The transaction that removed the access also deactivated the key. This check costs
	// nothing and does not depend on that transaction.
	if k.Role == "" || k.UserDisabled {
		return errKeyDeactivated
	}
	return nil
}

// TakeLimit counts a call against a limit: data calls per key, all others per member and
// workspace. See docs/contract.md#rate-limits. A refusal is KindRateLimited, with its
// decision.
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
		a.usage.refused(c, now)
		return d, &memo.Error{Kind: memo.KindRateLimited, Message: "Rate limit exceeded", RetryAfter: d.RetryAfter}
	}
	a.usage.accepted(ctx, c, now, true)
	return d, nil
}

// NoteUncountedUse records a use of the key by a call that no limit counts. For example, a
// host that only connects has used the key, and the member sees that.
func (a *App) NoteUncountedUse(ctx context.Context, c memo.Caller) {
	if err := requireKey(c); err != nil {
		return
	}
	a.usage.accepted(ctx, c, a.store.Now(), false)
}

// AuthoriseSession reads the current state of a session and returns its user as a member of
// the workspace. workspaceID may be "" for a user with one workspace.
func (a *App) AuthoriseSession(ctx context.Context, token, workspaceID string, o Client) (memo.Caller, error) {
	rows, err := a.activeSession(ctx, token)
	if err != nil {
		return memo.Caller{}, err
	}
	c := memo.Caller{
		UserID: rows[0].UserID, SessionID: rows[0].SessionID, ClientAddress: o.Address,
		UserAgent: o.UserAgent,
	}
	switch {
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
func (a *App) AuthoriseUser(ctx context.Context, token string, o Client) (memo.Caller, error) {
	rows, err := a.activeSession(ctx, token)
	if err != nil {
		return memo.Caller{}, err
	}
	return memo.Caller{
		UserID: rows[0].UserID, SessionID: rows[0].SessionID, ClientAddress: o.Address,
		UserAgent: o.UserAgent,
	}, nil
}

// activeSession returns at least one row, of an active session.
func (a *App) activeSession(ctx context.Context, token string) ([]store.SessionState, error) {
	if len(token) != tokenLen {
		return nil, errNotSignedIn
	}
	rows, err := a.store.ReadSessionState(ctx, credential.HashToken(token))
	if err != nil {
		return nil, err
	}
	now := a.store.Now()
	if len(rows) == 0 || rows[0].Revoked || rows[0].UserDisabled ||
		!now.Before(rows[0].ExpiresAt) || now.Sub(rows[0].LastUsedAt) >= memo.SessionIdleTimeout {
		return nil, errNotSignedIn
	}
	a.backlog.noteUse(rows[0], now)
	return rows, nil
}

// tokenLen is the length of a session token: 32 bytes in base64url.
const tokenLen = 43

// MarkExposed marks keys that were sent in a URL. An active key is marked once, and its
// creator sees it in the list of keys and in the audit trail.
func (a *App) MarkExposed(ctx context.Context, keys []credential.Key, o Client) {
	for _, key := range keys {
		k, ok, err := a.store.ReadKeyState(ctx, key.Hash())
		if err == nil && (!ok || k.Exposed || checkKeyActive(k, a) != nil) {
			continue // nothing to record, so a loop of such requests causes no writes
		}
		if err == nil {
			err = a.store.Write(ctx, func(tx *store.Tx) error {
				id, workspaceID, marked, err := tx.MarkExposed(ctx, key.Hash())
				if err != nil || !marked {
					return err
				}
				k, err := tx.Key(ctx, id, tx.Now)
				if err != nil {
					return err
				}
				return recordEvent(ctx, tx, memo.Caller{ClientAddress: o.Address, UserAgent: o.UserAgent}, memo.AuditEvent{
					WorkspaceID: memo.Optional(workspaceID), Action: memo.ActionKeyExposed, Subject: id, Name: k.Name,
					Detail: "the key was sent in a URL, and logs and histories store URLs: rotate it",
				})
			})
		}
		if err != nil {
			a.log.ErrorContext(ctx, "an exposed key could not be marked", "error", err)
		}
	}
}
