package store

import (
	"context"
	"database/sql"

	"memoai.tech/memo"
)

// What has ended stays ended, also when a restore brings back a time before its
// end: keys, memberships, roles, and the passwords and people that were let in.

// keyRevocation is what the present database knows of a key.
type keyRevocation struct {
	hash                          []byte
	revoked, deactivated, expires sql.NullInt64
	deactivatedBy                 string
	exposed, expired              sql.NullInt64
}

func (t *Tx) keyRevocations(ctx context.Context) ([]keyRevocation, error) {
	return queryAll(ctx, t.q, func(row scanner) (e keyRevocation, err error) {
		err = row.Scan(&e.hash, &e.revoked, &e.deactivated, &e.deactivatedBy, &e.expires, &e.exposed, &e.expired)
		return e, err
	}, `SELECT hash, revoked_at, deactivated_at, deactivated_by, expires_at, exposed_at, expired_at FROM api_keys`)
}

// carryOverKeys carries the known ends over to the restored keys and deactivates
// the keys that nobody can speak for.
func (t *Tx) carryOverKeys(ctx context.Context, ends []keyRevocation, keepUnknown bool) (r RestoreReport, err error) {
	count := func(query string, args ...any) (n int64) {
		if err == nil {
			err = classifyError(t.q.QueryRowContext(ctx, query, args...).Scan(&n))
		}
		return n
	}
	r.Transcriptions = count(`SELECT count(*) FROM transcriptions`)
	r.Keys = count(`SELECT count(*) FROM api_keys`)
	before := count(`SELECT count(*) FROM api_keys WHERE `+activeCondition+`$1`, toMillis(t.Now))
	for _, e := range ends {
		if err != nil {
			return r, err
		}
		err = t.exec(ctx, `UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2), deactivated_at = coalesce(deactivated_at, $3),
			deactivated_by = CASE WHEN deactivated_by = '' THEN $4 ELSE deactivated_by END, exposed_at = coalesce(exposed_at, $6),
			expired_at = coalesce(expired_at, $7),
			expires_at = CASE WHEN CAST($5 AS BIGINT) IS NULL OR expires_at <= $5 THEN expires_at ELSE $5 END
			WHERE hash = $1`, e.hash, e.revoked, e.deactivated, e.deactivatedBy, e.expires, e.exposed, e.expired)
	}
	r.CarriedOver = before - count(`SELECT count(*) FROM api_keys WHERE `+activeCondition+`$1`, toMillis(t.Now))
	if keepUnknown || err != nil {
		return r, err
	}
	known := make(map[string]bool, len(ends))
	for _, e := range ends {
		known[string(e.hash)] = true
	}
	restored, err := t.keyRevocations(ctx)
	for _, e := range restored {
		if err != nil {
			return r, err
		}
		if !known[string(e.hash)] {
			var n int64
			n, err = t.execCount(ctx,
				`UPDATE api_keys SET deactivated_at = $1, deactivated_by = $3 WHERE hash = $2 AND `+activeCondition+`$1`,
				toMillis(t.Now), e.hash, "a backup was restored without a record of what had been revoked since")
			r.Deactivated += n
		}
	}
	return r, err
}

// peopleState is what the present database knows of people.
type peopleState struct {
	users      map[string]userState
	workspaces map[string]bool
	roles      map[memberRef]memo.Role
}

type userState struct {
	passwordHash string
	disabled     sql.NullInt64
}

type memberRef struct{ workspaceID, userID string }

func (t *Tx) standing(ctx context.Context) (p peopleState, err error) {
	p = peopleState{users: map[string]userState{}, workspaces: map[string]bool{}}
	if _, err = queryAll(ctx, t.q, func(row scanner) (id string, err error) {
		var u userState
		err = row.Scan(&id, &u.passwordHash, &u.disabled)
		p.users[id] = u
		return id, err
	}, `SELECT id, password_hash, disabled_at FROM users`); err != nil {
		return p, err
	}
	workspaces, err := queryAll(ctx, t.q, scanID, `SELECT id FROM workspaces`)
	for _, id := range workspaces {
		p.workspaces[id] = true
	}
	if err == nil {
		p.roles, err = t.roles(ctx)
	}
	return p, err
}

func (t *Tx) roles(ctx context.Context) (map[memberRef]memo.Role, error) {
	roles := map[memberRef]memo.Role{}
	_, err := queryAll(ctx, t.q, func(row scanner) (m memberRef, err error) {
		var role memo.Role
		err = row.Scan(&m.workspaceID, &m.userID, &role)
		roles[m] = role
		return m, err
	}, `SELECT workspace_id, user_id, role FROM memberships`)
	return roles, err
}

// carryOverAccess takes from the restored people what they had lost: those who were
// disabled are, passwords are the present ones, an OWNER who had become a MEMBER
// is one, and who had left a workspace has. Whom or which workspace the present
// database does not know, it says nothing about. left counts the last.
func (t *Tx) carryOverAccess(ctx context.Context, now peopleState) (left int64, err error) {
	for id, u := range now.users {
		if err := t.exec(ctx, `UPDATE users SET password_hash = $2, disabled_at = coalesce(disabled_at, $3) WHERE id = $1`,
			id, u.passwordHash, u.disabled); err != nil {
			return left, err
		}
	}
	restored, err := t.roles(ctx)
	if err != nil {
		return left, err
	}
	for m, role := range restored {
		if _, known := now.users[m.userID]; !known || !now.workspaces[m.workspaceID] {
			continue
		}
		switch is, still := now.roles[m]; {
		case !still:
			if err := t.RemoveMember(ctx, m.workspaceID, m.userID); err != nil {
				return left, err
			}
			if _, err := t.DeactivateKeys(ctx, m.workspaceID, m.userID, "the member left the workspace"); err != nil {
				return left, err
			}
			left++
		case role == memo.RoleOwner && is != memo.RoleOwner:
			if err := t.SetRole(ctx, m.workspaceID, m.userID, is); err != nil {
				return left, err
			}
		}
	}
	return left, nil
}
