package store

import (
	"context"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// passwordLinkQuery reads a link by its hash, $1. That of an OWNER counts only while they are an OWNER
// of the workspace, and the user is a member of this workspace and of no other: otherwise an OWNER
// could get at what the user reads elsewhere.
const passwordLinkQuery = `SELECT l.user_id, u.email, u.disabled_at IS NOT NULL, coalesce(l.workspace_id, ''),
		l.expires_at, l.used_at
	FROM password_links l JOIN users u ON u.id = l.user_id
	WHERE l.hash = $1 AND (l.workspace_id IS NULL
		OR EXISTS (SELECT 1 ` + activeOwnersQuery + `l.workspace_id AND m.user_id = l.created_by)
		AND EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = l.user_id AND m.workspace_id = l.workspace_id)
		AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = l.user_id AND m.workspace_id <> l.workspace_id))`

// PasswordLinkByHash returns the link whose token has this hash, even if it was used or has expired.
// It returns [memo.NotFound] if the link was deleted, or if the OWNER who created it may no longer do so.
func (r reader) PasswordLinkByHash(ctx context.Context, hash credential.Hash) (memo.PasswordLink, error) {
	scan := func(row scanner) (l memo.PasswordLink, err error) {
		err = row.Scan(&l.UserID, &l.Email, &l.Disabled, &l.WorkspaceID, timeInto(&l.ExpiresAt), optionalTimeInto(&l.UsedAt))
		return l, err
	}
	return queryOne(r.q.QueryRowContext(ctx, passwordLinkQuery, hash[:]), scan, "Link")
}

// usedLinkRetention is how long a link is stored after its expiry, so that its page can say what
// happened to it.
const usedLinkRetention = 7 * 24 * time.Hour

// AddPasswordLink stores a new link under the hash of its token, and deletes links that expired long
// ago. createdBy is the id of the OWNER, or empty for the operator.
func (t *Tx) AddPasswordLink(ctx context.Context, l memo.PasswordLink, createdBy string, hash credential.Hash) error {
	err := t.exec(ctx, `DELETE FROM password_links WHERE expires_at <= $1`, toMillis(t.Now.Add(-usedLinkRetention)))
	if err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO password_links (hash, user_id, workspace_id, created_by, expires_at)
		VALUES ($1, $2, $3, $4, $5)`, hash[:], l.UserID, nullText(memo.Optional(l.WorkspaceID)),
		nullText(memo.Optional(createdBy)), toMillis(l.ExpiresAt))
}

// UsePasswordLink marks a link as used.
func (t *Tx) UsePasswordLink(ctx context.Context, hash credential.Hash) error {
	return t.exec(ctx, `UPDATE password_links SET used_at = $2 WHERE hash = $1`, hash[:], toMillis(t.Now))
}

// DeletePasswordLinks deletes the links of a user that were not used.
func (t *Tx) DeletePasswordLinks(ctx context.Context, userID string) error {
	return t.exec(ctx, `DELETE FROM password_links WHERE user_id = $1 AND used_at IS NULL`, userID)
}
