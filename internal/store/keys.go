package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

const keyQuery = `SELECT k.id, k.workspace_id, k.name, k.suffix, k.created_at, u.id, u.name, u.email,
	k.expires_at, k.expired_at, k.revoked_at, k.deactivated_at, k.deactivated_by, k.last_used_at, k.last_used_ip, k.last_used_agent,
	k.exposed_at, k.rotated_from,
	(SELECT coalesce(sum(g.requests), 0) FROM key_usage g WHERE g.key_id = k.id AND g.hour > $1)
	FROM api_keys k JOIN users u ON u.id = k.user_id `

// activeCondition is the condition of a key that works, at the moment that follows. The
// state of a key is by what is recorded, and an expiry that has passed a moment
// ago may not be.
const activeCondition = `state = 'active' AND coalesce(expires_at, 9223372036854775807) > `

func scanKey(row scanner) (k memo.APIKey, err error) {
	var created int64
	var expires, expired, revoked, deactivated, used, exposed sql.NullInt64
	var ip, agent, from sql.NullString
	err = row.Scan(&k.ID, &k.WorkspaceID, &k.Name, &k.Suffix, &created, &k.CreatedBy.ID, &k.CreatedBy.Name,
		&k.CreatedBy.Email,
		&expires, &expired, &revoked, &deactivated, &k.DeactivationReason, &used, &ip, &agent, &exposed, &from,
		&k.Requests24h)
	k.CreatedAt = fromMillis(created)
	k.Validity = keyLife(expires, expired, revoked, deactivated)
	k.LastUsedAt, k.ExposedAt = fromNullMillis(used), fromNullMillis(exposed)
	k.LastUsedIP, k.LastUsedAgent, k.RotatedFrom = memo.Optional(ip.String), memo.Optional(agent.String),
		memo.Optional(from.String)
	return k, err
}

func keyLife(expires, expired, revoked, deactivated sql.NullInt64) memo.KeyValidity {
	return memo.KeyValidity{
		ExpiresAt: fromNullMillis(expires), ExpiredAt: fromNullMillis(expired),
		RevokedAt: fromNullMillis(revoked), DeactivatedAt: fromNullMillis(deactivated),
	}
}

// hourBeforeLastDay is the last full hour that lies outside the past 24.
func hourBeforeLastDay(now time.Time) int64 { return Hour(now) - 24 }

// Key finds a key by id. now is the end of the 24 hours that are counted.
func (r reader) Key(ctx context.Context, id string, now time.Time) (memo.APIKey, error) {
	return queryOne(r.q.QueryRowContext(ctx, keyQuery+`WHERE k.id = $2`, hourBeforeLastDay(now), id), scanKey, "API key")
}

// KeyPageQuery chooses keys of a workspace for a page.
type KeyPageQuery struct {
	WorkspaceID   string
	UserID        string // of this member only
	Ended         bool   // those that do not work any more, not those that do
	Offset, Limit int
}

// KeysPage lists a part of the keys, newest first.
func (s *Store) KeysPage(ctx context.Context, p KeyPageQuery) ([]memo.APIKey, error) {
	now, not := s.Now(), ""
	if p.Ended {
		not = "NOT "
	}
	return queryAll(ctx, s.dataReader.q, scanKey, keyQuery+`WHERE k.workspace_id = $2 AND ($3 = '' OR k.user_id = $3) AND `+not+`(`+activeCondition+`$4)
		ORDER BY k.created_at DESC, k.id DESC LIMIT $5 OFFSET $6`, hourBeforeLastDay(now), p.WorkspaceID, p.UserID, toMillis(now), p.Limit, p.Offset)
}

// Replacements lists the keys of a workspace that replaced some of these, newest
// first.
func (s *Store) Replacements(ctx context.Context, workspaceID string, ids []string) ([]memo.APIKey, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := new(queryBuilder)
	q.arg(hourBeforeLastDay(s.Now())) // of keyQuery
	q.where("k.workspace_id = %s", workspaceID)
	q.whereIn("k.rotated_from", ids)
	return queryAll(ctx, s.dataReader.q, scanKey,
		keyQuery+`WHERE `+strings.Join(q.conds, " AND ")+` ORDER BY k.created_at DESC, k.id DESC`, q.args...)
}

// KeyCreatorStats is a user who made keys in a workspace, and how many of them work
// and have ended.
type KeyCreatorStats struct {
	memo.KeyCreator
	Living, Ended int
	LastUsedAt    *time.Time // of those that work
}

// KeyCreators lists them by name; one only when userID is given.
func (s *Store) KeyCreators(ctx context.Context, workspaceID, userID string) ([]KeyCreatorStats, error) {
	return queryAll(ctx, s.dataReader.q, func(row scanner) (h KeyCreatorStats, err error) {
		var used sql.NullInt64
		err = row.Scan(&h.ID, &h.Name, &h.Email, &h.Living, &h.Ended, &used)
		h.LastUsedAt = fromNullMillis(used)
		return h, err
	}, `SELECT u.id, u.name, u.email, coalesce(l.n, 0), a.n - coalesce(l.n, 0), l.used
		FROM (SELECT user_id, count(*) AS n FROM api_keys WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) GROUP BY user_id) a
		LEFT JOIN (SELECT user_id, count(*) AS n, max(last_used_at) AS used FROM api_keys
			WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) AND `+activeCondition+`$3 GROUP BY user_id) l ON l.user_id = a.user_id
		JOIN users u ON u.id = a.user_id ORDER BY u.name, u.id`, workspaceID, userID, toMillis(s.Now()))
}

// LockKey makes others who change this key wait.
func (t *Tx) LockKey(ctx context.Context, id string) error {
	return t.exec(ctx, `UPDATE api_keys SET name = name WHERE id = $1`, id)
}

