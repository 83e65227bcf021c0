package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
)

// TestEventsAreListedNewestFirst: events are sorted by time, and not by the order in which they
// were written. A list can start after any event.
func TestEventsAreListedNewestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s, ctx := mustOpen(t, cfg), context.Background()
		for _, e := range []struct {
			at        int64
			workspace string
			actor     string
			subject   string
		}{
			{20, "w", "a", ""},
			{10, "w", "b", ""},
			{30, "w", "a", "k"},
			{20, "w", "b", "k"},
			{20, "other", "a", "k"},
			{20, "w", "a", "l"},
		} {
			if err := s.Write(ctx, func(tx *Tx) error {
				tx.Now = time.UnixMilli(e.at)
				return tx.Record(ctx, memo.AuditEvent{
					WorkspaceID: memo.Optional(e.workspace), Action: memo.ActionKeyCreated,
					ActorID: memo.Optional(e.actor), Subject: e.subject,
				})
			}); err != nil {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]struct {
			f    EventFilter
			want []int64
		}{
			"all":                             {EventFilter{}, []int64{3, 6, 4, 1, 2}},
			"after an event":                  {EventFilter{Before: 4}, []int64{1, 2}},
			"after an event, of an actor":     {EventFilter{Before: 4, ActorID: "a"}, []int64{1}},
			"after one of another workspace":  {EventFilter{Before: 5}, nil},
			"after an unknown event":          {EventFilter{Before: 99}, nil},
			"until the time of an event":      {EventFilter{To: time.UnixMilli(20)}, []int64{2}},
			"after an event, until later":     {EventFilter{Before: 4, To: time.UnixMilli(25)}, []int64{1, 2}},
			"after an event, until before it": {EventFilter{Before: 3, To: time.UnixMilli(20)}, []int64{2}},
			"from the time of an event":       {EventFilter{From: time.UnixMilli(20), Noun: "key"}, []int64{3, 6, 4, 1}},
			"of another subject":              {EventFilter{Noun: "member"}, nil},
			"about a key":                     {EventFilter{KeyID: "k"}, []int64{3, 4}},
			"about a key, by an actor":        {EventFilter{KeyID: "k", ActorID: "b", Noun: "key"}, []int64{4}},
			"about a key, after an event":     {EventFilter{KeyID: "k", Before: 3}, []int64{4}},
		} {
			c.f.WorkspaceID = "w"
			events, err := s.Events(ctx, c.f, 10)
			var got []int64
			for _, e := range events {
				got = append(got, e.ID)
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v (%v)", name, got, c.want, err)
			}
		}
	})
}

// TestMigrationAddsNamesToEvents migrates an audit trail in which the name is in the detail of an
// event, or nowhere.
func TestMigrationAddsNamesToEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := context.Background()
		s := upTo(t, cfg, 2)
		do := func(query string, args ...any) {
			t.Helper()
			if _, err := s.write.Exec(query, args...); err != nil {
				t.Fatal(err)
			}
		}
		do(`INSERT INTO users (id, email, name, created_at) VALUES ('u', 'mark@example.com', 'Mark', 0)`)
		do(`INSERT INTO workspaces (id, name, plan, content_version, created_at) VALUES ('w', 'Acme', 'pro', 0, 0)`)
		do(`INSERT INTO api_keys (id, hash, suffix, workspace_id, user_id, name, created_at)
			VALUES ('k', $1, '', 'w', 'u', 'n8n', 0)`, []byte("hash"))
		var want [][3]string           // name, detail and noun
		for i, e := range [][5]string{ // action, subject and detail before; name and detail after
			{"key.created", "k", "n8n", "n8n", ""},
			{"key.deactivated", "k", "why", "n8n", "why"},
			{"key.deactivated", "gone", "why", "", "why"},
			{"member.added", "u", "OWNER", "mark@example.com", "OWNER"},
			{"member.removed", "u", "", "mark@example.com", ""},
			{"member.removed", "gone", "eve@example.com", "eve@example.com", ""},
			{"member.invited", "i", "OWNER", "", "OWNER"},
			{"transcription.moved", "t", "会議 → Küche", "会議", "Küche"},
			{"transcription.moved", "t", "会議 → ", "会議", ""},
			{"transcription.moved", "t", "very long", "very long", "…"},
			{"workspace.created", "w", "Acme, plan pro", "", "Acme, plan pro"},
		} {
			do(`INSERT INTO audit_events (workspace_id, at, action, actor, subject, detail)
				VALUES ('w', $1, $2, '', $3, $4)`, i, e[0], e[1], e[2])
			want = append(want, [3]string{e[3], e[4], memo.Action(e[0]).Noun()})
		}
		if err := s.migrate(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := queryAll(ctx, s.q, func(row scanner) (w [3]string, err error) {
			err = row.Scan(&w[0], &w[1], &w[2])
			return w, err
		}, `SELECT name, detail, noun FROM audit_events ORDER BY at`)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

// TestMigrationAddsLastUseToSessions: the last use of an old session is the time of its sign-in.
func TestMigrationAddsLastUseToSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := context.Background()
		s := upTo(t, cfg, 3)
		mustExec(t, s,
			`INSERT INTO users (id, email, name, created_at) VALUES ('u', 'mark@example.com', 'Mark', 0)`,
			`INSERT INTO sessions (id, hash, user_id, created_at, expires_at, ip, agent)
				VALUES ('s', x'00', 'u', 1234, 5678, '', '')`)
		if err := s.migrate(ctx); err != nil {
			t.Fatal(err)
		}
		var used int64
		if err := s.q.QueryRowContext(ctx, `SELECT last_used_at FROM sessions WHERE id = 's'`).Scan(&used); used != 1234 ||
			err != nil {
			t.Errorf("the last use is %d (%v), want 1234", used, err)
		}
	})
}

// TestRestoredEventsAreUnchanged: this includes their generated columns.
func TestRestoredEventsAreUnchanged(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s, ctx := mustOpen(t, cfg), context.Background()
		e := memo.AuditEvent{
			WorkspaceID: "w", Action: memo.ActionRoleChanged, ActorID: "a", Actor: "olga@example.com",
			Subject: "m", Name: "mark@example.com", IP: "192.0.2.1", Agent: "x",
			Details: memo.EventDetails{Role: memo.RoleOwner},
		}
		if err := s.Write(ctx, func(tx *Tx) error { return tx.Record(ctx, e) }); err != nil {
			t.Fatal(err)
		}
		f := EventFilter{WorkspaceID: "w", ActorID: "a", Noun: "member"}
		before, err := s.Events(ctx, f, 9)
		if err != nil || len(before) != 1 {
			t.Fatal(before, err)
		}
		b := backUp(t, s)
		if _, err := s.Restore(ctx, b, false, nil); err != nil {
			t.Fatal(err)
		}
		after, err := s.Events(ctx, f, 9)
		if diff := cmp.Diff(before, after); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}
