package store

import (
	"context"
	"strings"
	"time"

	"memoai.tech/memo"
)

// KeyUsage is the usage of a key since it was last written: the latest call, and the
// number of calls in each hour.
type KeyUsage struct {
	KeyID string
	At    time.Time // the latest accepted call; zero if no call was accepted
	IP    string
	Agent string
	Hours map[int64]memo.Calls // by [Hour]
}

// Hour returns the number of the hour of t, counted from 1970 in UTC.
func Hour(t time.Time) int64 { return t.Unix() / 3600 }

// RecordUsage writes the usage of keys. It counts the calls of every key, but does not
// change the last use of an inactive key. uses must be sorted by key.
func (t *Tx) RecordUsage(ctx context.Context, uses []KeyUsage) error {
	for _, u := range uses {
		if !u.At.IsZero() {
			if err := t.exec(ctx, `UPDATE api_keys SET last_used_at = $2, last_used_ip = $3, last_used_agent = $4
				WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2) AND `+activeCondition+`$2`,
				u.KeyID, toMillis(u.At), u.IP, u.Agent); err != nil {
				return err
			}
		}
		for hour, c := range u.Hours {
			if err := t.exec(ctx, `INSERT INTO key_usage (key_id, hour, requests, refused,
					refused_limit, refused_plan, refused_ended, refused_url, refused_forbidden,
					refused_scope, refused_address, refused_policy)
				SELECT k.id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT),
					CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS BIGINT),
					CAST($12 AS BIGINT) FROM api_keys k WHERE k.id = $1
				ON CONFLICT (key_id, hour) DO UPDATE SET requests = key_usage.requests + excluded.requests,
					refused = key_usage.refused + excluded.refused,
					refused_limit = key_usage.refused_limit + excluded.refused_limit,
					refused_plan = key_usage.refused_plan + excluded.refused_plan,
					refused_ended = key_usage.refused_ended + excluded.refused_ended,
					refused_url = key_usage.refused_url + excluded.refused_url,
					refused_forbidden = key_usage.refused_forbidden + excluded.refused_forbidden,
					refused_scope = key_usage.refused_scope + excluded.refused_scope,
					refused_address = key_usage.refused_address + excluded.refused_address,
					refused_policy = key_usage.refused_policy + excluded.refused_policy`,
				u.KeyID, hour, c.Requests, c.Refused, c.Reasons[memo.RefusedByLimit], c.Reasons[memo.RefusedByPlan],
				c.Reasons[memo.RefusedEnded], c.Reasons[memo.RefusedInURL], c.Reasons[memo.RefusedForbidden],
				c.Reasons[memo.RefusedByScope], c.Reasons[memo.RefusedByAddress], c.Reasons[memo.RefusedByPolicy]); err != nil {
				return err
			}
		}
	}
	return nil
}

// UsageBucket counts the calls with a key in one period of [Store.UsageSince].
type UsageBucket struct {
	KeyID  string
	Period int64 // number of the period
	memo.Calls
}

// KeysAmong returns those of the ids that are keys of the workspace and, unless userID is "",
// were created by that user.
func (s *Store) KeysAmong(ctx context.Context, workspaceID, userID string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := new(queryBuilder)
	q.where("workspace_id = %s", workspaceID)
	q.whereIn("id", ids)
	if userID != "" {
		q.where("user_id = %s", userID)
	}
	return queryAll(ctx, s.dataReader.q, func(row scanner) (id string, err error) {
		return id, row.Scan(&id)
	}, `SELECT id FROM api_keys WHERE `+strings.Join(q.conds, " AND "), q.args...)
}

// UsageSince sums up the usage of keys from an hour on, in periods of that many hours each. The
// periods are numbered from 0.
func (s *Store) UsageSince(ctx context.Context, keyIDs []string, hour, hours int64) ([]UsageBucket, error) {
	if len(keyIDs) == 0 {
		return nil, nil
	}
	q := new(queryBuilder)
	q.where("hour >= CAST(%s AS BIGINT)", hour)
	q.whereIn("key_id", keyIDs)
	return queryAll(ctx, s.dataReader.q, func(row scanner) (u UsageBucket, err error) {
		err = row.Scan(&u.KeyID, &u.Period, &u.Requests, &u.Refused, &u.Reasons[memo.RefusedByLimit],
			&u.Reasons[memo.RefusedByPlan], &u.Reasons[memo.RefusedEnded], &u.Reasons[memo.RefusedInURL],
			&u.Reasons[memo.RefusedForbidden], &u.Reasons[memo.RefusedByScope], &u.Reasons[memo.RefusedByAddress],
			&u.Reasons[memo.RefusedByPolicy])
		return u, err
	}, `SELECT key_id, (hour - $1) / `+q.arg(hours)+` AS part, CAST(sum(requests) AS BIGINT), CAST(sum(refused) AS BIGINT),
			CAST(sum(refused_limit) AS BIGINT), CAST(sum(refused_plan) AS BIGINT), CAST(sum(refused_ended) AS BIGINT),
			CAST(sum(refused_url) AS BIGINT), CAST(sum(refused_forbidden) AS BIGINT),
			CAST(sum(refused_scope) AS BIGINT), CAST(sum(refused_address) AS BIGINT), CAST(sum(refused_policy) AS BIGINT)
		FROM key_usage WHERE `+strings.Join(q.conds, " AND ")+` GROUP BY key_id, part`, q.args...)
}

// UsageOfWorkspace sums up the usage of all keys of a workspace, or of a user there, as UsageSince
// does. The buckets have no KeyID and no reasons. The join is a CROSS JOIN because SQLite would otherwise read the
// usage of every workspace.
func (s *Store) UsageOfWorkspace(
	ctx context.Context, workspaceID, userID string, hour, hours int64,
) ([]UsageBucket, error) {
	return queryAll(ctx, s.dataReader.q, func(row scanner) (u UsageBucket, err error) {
		err = row.Scan(&u.Period, &u.Requests, &u.Refused)
		return u, err
	}, `SELECT (g.hour - CAST($1 AS BIGINT)) / CAST($2 AS BIGINT) AS part, CAST(sum(g.requests) AS BIGINT),
			CAST(sum(g.refused) AS BIGINT)
		FROM api_keys k CROSS JOIN key_usage g
		WHERE k.workspace_id = $3 AND ($4 = '' OR k.user_id = $4) AND g.key_id = k.id AND g.hour >= CAST($1 AS BIGINT)
		GROUP BY part`, hour, hours, workspaceID, userID)
}
