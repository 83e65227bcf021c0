package store

import (
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
)

// TestKeyListsUseTheirIndex: pages and counts read no keys that their filter excludes.
func TestKeyListsUseTheirIndex(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		if s.dialect == dialectPostgres { // as in TestListsUseTheirIndex
			if _, err := s.write.Exec(`SET enable_seqscan = off; SET enable_bitmapscan = off;
				SET enable_sort = off; SET enable_incremental_sort = off`); err != nil {
				t.Fatal(err)
			}
			s.write.SetMaxOpenConns(1)
		}
		now, forbidden := time.UnixMilli(5), []string{"SCAN api_keys", "TEMP B-TREE", "Seq Scan", "Sort  ("}
		for _, status := range append([]memo.KeyStatus{""}, memo.KeyStatuses...) {
			for _, user := range []string{"", "u"} {
				f := KeyFilter{WorkspaceID: "w", UserID: user, Status: status}
				for _, after := range []*ListPosition{nil, {1, "x"}} {
					q := new(queryBuilder)
					order := ` ORDER BY created_at DESC, id DESC LIMIT ` + q.arg(3)
					parts := f.rangeQueries(q, now, after, order)
					for i, part := range parts {
						parts[i] = `SELECT * FROM (` + part + `) part`
					}
					plan := planWithout(t, s, strings.Join(parts, " UNION ALL "), q.args, forbidden...)
					if strings.Contains(plan, "Filter: ((user_id") || strings.Contains(plan, "Filter: (user_id") {
						t.Errorf("the plan reads keys of other members and filters them out: %s", plan)
					}
				}
				query, args := f.count(now)
				planWithout(t, s, query, args, forbidden...)
			}
		}
		replacements, args := s.replacementsQuery("w", []string{"a", "b", "c", "d", "e", "f", "g", "h"})
		oldest := []any{5, 9}
		ofKey, ofKeyArgs := EventFilter{WorkspaceID: "w", KeyID: "k"}.query(s.dialect, 5, 9, 9)
		for index, q := range map[string]struct {
			query string
			args  []any
		}{
			"api_keys_rotated_from": {replacements, args},
			"invites_creator":       {deleteInvitesBy, []any{"u", "w"}},
			"audit_events_key_at":   {ofKey, ofKeyArgs},
			"audit_events_old":      {oldestRows("audit_events", "id", "at"), oldest},
			"key_usage_old":         {oldestRows("key_usage", "key_id, hour", "hour"), oldest},
			"sessions_expired":      {oldestRows("sessions", "id", "expires_at"), oldest},
			"sessions_revoked":      {oldestRows("sessions", "id", "revoked_at"), oldest},
		} {
			if plan := planWithout(t, s, q.query, q.args, "SCAN ", "Seq Scan"); !strings.Contains(plan, index) {
				t.Errorf("the plan does not use %s:\n%s", index, plan)
			}
		}
		explain(t, s, `SELECT id FROM api_keys WHERE `+dueCondition+`$1 ORDER BY expires_at LIMIT $2`, []any{5, 10})
	})
}
