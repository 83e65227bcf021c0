package store

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"memoai.tech/memo"
)

// KeyOffsetQuery selects a page of the keys of a workspace.
type KeyOffsetQuery struct {
	WorkspaceID string
	UserID      string      // only keys of this member; empty for all members
	Set         memo.KeySet // empty: active keys
	IDs         []string    // only these keys; nil for all
	// Search is part of the name of the key or of the name or e-mail of its creator, or the suffix of
	// the key. It ignores the case of ASCII letters, and that of a first letter.
	Search        string
	Sort          memo.KeySort
	Descending    bool // ignored by the sort by attention
	Offset, Limit int
}

// KeysByOffset returns a page of keys.
func (s *Store) KeysByOffset(ctx context.Context, p KeyOffsetQuery) ([]memo.APIKey, error) {
	query, args := p.query(s.Now())
	return queryAll(ctx, s.dataReader.q, scanKey, query, args...)
}

// query finds the keys of the page before it reads their columns, some of which are costly.
func (p KeyOffsetQuery) query(now time.Time) (string, []any) {
	q := &queryBuilder{from: "api_keys k JOIN users u ON u.id = k.user_id"}
	q.arg(hourBeforeLastDay(now)) // $1 of keyQuery
	q.where("k.workspace_id = %s", p.WorkspaceID)
	if p.UserID != "" {
		q.where("k.user_id = %s", p.UserID)
	}
	if p.IDs != nil {
		q.whereIn("k.id", p.IDs)
	}
	at := q.arg(toMillis(now))
	soon := func() string { return q.arg(toMillis(now.Add(memo.ExpiryWarning))) }
	q.conds = append(q.conds, keySetCondition(p.Set, at, soon))
	if p.Search != "" {
		q.conds = append(q.conds, "("+strings.Join(q.keySearch(p.Search), " OR ")+")")
	}
	order := ` ORDER BY ` + p.order(soon) + `k.created_at DESC, k.id DESC`
	return keyQuery + `JOIN (` + q.query("k.id") + order + ` LIMIT ` + q.arg(p.Limit) + ` OFFSET ` + q.arg(p.Offset) +
		`) c ON c.id = k.id` + order, q.args
}

// keySetCondition selects the keys of a set. at is the placeholder of the current time, and soon
// returns that of the latest expiry that needs attention.
func keySetCondition(set memo.KeySet, at string, soon func() string) string {
	active := activeCondition + at
	switch set {
	case memo.KeysInactive:
		return "NOT (" + active + ")"
	case memo.KeysExposed:
		return active + " AND exposed_at IS NOT NULL"
	case memo.KeysExpiring:
		return active + " AND expires_at <= " + soon()
	case memo.KeysUnused:
		return active + " AND last_used_at IS NULL"
	}
	return active
}

// order returns the expressions by which the keys are sorted before their time of creation.
func (p KeyOffsetQuery) order(soon func() string) string {
	if p.Sort == memo.KeysByAttention && p.Set == memo.KeysInactive {
		return "coalesce(k.revoked_at, k.deactivated_at, k.expired_at, k.expires_at) DESC, "
	}
	by := ""
	switch p.Sort {
	case memo.KeysByAttention:
		soon := soon()
		return "CASE WHEN k.exposed_at IS NOT NULL THEN 0 WHEN k.expires_at <= " + soon + " THEN 1 ELSE 2 END, " +
			"CASE WHEN k.expires_at <= " + soon + " THEN k.expires_at ELSE 9223372036854775807 END, " +
			"coalesce(k.last_used_at, 0) DESC, "
	case memo.KeysByName:
		by = "lower(k.name)"
	case memo.KeysByMember:
		by = "lower(u.name)"
	case memo.KeysByUse:
		by = "coalesce(k.last_used_at, 0)"
	case memo.KeysByRequests:
		by = "(SELECT coalesce(sum(g.requests), 0) FROM key_usage g WHERE g.key_id = k.id AND g.hour > $1)"
	default:
		return ""
	}
	if p.Descending {
		by += " DESC"
	}
	return by + ", "
}

// keySearch returns the conditions of which one must be true for a key that a search finds. SQLite
// knows the case of ASCII letters only, so that other words are also compared with a capital letter.
func (q *queryBuilder) keySearch(search string) (conds []string) {
	low := strings.ToLower(search)
	first, size := utf8.DecodeRuneInString(low)
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	for _, text := range []string{search, low, string(unicode.ToUpper(first)) + low[size:]} {
		pattern := q.arg("%" + escape.Replace(text) + "%")
		for _, column := range []string{"k.name", "u.name", "u.email"} {
			conds = append(conds, column+" LIKE "+pattern+` ESCAPE '\'`, "lower("+column+") LIKE "+pattern+` ESCAPE '\'`)
		}
	}
	_, suffix, found := strings.Cut(search, "…")
	if !found {
		suffix = strings.TrimPrefix(search, memo.KeyPrefix)
	}
	return append(conds, "k.suffix = "+q.arg(suffix))
}

// KeyCounts counts the keys of a workspace, only those of a user if userID is set.
func (s *Store) KeyCounts(ctx context.Context, workspaceID, userID string) (n memo.KeyCounts, err error) {
	count := func(set memo.KeySet) string {
		return "count(CASE WHEN " + keySetCondition(set, "$3", func() string { return "$4" }) + " THEN 1 END)"
	}
	now := s.Now()
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT `+count(memo.KeysActive)+`, `+count(memo.KeysInactive)+`, `+
		count(memo.KeysExposed)+`, `+count(memo.KeysExpiring)+`, `+count(memo.KeysUnused)+`
		FROM api_keys WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2)`,
		workspaceID, userID, toMillis(now), toMillis(now.Add(memo.ExpiryWarning))).
		Scan(&n.Active, &n.Inactive, &n.Exposed, &n.Expiring, &n.Unused)
	return n, classifyError(err)
}
