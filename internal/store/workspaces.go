package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
)

const workspaceColumns = `id, name, plan, created_at`

func scanWorkspace(row scanner) (w memo.Workspace, err error) {
	err = row.Scan(&w.ID, &w.Name, &w.Plan, timeInto(&w.CreatedAt))
	return w, err
}

// Workspaces lists all workspaces, oldest first.
func (r reader) Workspaces(ctx context.Context) ([]memo.Workspace, error) {
	return queryAll(ctx, r.q, scanWorkspace, `SELECT `+workspaceColumns+` FROM workspaces ORDER BY created_at, id`)
}

// Workspace returns the workspace with this id.
func (r reader) Workspace(ctx context.Context, id string) (memo.Workspace, error) {
	return queryOne(r.q.QueryRowContext(ctx, `SELECT `+workspaceColumns+` FROM workspaces WHERE id = $1`, id),
		scanWorkspace, "Workspace")
}

// WorkspacesNamed lists the workspaces with exactly this name, oldest first.
func (r reader) WorkspacesNamed(ctx context.Context, name string) ([]memo.Workspace, error) {
	return queryAll(ctx, r.q, scanWorkspace,
		`SELECT `+workspaceColumns+` FROM workspaces WHERE name = $1 ORDER BY created_at, id`, name)
}

// AddWorkspace adds a workspace. Its content version starts at the current time, so that
// no version is ever used twice, even after a restore.
func (t *Tx) AddWorkspace(ctx context.Context, w memo.Workspace) error {
	return t.exec(ctx, `INSERT INTO workspaces (id, name, plan, content_version, counted_version, created_at)
		VALUES ($1, $2, $3, $4, $4, $5)`, w.ID, w.Name, w.Plan, toMillis(t.Now), toMillis(w.CreatedAt))
}

// RenameWorkspace changes the name of a workspace.
func (t *Tx) RenameWorkspace(ctx context.Context, workspaceID, name string) error {
	return t.exec(ctx, `UPDATE workspaces SET name = $2 WHERE id = $1`, workspaceID, name)
}

// Memberships lists the workspaces of a user, by name.
func (r reader) Memberships(ctx context.Context, userID string) ([]memo.Membership, error) {
	return queryAll(ctx, r.q, func(row scanner) (m memo.Membership, err error) {
		err = row.Scan(&m.ID, &m.Name, &m.Plan, timeInto(&m.CreatedAt), &m.Role)
		return m, err
	}, `SELECT w.id, w.name, w.plan, w.created_at, m.role FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
		WHERE m.user_id = $1 ORDER BY lower(w.name), w.id`, userID)
}

// SetPlan sets the plan of a workspace.
func (t *Tx) SetPlan(ctx context.Context, workspaceID string, plan memo.Plan) error {
	return t.exec(ctx, `UPDATE workspaces SET plan = $2 WHERE id = $1`, workspaceID, plan)
}

// KeyPolicy returns the key policy of a workspace.
func (r reader) KeyPolicy(ctx context.Context, workspaceID string) (memo.KeyPolicy, error) {
	return queryOne(r.q.QueryRowContext(ctx, `SELECT key_policy FROM workspaces WHERE id = $1`, workspaceID),
		func(row scanner) (p memo.KeyPolicy, err error) {
			p.AllowedIPs = []string{}
			return p, row.Scan(jsonInto(&p))
		}, "Workspace")
}

// KeyPolicy is [reader.KeyPolicy] over the connections for data.
func (s *Store) KeyPolicy(ctx context.Context, workspaceID string) (memo.KeyPolicy, error) {
	return s.dataReader.KeyPolicy(ctx, workspaceID)
}

// SetKeyPolicy sets the key policy of a workspace. One that demands nothing is stored as NULL, so that
// reading it costs nothing.
func (t *Tx) SetKeyPolicy(ctx context.Context, workspaceID string, p memo.KeyPolicy) error {
	var stored sql.NullString
	if !p.IsZero() {
		b, err := json.Marshal(p)
		if err != nil {
			return err
		}
		stored = sql.NullString{String: string(b), Valid: true}
	}
	return t.exec(ctx, `UPDATE workspaces SET key_policy = $2 WHERE id = $1`, workspaceID, stored)
}

// ProjectsMissing returns those of the ids that are not projects of the workspace.
func (t *Tx) ProjectsMissing(ctx context.Context, workspaceID string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := View{WorkspaceID: workspaceID, ProjectIDs: ids}.projects("projects p")
	found, err := queryAll(ctx, t.q, scanID, q.query("p.id"), q.args...)
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(found, id) }), err
}

// bumpContent raises the content version of a workspace to at, or by 1 if it is not lower, so that
// everything cached under the old one is out of date when this transaction commits. It also adds
// delta, which may be negative, to the stored bytes of the workspace. The transaction must note in
// addToCounts which transcriptions it adds, moves or deletes, so that valid counts stay valid.
func (t *Tx) bumpContent(ctx context.Context, workspaceID string, at time.Time, delta int64) error {
	return t.exec(ctx, `UPDATE workspaces SET
		content_version = CASE WHEN content_version >= $2 THEN content_version + 1 ELSE $2 END,
		counted_version = CASE WHEN counted_version <> content_version THEN counted_version
			WHEN content_version >= $2 THEN content_version + 1 ELSE $2 END,
		stored_bytes = stored_bytes + $3 WHERE id = $1`, workspaceID, toMillis(at), delta)
}

