package store

import (
	"context"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

const inviteQuery = `SELECT i.id, i.workspace_id, w.name, i.role, i.recipient, i.created_at, i.expires_at, u.email
	FROM invites i JOIN workspaces w ON w.id = i.workspace_id JOIN users u ON u.id = i.created_by `

func scanInvite(row scanner) (i memo.Invite, err error) {
	err = row.Scan(&i.ID, &i.WorkspaceID, &i.Workspace, &i.Role, &i.Recipient, timeInto(&i.CreatedAt),
		timeInto(&i.ExpiresAt), &i.CreatedBy)
	return i, err
}

// Invites lists the open invitations to a workspace, newest first.
func (s *Store) Invites(ctx context.Context, workspaceID string) ([]memo.Invite, error) {
	return queryAll(ctx, s.dataReader.q, scanInvite, inviteQuery+`WHERE i.workspace_id = $1 AND i.expires_at > $2
		ORDER BY i.created_at DESC, i.id DESC`, workspaceID, toMillis(s.Now()))
}

// InviteByHash returns the invitation whose token has this hash, even if it has expired.
// It returns [memo.NotFound] if the invitation was used or deleted, or if its creator is
// disabled or not an OWNER now.
func (r reader) InviteByHash(ctx context.Context, hash credential.Hash) (memo.Invite, error) {
	return queryOne(r.q.QueryRowContext(ctx, inviteQuery+`
		JOIN memberships m ON m.workspace_id = i.workspace_id AND m.user_id = i.created_by
		WHERE i.hash = $1 AND m.role = 'OWNER' AND u.disabled_at IS NULL`, hash[:]), scanInvite, "Invitation")
}

// AddInvite stores a new invitation under the hash of its token, and deletes the expired
// invitations to the workspace.
func (t *Tx) AddInvite(ctx context.Context, i memo.Invite, createdBy string, hash credential.Hash) error {
	err := t.exec(ctx, `DELETE FROM invites WHERE workspace_id = $1 AND expires_at <= $2`,
		i.WorkspaceID, toMillis(t.Now))
	if err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO invites (id, hash, workspace_id, role, recipient, created_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		i.ID, hash[:], i.WorkspaceID, i.Role, i.Recipient, createdBy, toMillis(i.CreatedAt), toMillis(i.ExpiresAt))
}

const deleteInvitesBy = `DELETE FROM invites WHERE created_by = $1 AND ($2 = '' OR workspace_id = $2)`

// DeleteLinksBy deletes the invitations and password links that a user created: those of one workspace,
// or all if workspaceID is empty.
func (t *Tx) DeleteLinksBy(ctx context.Context, userID, workspaceID string) error {
	if err := t.exec(ctx, deleteInvitesBy, userID, workspaceID); err != nil {
		return err
	}
	return t.exec(ctx, `DELETE FROM password_links WHERE created_by = $1 AND ($2 = '' OR workspace_id = $2)`,
		userID, workspaceID)
}

// CountInvites counts the stored invitations to a workspace, expired ones included.
func (t *Tx) CountInvites(ctx context.Context, workspaceID string) (n int, err error) {
	err = t.q.QueryRowContext(ctx, `SELECT count(*) FROM invites WHERE workspace_id = $1`, workspaceID).Scan(&n)
	return n, classifyError(err)
}

// DeleteInvite deletes an invitation that was used or withdrawn. It returns false if the
// invitation does not exist, for example because another request deleted it first.
func (t *Tx) DeleteInvite(ctx context.Context, workspaceID, id string) (bool, error) {
	n, err := t.execCount(ctx, `DELETE FROM invites WHERE id = $1 AND workspace_id = $2`, id, workspaceID)
	return n == 1, err
}
