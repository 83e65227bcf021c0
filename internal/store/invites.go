package store

import (
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

const inviteQuery = `SELECT i.id, i.workspace_id, w.name, i.role, i.created_at, i.expires_at, u.email
	FROM invites i JOIN workspaces w ON w.id = i.workspace_id JOIN users u ON u.id = i.created_by `

func scanInvite(row scanner) (i memo.Invite, err error) {
	var created, expires int64
	err = row.Scan(&i.ID, &i.WorkspaceID, &i.Workspace, &i.Role, &created, &expires, &i.CreatedBy)
	i.CreatedAt, i.ExpiresAt = fromMillis(created), fromMillis(expires)
	return i, err
}

// Invites lists the open invitations to a workspace, newest first.
func (s *Store) Invites(ctx context.Context, workspaceID string) ([]memo.Invite, error) {
	return queryAll(ctx, s.dataReader.q, scanInvite, inviteQuery+`WHERE i.workspace_id = $1 AND i.expires_at > $2
		ORDER BY i.created_at DESC, i.id DESC`, workspaceID, toMillis(s.Now()))
}

// InviteByHash finds an invitation by its token, used up or not: it is gone
// once it was used. Whoever made it must be an OWNER still.
func (r reader) InviteByHash(ctx context.Context, hash credential.Hash) (memo.Invite, error) {
	return queryOne(r.q.QueryRowContext(ctx, inviteQuery+`JOIN memberships m ON m.workspace_id = i.workspace_id AND m.user_id = i.created_by
		WHERE i.hash = $1 AND m.role = 'OWNER' AND u.disabled_at IS NULL`, hash[:]), scanInvite, "Invitation")
}

// AddInvite keeps a new invitation under the hash of its token, and clears away
// those of the workspace that have expired.
func (t *Tx) AddInvite(ctx context.Context, i memo.Invite, createdBy string, hash credential.Hash) error {
	if err := t.exec(ctx, `DELETE FROM invites WHERE workspace_id = $1 AND expires_at <= $2`, i.WorkspaceID,
		toMillis(t.Now)); err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO invites (id, hash, workspace_id, role, created_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, i.ID, hash[:], i.WorkspaceID, i.Role, createdBy, toMillis(i.CreatedAt), toMillis(i.ExpiresAt))
}

// DeleteInvitesBy takes the open invitations of a user away: those to one
// workspace, or all where workspaceID is empty.
func (t *Tx) DeleteInvitesBy(ctx context.Context, userID, workspaceID string) error {
	return t.exec(ctx, `DELETE FROM invites WHERE created_by = $1 AND ($2 = '' OR workspace_id = $2)`, userID, workspaceID)
}

// CountInvites counts the open invitations to a workspace.
func (t *Tx) CountInvites(ctx context.Context, workspaceID string) (n int, err error) {
	err = t.q.QueryRowContext(ctx, `SELECT count(*) FROM invites WHERE workspace_id = $1`, workspaceID).Scan(&n)
	return n, classifyError(err)
}

// DeleteInvite takes an invitation away, because it was used or taken back. It
// reports false when somebody was faster.
func (t *Tx) DeleteInvite(ctx context.Context, workspaceID, id string) (bool, error) {
	n, err := t.execCount(ctx, `DELETE FROM invites WHERE id = $1 AND workspace_id = $2`, id, workspaceID)
	return n == 1, err
}
