package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

const keyQuery = `SELECT k.id, k.workspace_id, k.kind, k.client_id, k.client_name, k.client_host, k.name, k.suffix,
	k.created_at, u.id, u.name, u.email,
	k.expires_at, k.expired_at, k.revoked_at, k.deactivated_at, k.deactivated_by,
	k.last_used_at, k.last_used_ip, k.last_used_agent, k.exposed_at, k.rotated_from, k.access,
	(SELECT coalesce(sum(g.requests), 0) FROM key_usage g WHERE g.key_id = k.id AND g.hour > $1)
	FROM api_keys k JOIN users u ON u.id = k.user_id `

// activeCondition selects the keys that are active at a time. The placeholder of this time must
// follow it. It compares the expiry as well, because the column state does not change until
// ExpireDueKeys has recorded that the expiry has passed.
const activeCondition = `state = 'active' AND coalesce(expires_at, 9223372036854775807) > `

func scanKey(row scanner) (k memo.APIKey, err error) {
	v, client := &k.Validity, memo.Client{}
	err = row.Scan(&k.ID, &k.WorkspaceID, &k.Kind, textInto(&client.ID), textInto(&client.Name), textInto(&client.Host),
		&k.Name, &k.Suffix, timeInto(&k.CreatedAt),
		&k.CreatedBy.ID, &k.CreatedBy.Name, &k.CreatedBy.Email,
		optionalTimeInto(&v.ExpiresAt), optionalTimeInto(&v.ExpiredAt), optionalTimeInto(&v.RevokedAt),
		optionalTimeInto(&v.DeactivatedAt), &k.DeactivationReason,
		optionalTimeInto(&k.LastUsedAt), textInto(&k.LastUsedIP), textInto(&k.LastUsedAgent),
		optionalTimeInto(&k.ExposedAt), textInto(&k.RotatedFrom), jsonInto(&k.Access), &k.Requests24h)
	if k.Kind == memo.KindApp {
		k.Client = &client
	}
	if k.Access.Scopes == nil {
		k.Access = memo.KeyAccess{Scopes: memo.DefaultScopes(k.Kind), ProjectIDs: []string{}, AllowedIPs: []string{}}
	}
	return k, err
}

// hourBeforeLastDay returns the number of the hour before the last 24 hours, which include the
// current one.
func hourBeforeLastDay(now time.Time) int64 { return Hour(now) - 24 }

// Key returns the key with this id. Requests24h counts the 24 hours that end at now.
func (r reader) Key(ctx context.Context, id string, now time.Time) (memo.APIKey, error) {
	return queryOne(r.q.QueryRowContext(ctx, keyQuery+`WHERE k.id = $2`, hourBeforeLastDay(now), id), scanKey, "API key")
}

// Replacements lists the keys of a workspace that replaced one of the keys with these
// ids, newest first.
func (s *Store) Replacements(ctx context.Context, workspaceID string, ids []string) ([]memo.APIKey, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query, args := s.replacementsQuery(workspaceID, ids)
	return queryAll(ctx, s.dataReader.q, scanKey, query, args...)
}

func (s *Store) replacementsQuery(workspaceID string, ids []string) (query string, args []any) {
	q := &queryBuilder{from: "api_keys" + s.dialect.indexedBy("api_keys_rotated_from")}
	q.arg(hourBeforeLastDay(s.Now())) // $1 of keyQuery
	q.where("workspace_id = %s", workspaceID)
	q.whereIn("rotated_from", ids)
	return keyQuery + `JOIN (` + q.query("id") + `) c ON c.id = k.id ORDER BY k.created_at DESC, k.id DESC`, q.args
}

// KeyCreators lists the creators of keys in a workspace, by name. If userID is set, it
// lists only that user.
func (s *Store) KeyCreators(ctx context.Context, workspaceID, userID string) ([]memo.KeyCreatorStats, error) {
	return queryAll(ctx, s.dataReader.q, func(row scanner) (c memo.KeyCreatorStats, err error) {
		err = row.Scan(&c.ID, &c.Name, &c.Email, &c.Active, &c.Inactive, optionalTimeInto(&c.LastUsedAt))
		return c, err
	}, `SELECT u.id, u.name, u.email, coalesce(l.n, 0), a.n - coalesce(l.n, 0), l.used
		FROM (SELECT user_id, count(*) AS n FROM api_keys
			WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) GROUP BY user_id) a
		LEFT JOIN (SELECT user_id, count(*) AS n, max(last_used_at) AS used FROM api_keys
			WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) AND `+activeCondition+`$3
			GROUP BY user_id) l ON l.user_id = a.user_id
		JOIN users u ON u.id = a.user_id ORDER BY u.name, u.id`, workspaceID, userID, toMillis(s.Now()))
}