// CountActiveKeys counts the active keys of a member.
func (t *Tx) CountActiveKeys(ctx context.Context, workspaceID, userID string) (n int, err error) {
	err = t.q.QueryRowContext(ctx, `SELECT count(*) FROM api_keys WHERE workspace_id = $1 AND user_id = $2
		AND `+activeCondition+`$3`,
		workspaceID, userID, toMillis(t.Now)).Scan(&n)
	return n, classifyError(err)
}

// AddKey keeps a new key under the hash of its secret, or reports false when
// there is one of this id.
func (t *Tx) AddKey(ctx context.Context, k memo.APIKey, hash credential.Hash) (bool, error) {
	n, err := t.execCount(ctx, `INSERT INTO api_keys (id, hash, suffix, workspace_id, user_id, name, created_at, expires_at, rotated_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`, k.ID, hash[:], k.Suffix, k.WorkspaceID, k.CreatedBy.ID, k.Name,
		toMillis(k.CreatedAt), nullMillis(k.Validity.ExpiresAt), nullText(k.RotatedFrom))
	return n == 1, err
}

// ChangeKey sets name and expiry of a key that is active; false when it is not
// (any more).
func (t *Tx) ChangeKey(ctx context.Context, id, name string, expires *time.Time) (bool, error) {
	n, err := t.execCount(ctx, `UPDATE api_keys SET name = $2, expires_at = $3 WHERE id = $1 AND `+activeCondition+`$4`,
		id, name, nullMillis(expires), toMillis(t.Now))
	return n == 1, err
}

// ExpireKey records that the expiry of a key has passed, which ends the key for
// good. A key that has ended already stays as it is.
func (t *Tx) ExpireKey(ctx context.Context, id string) error {
	return t.exec(ctx, `UPDATE api_keys SET expired_at = $2 WHERE id = $1 AND state = 'active'`, id, toMillis(t.Now))
}

// due is the condition of a key whose expiry has passed at the moment that
// follows and is not recorded. It has an index of its own.
const due = `expired_at IS NULL AND revoked_at IS NULL AND deactivated_at IS NULL AND expires_at <= `

// ExpireDueKeys is ExpireKey for at most limit of the keys whose expiry has
// passed, and returns how many they were. While there are none it writes nothing.
func (s *Store) ExpireDueKeys(ctx context.Context, limit int) (n int64, err error) {
	var any bool
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM api_keys WHERE `+due+`$1)`,
		toMillis(s.Now())).Scan(&any)
	if err != nil || !any {
		return 0, classifyError(err)
	}
	err = s.Write(ctx, func(t *Tx) error {
		n, err = t.execCount(ctx, `UPDATE api_keys SET expired_at = $1 WHERE id IN (SELECT id FROM api_keys
			WHERE `+due+`$1 ORDER BY expires_at LIMIT $2`+t.skipLocked()+`)`, toMillis(t.Now), limit)
		return err
	})
	return n, err
}

// RevokeKey ends a key for good. It reports false when it was ended before.
func (t *Tx) RevokeKey(ctx context.Context, id string) (bool, error) {
	n, err := t.execCount(ctx,
		`UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL AND deactivated_at IS NULL`,
		id, toMillis(t.Now))
	return n == 1, err
}

// DeactivateKeys ends the keys of a user who lost access to a workspace. why is
// in words. It returns their ids, workspaces and names.
func (t *Tx) DeactivateKeys(ctx context.Context, workspaceID, userID, why string) ([]memo.APIKey, error) {
	return queryAll(ctx, t.q, scanEndedKey, `UPDATE api_keys SET deactivated_at = $3, deactivated_by = $4
		WHERE user_id = $2 AND workspace_id = $1 AND revoked_at IS NULL AND deactivated_at IS NULL
		RETURNING id, workspace_id, name`, workspaceID, userID, toMillis(t.Now), why)
}

// RevokeKeysOf ends the active keys of a user in every workspace, and returns
// their ids, workspaces and names.
func (t *Tx) RevokeKeysOf(ctx context.Context, userID string) ([]memo.APIKey, error) {
	return queryAll(ctx, t.q, scanEndedKey, `UPDATE api_keys SET revoked_at = $2 WHERE user_id = $1 AND `+activeCondition+`$2
		RETURNING id, workspace_id, name`, userID, toMillis(t.Now))
}

func scanEndedKey(row scanner) (k memo.APIKey, err error) {
	err = row.Scan(&k.ID, &k.WorkspaceID, &k.Name)
	return k, err
}

// CountKeysOf counts the active keys of a user in every workspace.
func (s *Store) CountKeysOf(ctx context.Context, userID string) (n int, err error) {
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT count(*) FROM api_keys WHERE user_id = $1 AND `+activeCondition+`$2`,
		userID, toMillis(s.Now())).Scan(&n)
	return n, classifyError(err)
}

// MarkExposed marks a living key as seen in a URL, the first time only, and
// returns its id and workspace. ok is false when there is nothing to mark.
func (t *Tx) MarkExposed(ctx context.Context, hash credential.Hash) (id, workspaceID string, ok bool, err error) {
	rows, err := queryAll(ctx, t.q, func(row scanner) (k [2]string, err error) {
		err = row.Scan(&k[0], &k[1])
		return k, err
	}, `UPDATE api_keys SET exposed_at = $2 WHERE hash = $1 AND exposed_at IS NULL AND `+activeCondition+`$2
		RETURNING id, workspace_id`, hash[:], toMillis(t.Now))
	if err != nil || len(rows) == 0 {
		return "", "", false, err
	}
	return rows[0][0], rows[0][1], true, nil
}
