package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// AppCode is a code that the consent page gave to a client.
type AppCode struct {
	WorkspaceID  string
	UserID       string
	Client       memo.Client
	RedirectURI  string
	Challenge    string     // of PKCE with S256
	AppExpiresAt *time.Time // of the app; nil: never
	ExpiresAt    time.Time  // of the code
	KeyID        string     // the app, if the code was redeemed
}

// AddAppCode stores a new code under its hash.
func (t *Tx) AddAppCode(ctx context.Context, c AppCode, hash credential.Hash) error {
	return t.exec(ctx, `INSERT INTO app_codes (hash, workspace_id, user_id, client_id, client_name, client_host,
			redirect_uri, challenge, app_expires_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		hash[:], c.WorkspaceID, c.UserID, c.Client.ID, c.Client.Name, c.Client.Host,
		c.RedirectURI, c.Challenge, nullMillis(c.AppExpiresAt), toMillis(c.ExpiresAt))
}

// CountAppCodes counts the stored codes of a member.
func (t *Tx) CountAppCodes(ctx context.Context, workspaceID, userID string) (n int, err error) {
	err = t.q.QueryRowContext(ctx, `SELECT count(*) FROM app_codes WHERE user_id = $1 AND workspace_id = $2`,
		userID, workspaceID).Scan(&n)
	return n, classifyError(err)
}

// HasAppCode reports whether the code with this hash is stored.
func (r reader) HasAppCode(ctx context.Context, hash credential.Hash) (ok bool, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM app_codes WHERE hash = $1)`, hash[:]).Scan(&ok)
	return ok, classifyError(err)
}

// LockAppCode locks and returns the code with this hash. ok is false if there is none.
func (t *Tx) LockAppCode(ctx context.Context, hash credential.Hash) (c AppCode, ok bool, err error) {
	err = t.q.QueryRowContext(ctx, `SELECT workspace_id, user_id, client_id, client_name, client_host, redirect_uri,
			challenge, app_expires_at, expires_at, key_id FROM app_codes WHERE hash = $1`+t.forUpdate(), hash[:]).
		Scan(&c.WorkspaceID, &c.UserID, &c.Client.ID, &c.Client.Name, &c.Client.Host, &c.RedirectURI, &c.Challenge,
			optionalTimeInto(&c.AppExpiresAt), timeInto(&c.ExpiresAt), textInto(&c.KeyID))
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, classifyError(err)
}

// UseAppCode records the app for which a code was redeemed.
func (t *Tx) UseAppCode(ctx context.Context, hash credential.Hash, keyID string) error {
	return t.exec(ctx, `UPDATE app_codes SET key_id = $2 WHERE hash = $1`, hash[:], keyID)
}

// RefreshToken is the state of a refresh token of a connected app.
type RefreshToken struct {
	KeyID     string
	ExpiresAt time.Time
	UsedAt    *time.Time // first
	Reuses    int        // since then
}

// AppOfToken returns the id of the app to which the token with this hash belongs, or "".
func (r reader) AppOfToken(ctx context.Context, hash credential.Hash) (keyID string, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT key_id FROM app_tokens WHERE hash = $1`, hash[:]).Scan(&keyID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return keyID, classifyError(err)
}

// LockRefreshToken locks and returns the refresh token with this hash. ok is false if there is none.
func (t *Tx) LockRefreshToken(ctx context.Context, hash credential.Hash) (r RefreshToken, ok bool, err error) {
	err = t.q.QueryRowContext(ctx, `SELECT key_id, expires_at, used_at, reuses FROM app_tokens
		WHERE hash = $1 AND kind = 'refresh'`+t.forUpdate(), hash[:]).
		Scan(&r.KeyID, timeInto(&r.ExpiresAt), optionalTimeInto(&r.UsedAt), &r.Reuses)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	return r, err == nil, classifyError(err)
}

// UseRefreshToken records a use of a refresh token.
func (t *Tx) UseRefreshToken(ctx context.Context, hash credential.Hash) error {
	return t.exec(ctx, `UPDATE app_tokens SET used_at = coalesce(used_at, $2),
		reuses = reuses + CASE WHEN used_at IS NULL THEN 0 ELSE 1 END WHERE hash = $1`, hash[:], toMillis(t.Now))
}

// maxAppTokens is how many tokens of an app are stored, including those that were used or have
// expired, so that a client that refreshes all the time does not fill the disk.
const maxAppTokens = 200

// AddAppTokens stores a new pair of tokens of an app under their hashes, and deletes the oldest ones
// above [maxAppTokens].
func (t *Tx) AddAppTokens(
	ctx context.Context, keyID string, access, refresh credential.Hash, accessEnd, refreshEnd time.Time,
) error {
	if err := t.exec(ctx, `DELETE FROM app_tokens WHERE key_id = $1 AND created_at < (SELECT min(n.created_at) FROM
		(SELECT created_at FROM app_tokens WHERE key_id = $1 ORDER BY created_at DESC LIMIT $2) n)`,
		keyID, maxAppTokens-2); err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO app_tokens (hash, key_id, kind, created_at, expires_at)
		VALUES ($1, $2, 'access', $3, $4), ($5, $2, 'refresh', $3, $6)`,
		access[:], keyID, toMillis(t.Now), toMillis(accessEnd), refresh[:], toMillis(refreshEnd))
}
