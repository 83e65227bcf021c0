package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// KeyState is the current state of a key, its member, user, workspace and plan: what is
// needed to authorise a request.
type KeyState struct {
	KeyID          string
	WorkspaceID    string
	UserID         string
	Role           memo.Role // empty if the user is not a member now
	UserDisabled   bool
	Validity       memo.KeyValidity
	Exposed        bool      // it was seen in a URL
	LastUsedAt     time.Time // zero if it was never used
	Plan           memo.Plan
	ContentVersion int64
	CreatedAt      *time.Time // nil if the workspace has no key policy
	Access         memo.KeyAccess
	Policy         memo.KeyPolicy
	// TokenExpiresAt is the expiry of the access token of an app; nil for a key.
	TokenExpiresAt *time.Time
}

// keyState selects what ReadKeyState and ReadTokenState read, of the api_keys k.
const keyState = `k.id, k.workspace_id, k.user_id,
			k.expires_at, k.expired_at, k.revoked_at, k.deactivated_at, k.exposed_at, k.last_used_at,
			u.disabled_at, m.role, w.plan, w.content_version,
			k.access, w.key_policy, CASE WHEN w.key_policy IS NULL THEN NULL ELSE k.created_at END`

const keyStateJoins = `
		JOIN users u ON u.id = k.user_id
		JOIN workspaces w ON w.id = k.workspace_id
		LEFT JOIN memberships m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id
		WHERE `

// ReadKeyState reads the current state of the key with this hash, in one indexed query.
// ok is false if there is no such key.
func (s *Store) ReadKeyState(ctx context.Context, hash credential.Hash) (a KeyState, ok bool, err error) {
	return scanKeyState(s.q.QueryRowContext(s.quick(ctx), `SELECT `+keyState+`, NULL
		FROM api_keys k`+keyStateJoins+`k.hash = $1`, hash[:]), memo.KindKey)
}

// ReadTokenState is ReadKeyState for the connected app that has the access token with this hash.
func (s *Store) ReadTokenState(ctx context.Context, hash credential.Hash) (a KeyState, ok bool, err error) {
	return scanKeyState(s.q.QueryRowContext(s.quick(ctx), `SELECT `+keyState+`, t.expires_at
		FROM app_tokens t JOIN api_keys k ON k.id = t.key_id`+keyStateJoins+`t.hash = $1 AND t.kind = 'access'`, hash[:]),
		memo.KindApp)
}

func scanKeyState(row scanner, kind memo.KeyKind) (a KeyState, ok bool, err error) {
	v := &a.Validity
	err = row.Scan(&a.KeyID, &a.WorkspaceID, &a.UserID, optionalTimeInto(&v.ExpiresAt),
		optionalTimeInto(&v.ExpiredAt), optionalTimeInto(&v.RevokedAt), optionalTimeInto(&v.DeactivatedAt),
		presenceInto(&a.Exposed), timeInto(&a.LastUsedAt), presenceInto(&a.UserDisabled), textInto(&a.Role), &a.Plan,
		&a.ContentVersion, jsonInto(&a.Access), jsonInto(&a.Policy), optionalTimeInto(&a.CreatedAt),
		optionalTimeInto(&a.TokenExpiresAt))
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	if err != nil {
		return a, false, classifyError(err)
	}
	if a.Access.Scopes == nil { // set after the Scan, which would write into the default
		a.Access.Scopes = memo.DefaultScopes(kind)
	}
	return a, true, nil
}

// SessionState is the current state of a session and of its user in one workspace.
// WorkspaceID is empty if the user is in no workspace.
type SessionState struct {
	SessionID      string
	UserID         string
	UserDisabled   bool
	ExpiresAt      time.Time
	LastUsedAt     time.Time
	Revoked        bool
	WorkspaceID    string
	Role           memo.Role
	Plan           memo.Plan
	ContentVersion int64
}

// ReadSessionState reads the current state of the session with this hash, once for each
// workspace of its user. The result is empty if there is no such session.
func (s *Store) ReadSessionState(ctx context.Context, hash credential.Hash) ([]SessionState, error) {
	return queryAll(s.quick(ctx), s.q, scanSessionState, `SELECT s.id, s.user_id, u.disabled_at,
			s.expires_at, s.last_used_at, s.revoked_at,
			coalesce(w.id, ''), coalesce(m.role, ''), coalesce(w.plan, ''), coalesce(w.content_version, 0)
		FROM sessions s
		JOIN users u ON u.id = s.user_id
		LEFT JOIN memberships m ON m.user_id = s.user_id
		LEFT JOIN workspaces w ON w.id = m.workspace_id
		WHERE s.hash = $1 ORDER BY m.joined_at, w.id`, hash[:])
}

func scanSessionState(row scanner) (a SessionState, err error) {
	err = row.Scan(&a.SessionID, &a.UserID, presenceInto(&a.UserDisabled), timeInto(&a.ExpiresAt),
		timeInto(&a.LastUsedAt), presenceInto(&a.Revoked), &a.WorkspaceID, &a.Role, &a.Plan, &a.ContentVersion)
	return a, err
}
