package store

import (
	"context"
	"database/sql"

	"memoai.tech/memo"
)

// A restore must not give back access that ended after the backup: keys and memberships that
// have ended stay ended, an OWNER who became a MEMBER stays a MEMBER, disabled users stay
// disabled, and old passwords do not work.

// keyRecord holds what a restore carries over of a key: how and when it ended or will end, and
// whether it was exposed. deactivatedBy is the reason of a deactivation.
type keyRecord struct {
	hash                          []byte
	revoked, deactivated, expires sql.NullInt64
	deactivatedBy                 string
	exposed, expired              sql.NullInt64
}

func (t *Tx) keyRecords(ctx context.Context) ([]keyRecord, error) {
	return queryAll(ctx, t.q, func(row scanner) (e keyRecord, err error) {
		err = row.Scan(&e.hash, &e.revoked, &e.deactivated, &e.deactivatedBy, &e.expires, &e.exposed, &e.expired)
		return e, err
	}, `SELECT hash, revoked_at, deactivated_at, deactivated_by, expires_at, exposed_at, expired_at FROM api_keys`)
}

// carryOverKeys applies the records of the replaced database to the restored keys. It deactivates
// connected apps, whose tokens are not in a backup, and, unless keepUnknown is set, the keys of
// which there is no record.
func (t *Tx) carryOverKeys(
	ctx context.Context, current []keyRecord, keepUnknown bool,
) (r RestoreReport, err error) {
	count := func(query string, args ...any) (n int64) {
		if err == nil {
			err = classifyError(t.q.QueryRowContext(ctx, query, args...).Scan(&n))
		}
		return n
	}
	r.Transcriptions = count(`SELECT count(*) FROM transcriptions`)
	r.Keys = count(`SELECT count(*) FROM api_keys`)
	before := count(`SELECT count(*) FROM api_keys WHERE `+activeCondition+`$1`, toMillis(t.Now))
	for _, k := range current {
		if err != nil {
			return r, err
		}
		err = t.exec(ctx, `UPDATE api_keys SET
			revoked_at = coalesce(revoked_at, $2), deactivated_at = coalesce(deactivated_at, $3),
			deactivated_by = CASE WHEN deactivated_by = '' THEN $4 ELSE deactivated_by END,
			exposed_at = coalesce(exposed_at, $6), expired_at = coalesce(expired_at, $7),
			expires_at = CASE WHEN CAST($5 AS BIGINT) IS NULL OR expires_at <= $5 THEN expires_at ELSE $5 END
			WHERE hash = $1`, k.hash, k.revoked, k.deactivated, k.deactivatedBy, k.expires, k.exposed, k.expired)
	}
	r.CarriedOver = before - count(`SELECT count(*) FROM api_keys WHERE `+activeCondition+`$1`, toMillis(t.Now))
	if err == nil {
		err = t.exec(ctx, `UPDATE api_keys SET deactivated_at = $1, deactivated_by = $2 WHERE kind = 'app' AND `+
			activeCondition+`$1`, toMillis(t.Now), "a backup was restored: connect the app again")
	}
	if keepUnknown || err != nil {
		return r, err
	}
	known := make(map[string]bool, len(current))
	for _, k := range current {
		known[string(k.hash)] = true
	}
	restored, err := t.keyRecords(ctx)
	for _, k := range restored {
		if err != nil {
			return r, err
		}
		if !known[string(k.hash)] {
			var n int64
			n, err = t.execCount(ctx,
				`UPDATE api_keys SET deactivated_at = $1, deactivated_by = $3 WHERE hash = $2 AND `+activeCondition+`$1`,
				toMillis(t.Now), k.hash, "a backup was restored, and it is not known whether the key was revoked since")
			r.Deactivated += n
		}
	}
	return r, err
}

// accessState is the access of all users in one database.
type accessState struct {
	users      map[string]userState // by id
	workspaces map[string]bool
	roles      map[memberRef]memo.Role
}

type userState struct {
	passwordHash string
	disabled     sql.NullInt64
}

type memberRef struct{ workspaceID, userID string }

func (t *Tx) readAccess(ctx context.Context) (p accessState, err error) {
	p = accessState{users: map[string]userState{}, workspaces: map[string]bool{}}
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

// carryOverAccess applies the access of the replaced database to the restored users:
// disabled users are disabled, passwords are the current ones, an OWNER who became a
// MEMBER is one, and memberships that ended are removed and their keys deactivated. It
// does not change users and workspaces that the replaced database did not know. ended is
// the number of memberships that it removed.
func (t *Tx) carryOverAccess(ctx context.Context, current accessState) (ended int64, err error) {
	for id, u := range current.users {
		if err := t.exec(ctx, `UPDATE users SET password_hash = $2, disabled_at = coalesce(disabled_at, $3) WHERE id = $1`,
			id, u.passwordHash, u.disabled); err != nil {
			return ended, err
		}
	}
	restored, err := t.roles(ctx)
	if err != nil {
		return ended, err
	}
	for m, role := range restored {
		if _, known := current.users[m.userID]; !known || !current.workspaces[m.workspaceID] {
			continue
		}
		switch currentRole, isMember := current.roles[m]; {
		case !isMember:
			if err := t.RemoveMember(ctx, m.workspaceID, m.userID); err != nil {
				return ended, err
			}
			if _, err := t.DeactivateKeys(ctx, m.workspaceID, m.userID, "the member is no longer in the workspace"); err != nil {
				return ended, err
			}
			ended++
		case role == memo.RoleOwner && currentRole != memo.RoleOwner:
			if err := t.SetRole(ctx, m.workspaceID, m.userID, currentRole); err != nil {
				return ended, err
			}
		}
	}
	return ended, nil
}