// StoredBytes returns the bytes of all transcriptions of a workspace.
func (r reader) StoredBytes(ctx context.Context, workspaceID string) (n int64, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT stored_bytes FROM workspaces WHERE id = $1`, workspaceID).Scan(&n)
	return n, classifyError(err)
}

// LockWorkspace locks a workspace, so that other transactions that change its members
// wait for this one.
func (t *Tx) LockWorkspace(ctx context.Context, workspaceID string) error {
	found, err := t.lock(ctx, `SELECT id FROM workspaces WHERE id = $1`, workspaceID)
	if err == nil && !found {
		return memo.NotFound("Workspace")
	}
	return err
}

const memberQuery = `SELECT u.id, u.email, u.name, m.role, m.joined_at
	FROM memberships m JOIN users u ON u.id = m.user_id `

func scanMember(row scanner) (m memo.Member, err error) {
	err = row.Scan(&m.UserID, &m.Email, &m.Name, &m.Role, timeInto(&m.JoinedAt))
	return m, err
}

// Members lists the members of a workspace, by e-mail.
func (r reader) Members(ctx context.Context, workspaceID string) ([]memo.Member, error) {
	return queryAll(ctx, r.q, scanMember, memberQuery+`WHERE m.workspace_id = $1 ORDER BY u.email`, workspaceID)
}

// Members is [reader.Members] over the connections for data.
func (s *Store) Members(ctx context.Context, workspaceID string) ([]memo.Member, error) {
	return s.dataReader.Members(ctx, workspaceID)
}

// Member returns a member of a workspace.
func (r reader) Member(ctx context.Context, workspaceID, userID string) (memo.Member, error) {
	return queryOne(r.q.QueryRowContext(ctx, memberQuery+`WHERE m.workspace_id = $1 AND m.user_id = $2`,
		workspaceID, userID), scanMember, "Member")
}

// activeOwnersQuery selects each OWNER of a workspace who is not disabled. The id of the workspace
// must follow it.
const activeOwnersQuery = `FROM memberships m JOIN users u ON u.id = m.user_id
	WHERE m.role = 'OWNER' AND u.disabled_at IS NULL AND m.workspace_id = `

// CountOwners counts the members of a workspace with the role OWNER who are not disabled.
func (r reader) CountOwners(ctx context.Context, workspaceID string) (n int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT count(*) `+activeOwnersQuery+`$1`, workspaceID).Scan(&n)
	return n, classifyError(err)
}

// ownerless lists the ids of the workspaces that have no OWNER, or only disabled ones.
func (r reader) ownerless(ctx context.Context) ([]string, error) {
	return queryAll(ctx, r.q, scanID,
		`SELECT w.id FROM workspaces w WHERE NOT EXISTS (SELECT 1 `+activeOwnersQuery+`w.id) ORDER BY w.id`)
}

// AddMember adds a user to a workspace. It returns false if they are a member already.
func (t *Tx) AddMember(ctx context.Context, workspaceID, userID string, role memo.Role) (bool, error) {
	n, err := t.execCount(ctx, `INSERT INTO memberships (workspace_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, workspaceID, userID, role, toMillis(t.Now))
	return n == 1, err
}

// SetRole changes the role of a member.
func (t *Tx) SetRole(ctx context.Context, workspaceID, userID string, role memo.Role) error {
	return t.exec(ctx, `UPDATE memberships SET role = $3 WHERE workspace_id = $1 AND user_id = $2`,
		workspaceID, userID, role)
}

// RemoveMember removes a user from a workspace.
func (t *Tx) RemoveMember(ctx context.Context, workspaceID, userID string) error {
	return t.exec(ctx, `DELETE FROM memberships WHERE workspace_id = $1 AND user_id = $2`, workspaceID, userID)
}

// LockMember locks a membership and returns its role. Other transactions that remove or disable
// the member or change their role must wait. It returns [memo.NotFound] if
// the user is not a member or is disabled.
func (t *Tx) LockMember(ctx context.Context, workspaceID, userID string) (memo.Role, error) {
	return queryOne(t.q.QueryRowContext(ctx, `SELECT role FROM memberships WHERE workspace_id = $1 AND user_id = $2
		AND EXISTS (SELECT 1 FROM users u WHERE u.id = $2 AND u.disabled_at IS NULL)`+t.forUpdate(), workspaceID, userID),
		func(row scanner) (role memo.Role, err error) {
			err = row.Scan(&role)
			return role, err
		}, "Member")
}

// LockMemberships locks all memberships of a user, even if they are disabled, and
// returns the ids of the workspaces.
func (t *Tx) LockMemberships(ctx context.Context, userID string) ([]string, error) {
	return queryAll(ctx, t.q, scanID, `SELECT workspace_id FROM memberships WHERE user_id = $1
		ORDER BY workspace_id`+t.forUpdate(), userID)
}

func scanID(row scanner) (id string, err error) {
	err = row.Scan(&id)
	return id, err
}
