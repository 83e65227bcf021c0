package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"memoai.tech/memo"
)

// KeyFilter selects keys of one workspace. An empty UserID selects the keys of all
// members, an empty Status those of every status.
type KeyFilter struct {
	WorkspaceID string
	UserID      string
	Status      memo.KeyStatus
}

// KeyPage returns at most limit keys, newest first. If after is not nil, the page starts after
// that position. The time that it takes does not depend on the number of keys.
func (s *Store) KeyPage(ctx context.Context, f KeyFilter, after *ListPosition, limit int) ([]memo.APIKey, error) {
	query, args := f.page(s.Now(), after, limit)
	return queryAll(ctx, s.dataReader.q, scanKey, query, args...)
}

// CountKeys counts the keys that f selects. It reads only an index.
func (s *Store) CountKeys(ctx context.Context, f KeyFilter) (n int, err error) {
	query, args := f.count(s.Now())
	err = s.dataReader.q.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, classifyError(err)
}

// page returns the query for a page, and its arguments.
func (f KeyFilter) page(now time.Time, after *ListPosition, limit int) (string, []any) {
	q := new(queryBuilder)
	q.arg(hourBeforeLastDay(now)) // $1 of keyQuery
	order := ` ORDER BY created_at DESC, id DESC LIMIT ` + q.arg(limit)
	parts := f.rangeQueries(q, now, after, order)
	for i, part := range parts {
		parts[i] = `SELECT * FROM (` + part + `) part`
	}
	return keyQuery + `JOIN (SELECT id FROM (` + strings.Join(parts, " UNION ALL ") + `) parts` + order +
		`) c ON c.id = k.id ORDER BY k.created_at DESC, k.id DESC`, q.args
}

// rangeQueries returns one query for each range of an index that f selects. Each query reads the
// newest keys of its range, as many as the LIMIT in order. The page consists of the newest of
// these keys.
func (f KeyFilter) rangeQueries(q *queryBuilder, now time.Time, after *ListPosition, order string) (queries []string) {
	f.where(q)
	if after != nil {
		q.where("(created_at, id) < (%s, %s)", after.Key, after.ID)
	}
	parts := f.parts(q, now)
	if f.UserID != "" && f.Status == "" { // the index of a member's keys is sorted by state, then by time
		parts = nil
		for _, s := range memo.KeyStatuses {
			parts = append(parts, []string{`state = ` + q.arg(string(s))})
		}
	}
	for _, part := range parts {
		conds := strings.Join(slices.Concat(q.conds, part), " AND ")
		queries = append(queries, `SELECT id, created_at FROM api_keys WHERE `+conds+order)
	}
	return queries
}

func (f KeyFilter) count(now time.Time) (string, []any) {
	q := new(queryBuilder)
	f.where(q)
	var counts []string
	for _, part := range f.parts(q, now) {
		conds := strings.Join(slices.Concat(q.conds, part), " AND ")
		counts = append(counts, `(SELECT count(*) FROM api_keys WHERE `+conds+`)`)
	}
	return `SELECT ` + strings.Join(counts, " + "), q.args
}

func (f KeyFilter) where(q *queryBuilder) {
	q.where("workspace_id = %s", f.WorkspaceID)
	if f.UserID != "" {
		q.where("user_id = %s", f.UserID)
	}
}

// parts returns the conditions that select the status at now, one list for each range of the
// index. A key is expired as soon as its expiry has passed, even before that is recorded.
func (f KeyFilter) parts(q *queryBuilder, now time.Time) [][]string {
	switch f.Status {
	case "":
		return [][]string{nil}
	case memo.KeyActive:
		return [][]string{{activeCondition + q.arg(toMillis(now))}}
	case memo.KeyExpired:
		return [][]string{{`state = 'expired'`}, {`state = 'active' AND expires_at <= ` + q.arg(toMillis(now))}}
	default:
		return [][]string{{`state = ` + q.arg(string(f.Status))}}
	}
}