// CountAccess counts the active keys of a workspace, only those of a user if userID is set, and
// its members.
func (s *Store) CountAccess(ctx context.Context, workspaceID, userID string) (keys, members int, err error) {
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM api_keys WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) AND `+activeCondition+`$3),
		(SELECT count(*) FROM memberships WHERE workspace_id = $1)`, workspaceID, userID, toMillis(s.Now())).
		Scan(&keys, &members)
	return keys, members, classifyError(err)
}

// FirstSteps reports whether any key of a workspace has been used, and whether it has an invitation.
func (s *Store) FirstSteps(ctx context.Context, workspaceID string) (used, invited bool, err error) {
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT
		EXISTS (SELECT 1 FROM api_keys WHERE workspace_id = $1 AND last_used_at IS NOT NULL),
		EXISTS (SELECT 1 FROM invites WHERE workspace_id = $1)`, workspaceID).Scan(&used, &invited)
	return used, invited, classifyError(err)
}

// LockKey locks a key: other transactions that change it wait for this one.
func (t *Tx) LockKey(ctx context.Context, id string) error {
	_, err := t.lock(ctx, `SELECT id FROM api_keys WHERE id = $1`, id)
	return err
}

// CountActiveKeys counts the active keys of a member.
func (t *Tx) CountActiveKeys(ctx context.Context, workspaceID, userID string) (n int, err error) {
	err = t.q.QueryRowContext(ctx, `SELECT count(*) FROM api_keys WHERE workspace_id = $1 AND user_id = $2
		AND `+activeCondition+`$3`,
		workspaceID, userID, toMillis(t.Now)).Scan(&n)
	return n, classifyError(err)
}

// AddKey stores a new key under the hash of its secret. It returns false if the id
// exists already.
func (t *Tx) AddKey(ctx context.Context, k memo.APIKey, hash credential.Hash) (bool, error) {
	var client memo.Client
	if k.Client != nil {
		client = *k.Client
	}
	access, err := storedAccess(k)
	if err != nil {
		return false, err
	}
	n, err := t.execCount(ctx, `INSERT INTO api_keys (id, hash, kind, client_id, client_name, client_host, suffix,
			workspace_id, user_id, name, created_at, expires_at, rotated_from, access)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING`,
		k.ID, hash[:], k.Kind, nullText(memo.Optional(client.ID)), nullText(memo.Optional(client.Name)),
		nullText(memo.Optional(client.Host)), k.Suffix, k.WorkspaceID, k.CreatedBy.ID, k.Name,
		toMillis(k.CreatedAt), nullMillis(k.Validity.ExpiresAt), nullText(k.RotatedFrom), access)
	return n == 1, err
}

// storedAccess returns the access of a key as it is stored: NULL if it is that of a key without
// limits.
func storedAccess(k memo.APIKey) (s sql.NullString, err error) {
	a := k.Access
	if len(a.ProjectIDs) == 0 && len(a.AllowedIPs) == 0 &&
		(a.Scopes == nil || slices.Equal(a.Scopes, memo.DefaultScopes(k.Kind))) {
		return s, nil
	}
	b, err := json.Marshal(a)
	return sql.NullString{String: string(b), Valid: true}, err
}

// ChangeKey sets the name and expiry of an active key. It returns false if the key is
// not active.
func (t *Tx) ChangeKey(ctx context.Context, id, name string, expires *time.Time) (bool, error) {
	n, err := t.execCount(ctx, `UPDATE api_keys SET name = $2, expires_at = $3 WHERE id = $1 AND `+activeCondition+`$4`,
		id, name, nullMillis(expires), toMillis(t.Now))
	return n == 1, err
}

// ExpireKey records that the expiry of a key has passed, after which the key can never
// be active again. It does not change a key that ended before.
func (t *Tx) ExpireKey(ctx context.Context, id string) error {
	return t.exec(ctx, `UPDATE api_keys SET expired_at = $2 WHERE id = $1 AND state = 'active'`, id, toMillis(t.Now))
}

// dueCondition selects the keys whose expiry has passed at a time, without a record of their end.
// The placeholder of this time must follow it. There is an index for this condition.
const dueCondition = `expired_at IS NULL AND revoked_at IS NULL AND deactivated_at IS NULL AND expires_at <= `

