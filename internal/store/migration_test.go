package store // it migrates to old versions

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
)

// upTo opens a new database and migrates it only up to a version.
func upTo(t *testing.T, cfg Config, version int64) *Store {
	t.Helper()
	s, err := openStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p, err := s.migrations()
	if err == nil {
		_, err = p.UpTo(t.Context(), version)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var sqliteBlob = regexp.MustCompile(`\bx'([0-9a-f]+)'`)

// mustExec runs statements. Binary literals must be written as for SQLite: x'00'.
func mustExec(t *testing.T, s *Store, queries ...string) {
	t.Helper()
	for _, q := range queries {
		if s.dialect == dialectPostgres {
			q = sqliteBlob.ReplaceAllString(q, `'\x$1'`)
		}
		if _, err := s.write.Exec(q); err != nil {
			t.Fatalf("%v\n%s", err, q)
		}
	}
}

// oldRows fills the tables of schema 8, which is that of the previous version, with a row or more
// in each.
var oldRows = []string{
	`INSERT INTO users (id, email, name, created_at)
		VALUES ('u', 'olga@example.com', 'Olga', 1), ('m', 'mark@example.com', 'Mark', 2)`,
	`INSERT INTO workspaces (id, name, plan, content_version, created_at, stored_bytes)
		VALUES ('w', 'Acme', 'pro', 7, 1, 20), ('v', 'Other', 'Pro', 7, 2, 0)`,
	`INSERT INTO memberships (workspace_id, user_id, role, joined_at)
		VALUES ('w', 'u', 'OWNER', 1), ('w', 'm', 'MEMBER', 2), ('v', 'u', 'owner', 3)`,
	`INSERT INTO sessions (id, hash, user_id, created_at, expires_at, last_used_at, ip, agent)
		VALUES ('s', x'01', 'u', 1, 2, 1, '192.0.2.1', 'curl')`,
	`INSERT INTO api_keys (id, hash, suffix, workspace_id, user_id, name, created_at, rotated_from)
		VALUES ('k', x'02', 'abcd', 'w', 'm', 'n8n', 1, NULL), ('l', x'03', 'efgh', 'w', 'm', 'n8n', 2, 'k')`,
	`INSERT INTO key_usage (key_id, hour, requests, refused) VALUES ('k', 5, 6, 7)`,
	`INSERT INTO projects (id, workspace_id, name, created_at) VALUES ('p', 'w', 'Sales', 1)`,
	`INSERT INTO transcriptions (seq, id, workspace_id, project_id, status, duration_ms, created_at, created_by,
		char_count, item, size) VALUES (1, 't', 'w', 'p', 'completed', 1000, 1, 'u', 3, '{"title":"A zebra"}', 20)`,
	`INSERT INTO transcripts (seq, markdown_size, markdown_crc, markdown, text, segments)
		VALUES (1, 0, 0, x'00', '"x"', '[{"start":0,"end":1,"text":"two giraffes"}]')`,
	`INSERT INTO transcript_parts (id, kind, part, data) VALUES ('t', 'text', 0, x'00')`,
	`INSERT INTO reports (id, seq, name, slug, status, text, created_at) VALUES (1, 1, 'R', 'r', 'failed', 'x', 1)`,
	`INSERT INTO invites (id, hash, workspace_id, role, created_by, created_at, expires_at)
		VALUES ('i', x'04', 'w', 'OWNER', 'u', 1, 9223372036854775807)`,
	`INSERT INTO search_pending (seq) VALUES (1)`,
	`INSERT INTO limit_windows (server, class, subject, calls, latest) VALUES ('s', 'data', x'05', x'06', 7)`,
}

// oldEvents are events of schema 8 and their details now.
var oldEvents = []struct {
	action memo.Action
	detail string
	want   memo.EventDetails
}{
	{memo.ActionKeyCreated, "", memo.EventDetails{}},
	{memo.ActionKeyDeactivated, `the "plan", O'Hara`, memo.EventDetails{Reason: `the "plan", O'Hara`}},
	{memo.ActionKeyExposed, "why", memo.EventDetails{Reason: "why"}},
	{memo.ActionMemberAdded, "OWNER", memo.EventDetails{Role: memo.RoleOwner}},
	{
		memo.ActionMemberAdded, "MEMBER, invited by olga@example.com",
		memo.EventDetails{Role: memo.RoleMember, InvitedBy: "olga@example.com"},
	},
	{memo.ActionRoleChanged, "MEMBER", memo.EventDetails{Role: memo.RoleMember}},
	{memo.ActionInviteCreated, "OWNER", memo.EventDetails{Role: memo.RoleOwner}},
	{memo.ActionUserCreated, "olga@example.com", memo.EventDetails{Email: "olga@example.com"}},
	{memo.ActionUserRenamed, "Olga", memo.EventDetails{Name: "Olga"}},
	{memo.ActionSignInFailed, "the user is disabled", memo.EventDetails{Reason: "the user is disabled"}},
	{memo.ActionWorkspaceCreated, "Küche, plan free", memo.EventDetails{Name: "Küche", Plan: memo.PlanFree}},
	{memo.ActionWorkspaceCreated, "会議, plan basic", memo.EventDetails{Name: "会議", Plan: memo.PlanBasic}},
	{memo.ActionWorkspaceCreated, "A, plan pro, plan pro", memo.EventDetails{Name: "A, plan pro", Plan: memo.PlanPro}},
	{memo.ActionWorkspaceCreated, "Acme, plan expert", memo.EventDetails{Name: "Acme", Plan: memo.PlanExpert}},
	{memo.ActionWorkspaceRenamed, "Acme, plan pro", memo.EventDetails{Name: "Acme, plan pro"}},
	{memo.ActionPlanChanged, "expert", memo.EventDetails{Plan: memo.PlanExpert}},
	{memo.ActionProjectChanged, "Küche", memo.EventDetails{Project: "Küche"}},
	{memo.ActionProjectChanged, "", memo.EventDetails{}},
	{memo.ActionDownloaded, "md", memo.EventDetails{Format: "md"}},
	{memo.ActionDownloaded, "a ZIP of json files", memo.EventDetails{Format: "json", Archive: true}},
	{memo.ActionRestored, "3 keys: 1 ended", memo.EventDetails{Reason: "3 keys: 1 ended"}},
}

// fillOld fills a database of schema 8.
func fillOld(t *testing.T, s *Store) {
	t.Helper()
	mustExec(t, s, oldRows...)
	for i, e := range oldEvents {
		if _, err := s.write.Exec(`INSERT INTO audit_events (workspace_id, at, action, noun, actor, subject, name, detail)
			VALUES ('w', $1, $2, $3, 'operator', 's', 'n', $4)`, i, e.action, e.action.Noun(), e.detail); err != nil {
			t.Fatal(err)
		}
	}
}

// wantMigrated checks the rows of fillOld in a database of the newest schema.
func wantMigrated(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	events, err := s.Events(ctx, EventFilter{WorkspaceID: "w"}, 100)
	if err != nil || len(events) != len(oldEvents) {
		t.Fatalf("got %d events, want %d (%v)", len(events), len(oldEvents), err)
	}
	for i, old := range oldEvents {
		e := events[len(events)-1-i]
		if diff := cmp.Diff(old.want, e.Details); diff != "" || e.Details.String() != old.detail {
			t.Errorf("%s %q is shown as %q:\n%s", old.action, old.detail, e.Details, diff)
		}
	}
	for id, plan := range map[string]memo.Plan{"w": memo.PlanPro, "v": memo.PlanFree} {
		if w, err := s.Workspace(ctx, id); err != nil || w.Plan != plan {
			t.Errorf("workspace %s has plan %q, want %q (%v)", id, w.Plan, plan, err)
		}
	}
	if m, err := s.Member(ctx, "v", "u"); err != nil || m.Role != memo.RoleMember {
		t.Errorf("a member with an unknown role has %q, want MEMBER (%v)", m.Role, err)
	}
	if keys, err := s.Replacements(ctx, "w", []string{"k"}); err != nil || len(keys) != 1 || keys[0].ID != "l" {
		t.Errorf("the replacements of a key are %+v (%v)", keys, err)
	}
	reports, err := s.Reports(ctx, View{WorkspaceID: "w"}, "t", func(int64) error { return nil })
	if err != nil || len(reports) != 1 {
		t.Errorf("the reports are %+v (%v)", reports, err)
	}
	(&harness{Store: s, t: t}).wantUnknownValuesRefused()
}

// wantUnknownValuesRefused fails if the database accepts a plan, role or status that memo does not
// know, or refuses one that it knows.
func (h *harness) wantUnknownValuesRefused() {
	h.t.Helper()
	values := map[string][]string{"workspaces.plan": nil, "memberships.role": {"MEMBER", "OWNER"}}
	for _, p := range memo.Plans {
		values["workspaces.plan"] = append(values["workspaces.plan"], string(p))
	}
	for _, s := range memo.Statuses {
		values["transcriptions.status"] = append(values["transcriptions.status"], string(s))
	}
	values["reports.status"], values["invites.role"] = values["transcriptions.status"], values["memberships.role"]
	for column, known := range values {
		table, column, _ := strings.Cut(column, ".")
		for _, v := range append([]string{"unknown", ""}, known...) {
			// A constraint is checked for the rows that exist, so fail if there are none.
			tx, err := h.write.Begin()
			if err != nil {
				h.t.Fatal(err)
			}
			result, err := tx.Exec(`UPDATE `+table+` SET `+column+` = $1`, v)
			if refused := err != nil; refused != (v == "unknown" || v == "") {
				h.t.Errorf("%s.%s = %q: %v", table, column, v, err)
			}
			if err == nil {
				if n, _ := result.RowsAffected(); n == 0 {
					h.t.Errorf("%s has no row", table)
				}
			}
			tx.Rollback()
		}
	}
}

// TestPreviousSchemaIsMigrated migrates a database of the previous version with rows in every
// table. The rows that refer to others still do.
func TestPreviousSchemaIsMigrated(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		old := upTo(t, cfg, 8)
		fillOld(t, old)
		counts := rowCounts(t, old)
		for table, n := range counts {
			if n == 0 {
				t.Errorf("oldRows has no row of %s", table)
			}
		}
		s := mustOpen(t, cfg)
		counts["search_pending"] = 0 // indexed by Open
		if diff := cmp.Diff(counts, rowCounts(t, s)); diff != "" {
			t.Error(diff)
		}
		wantMigrated(t, s)
		if s.dialect == dialectSQLite {
			if rows, err := s.write.Query(`PRAGMA foreign_key_check`); err != nil || rows.Next() {
				t.Errorf("a foreign key is broken (%v)", err)
			}
		}
		if _, err := s.write.Exec(`DELETE FROM workspaces WHERE id = 'w'`); err == nil {
			t.Error("a workspace with members was deleted")
		}
		// Replicas of previous versions that are still running count refusals without their reasons.
		before := memo.Calls{Requests: 6, Refused: 7}
		mustExec(t, s, `INSERT INTO key_usage (key_id, hour, requests, refused) VALUES ('k', 5, 6, 7)
			ON CONFLICT (key_id, hour) DO UPDATE SET requests = key_usage.requests + excluded.requests,
				refused = key_usage.refused + excluded.refused`)
		now := memo.RefusedCall(memo.RefusedEnded)
		if err := s.Write(t.Context(), func(tx *Tx) error {
			return tx.RecordUsage(t.Context(), []KeyUsage{{KeyID: "k", Hours: map[int64]memo.Calls{5: now}}})
		}); err != nil {
			t.Fatal(err)
		}
		want := before.Plus(before).Plus(now)
		if use, err := s.UsageSince(t.Context(), []string{"k"}, 5, 1); err != nil || len(use) != 1 || use[0].Calls != want {
			t.Errorf("the usage is %+v, want %+v (%v)", use, want, err)
		}
		// A replica of the previous version that is still running writes its events as text.
		mustExec(t, s, `INSERT INTO audit_events (workspace_id, at, action, noun, actor, subject, name, detail)
			VALUES ('v', 1, 'workspace.created', 'workspace', 'operator', 'v', '', 'Other, plan free')`)
		events, err := s.Events(t.Context(), EventFilter{WorkspaceID: "v"}, 10)
		if err != nil || len(events) != 1 || events[0].Details.String() != "Other, plan free" {
			t.Errorf("the event of an old replica is %+v (%v)", events, err)
		}
	})
}

