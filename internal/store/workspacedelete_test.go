package store

import "testing"

// TestDeletedWorkspaceLeavesNothing deletes the workspaces of a database with rows in most tables.
func TestDeletedWorkspaceLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		fillOld(t, upTo(t, cfg, 8))
		h, ctx := &harness{Store: mustOpen(t, cfg), t: t}, t.Context()
		mustExec(
			t, h.Store,
			`INSERT INTO app_tokens (hash, key_id, kind, created_at, expires_at) VALUES (x'07', 'k', 'access', 1, 2)`,
			`INSERT INTO password_links (hash, user_id, workspace_id, created_by, expires_at) VALUES (x'08', 'm', 'w', 'u', 2)`,
			`INSERT INTO removals (workspace_id, at, id, deleted) VALUES ('w', 1, 'gone', 1)`,
			`INSERT INTO webhooks (id, workspace_id, url, events, secret, created_at) VALUES ('h', 'w', 'u', 'e', 's', 1)`,
			`INSERT INTO webhook_deliveries (id, webhook_id, created_at, type, payload) VALUES ('d', 'h', 1, 't', '{}')`,
		)
		for _, id := range []string{"w", "v"} {
			if err := h.Write(ctx, func(tx *Tx) error { return tx.CloseWorkspace(ctx, id, "deleted") }); err != nil {
				t.Fatal(err)
			}
			if id == "w" {
				keys, err := queryAll(ctx, h.q, scanID, `SELECT id FROM api_keys WHERE deactivated_at IS NULL`)
				if len(keys) > 0 || err != nil {
					t.Errorf("keys %v of a closed workspace are active (%v)", keys, err)
				}
			}
			ids, err := h.TranscriptionIDs(ctx, id, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, transcription := range ids {
				if err := h.Write(ctx, func(tx *Tx) error {
					e, err := tx.LockTranscription(ctx, id, transcription)
					if err != nil {
						return err
					}
					return tx.DeleteTranscription(ctx, e)
				}); err != nil {
					t.Fatal(err)
				}
				if err := h.DropParts(ctx, transcription); err != nil {
					t.Fatal(err)
				}
			}
			for more, steps := true, 0; more; steps++ {
				if err := h.Write(ctx, func(tx *Tx) (err error) {
					more, err = tx.DeleteWorkspaceRows(ctx, id, 1)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				if steps > 100 {
					t.Fatal("deleting does not end")
				}
			}
		}
		// The background work that adds speakers drops what is gone.
		left := map[string]int{"users": 2, "sessions": 1, "limit_windows": 1, "speakers_pending": 1}
		for _, table := range tables {
			want := left[table.name]
			if n := h.count(table.name); n != want {
				t.Errorf("%s has %d rows, want %d", table.name, n, want)
			}
		}
	})
}
