package app_test

import (
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

func TestOnlyOwnersReadTheAuditTrail(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, member := w.as(w.owner), w.as(w.member)
		_, _ = w.key(w.member, "n8n")
		must(t, 0, w.RenameWorkspace(w.ctx, owner, "Acme Ltd"))
		wantKind(t, "a MEMBER renames the workspace", w.RenameWorkspace(w.ctx, member, "Taken"), memo.KindForbidden)
		if _, err := w.Events(w.ctx, member, app.EventQuery{}); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a MEMBER reads the audit trail: got %v, want forbidden", err)
		}
		key := owner
		key.KeyID = "k"
		if _, err := w.Events(w.ctx, key, app.EventQuery{}); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a key reads the audit trail: got %v, want forbidden", err)
		}
		all, err := w.Events(w.ctx, owner, app.EventQuery{Limit: 100})
		if err != nil || len(all) != 4 || all[0].Action != memo.ActionWorkspaceRenamed || all[0].Details.Name != "Acme Ltd" {
			t.Fatalf("the events are %+v (%v), want 4, the newest for the new name", all, err)
		}
		today := time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC)
		for name, c := range map[string]struct {
			in   app.EventQuery
			want int
		}{
			"keys":       {app.EventQuery{Noun: "key", Limit: 9}, 1},
			"the member": {app.EventQuery{ActorID: w.member.ID, Limit: 9}, 1},
			"older":      {app.EventQuery{Before: all[0].ID, Limit: 9}, 3},
			"today":      {app.EventQuery{From: today, To: today, Limit: 9}, 4},
			"tomorrow":   {app.EventQuery{From: today.AddDate(0, 0, 1), Limit: 9}, 0},
			"a wildcard": {app.EventQuery{Noun: "%", Limit: 9}, 0},
			"clamped":    {app.EventQuery{Limit: -5}, 1},
		} {
			t.Run(name, func(t *testing.T) {
				if got, err := w.Events(w.ctx, owner, c.in); err != nil || len(got) != c.want {
					t.Errorf("%d events (%v), want %d", len(got), err, c.want)
				}
			})
		}
		other := w.addWorkspace("Other", w.owner)
		if got, err := w.Events(w.ctx, memo.Caller{UserID: w.owner.ID, WorkspaceID: other.ID, Role: memo.RoleOwner},
			app.EventQuery{Limit: 9}); err != nil || len(got) != 1 {
			t.Errorf("the audit trail of another workspace is %+v (%v), want one event", got, err)
		}
	})
}