// TestBackupOfPreviousSchemaIsRestored: the rows are migrated as in a database.
func TestBackupOfPreviousSchemaIsRestored(t *testing.T) {
	file := Config{Dir: t.TempDir()}
	old := upTo(t, file, 8)
	fillOld(t, old)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	onBoth(t, func(t *testing.T, cfg Config) {
		b, err := OpenBackup(t.Context(), file.Dir+"/"+FileName, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		s := mustOpen(t, cfg)
		if _, err := s.Restore(t.Context(), b, true, nil); err != nil {
			t.Fatal(err)
		}
		mustExec(t, s, `INSERT INTO invites (id, hash, workspace_id, role, created_by, created_at, expires_at)
			VALUES ('i', x'04', 'w', 'OWNER', 'u', 1, 2)`) // a restore deletes them
		wantMigrated(t, s)
	})
}

// rowCounts returns the number of rows of each table that schema 8 has.
func rowCounts(t *testing.T, s *Store) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range tables {
		if slices.Contains([]string{
			"transcription_counts", "transcription_speakers", "speakers_pending", "search_again", "app_tokens", "app_codes",
			"removals", "password_links", "webhooks", "webhook_deliveries",
		}, table.name) {
			continue
		}
		var n int
		if err := s.write.QueryRow(`SELECT count(*) FROM ` + table.name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[table.name] = n
	}
	return counts
}