// ExpireDueKeys records that keys have expired, at most limit of them, and returns their number.
// If there are none, it does not write.
func (s *Store) ExpireDueKeys(ctx context.Context, limit int) (n int64, err error) {
	return s.expireKeys(ctx, dueCondition+`$1 ORDER BY expires_at`, limit)
}

// ExpireIdleApps is ExpireDueKeys for apps without a token, which were not used for as long as a
// refresh token is valid. There is an index for its condition.
func (s *Store) ExpireIdleApps(ctx context.Context, limit int) (n int64, err error) {
	return s.expireKeys(ctx, `kind = 'app' AND expired_at IS NULL AND revoked_at IS NULL AND deactivated_at IS NULL
		AND created_at <= $1 AND NOT EXISTS (SELECT 1 FROM app_tokens t WHERE t.key_id = api_keys.id)`, limit)
}

// expireKeys records that the keys of a condition, in which $1 is the current time, have expired.
func (s *Store) expireKeys(ctx context.Context, condition string, limit int) (n int64, err error) {
	var exist bool
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM api_keys WHERE `+condition+`)`,
		toMillis(s.Now())).Scan(&exist)
	if err != nil || !exist {
		return 0, classifyError(err)
	}
	err = s.Write(ctx, func(t *Tx) error {
		n, err = t.execCount(ctx, `UPDATE api_keys SET expired_at = $1 WHERE id IN (SELECT id FROM api_keys
			WHERE `+condition+` LIMIT $2`+t.skipLocked()+`)`, toMillis(t.Now), limit)
		return err
	})
	return n, err
}

// RevokeKey revokes a key. It returns false if the key was revoked or deactivated before.
func (t *Tx) RevokeKey(ctx context.Context, id string) (bool, error) {
	n, err := t.execCount(ctx,
		`UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL AND deactivated_at IS NULL`,
		id, toMillis(t.Now))
	return n == 1, err
}

// DeactivateKeys deactivates the keys of a user who lost access to a workspace. reason is shown
// to members. The returned keys have only ID, WorkspaceID, Name and Kind set. It locks the keys in the
// order of their ids, as RecordUsage does, because otherwise the two could cause a deadlock.
func (t *Tx) DeactivateKeys(ctx context.Context, workspaceID, userID, reason string) ([]memo.APIKey, error) {
	return queryAll(ctx, t.q, scanEndedKey, `UPDATE api_keys SET deactivated_at = $3, deactivated_by = $4
		WHERE id IN (SELECT id FROM api_keys WHERE user_id = $2 AND workspace_id = $1
			AND revoked_at IS NULL AND deactivated_at IS NULL ORDER BY id`+t.forUpdate()+`)
		RETURNING id, workspace_id, name, kind`, workspaceID, userID, toMillis(t.Now), reason)
}

// RevokeKeysOf revokes the active keys of a user in every workspace, in the order of their ids. The
// returned keys have only ID, WorkspaceID, Name and Kind set.
func (t *Tx) RevokeKeysOf(ctx context.Context, userID string) ([]memo.APIKey, error) {
	return queryAll(ctx, t.q, scanEndedKey, `UPDATE api_keys SET revoked_at = $2
		WHERE id IN (SELECT id FROM api_keys WHERE user_id = $1 AND `+activeCondition+`$2 ORDER BY id`+t.forUpdate()+`)
		RETURNING id, workspace_id, name, kind`, userID, toMillis(t.Now))
}

func scanEndedKey(row scanner) (k memo.APIKey, err error) {
	err = row.Scan(&k.ID, &k.WorkspaceID, &k.Name, &k.Kind)
	return k, err
}

// CountKeysOf counts the active keys of a user in every workspace.
func (s *Store) CountKeysOf(ctx context.Context, userID string) (n int, err error) {
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT count(*) FROM api_keys WHERE user_id = $1 AND `+activeCondition+`$2`,
		userID, toMillis(s.Now())).Scan(&n)
	return n, classifyError(err)
}

// MarkExposed records that an active key was seen in a URL. It returns false if the key is not
// active, or if this was recorded before.
func (t *Tx) MarkExposed(ctx context.Context, id string) (bool, error) {
	n, err := t.execCount(ctx, `UPDATE api_keys SET exposed_at = $2 WHERE id = $1 AND exposed_at IS NULL AND `+
		activeCondition+`$2`, id, toMillis(t.Now))
	return n == 1, err
}
