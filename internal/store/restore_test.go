package store

import (
	"path/filepath"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// TestARestoreTakesInvitationsAway: those of the database that it replaces, and
// those of the backup, which may have been used since.
func TestARestoreTakesInvitationsAway(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		s := mustOpen(t, cfg)
		const user, workspace = "0195c0de-0000-7000-8000-000000000001", "0195c0de-0000-7000-8000-000000000002"
		_, hash := credential.NewToken()
		err := s.Write(ctx, func(tx *Tx) error {
			if _, err := tx.AddUser(ctx, memo.User{ID: user, Email: "olga@example.com", Name: "Olga", CreatedAt: tx.Now}, ""); err != nil {
				return err
			}
			if err := tx.AddWorkspace(ctx, memo.Workspace{ID: workspace, Name: "Acme", Plan: memo.PlanPro, CreatedAt: tx.Now}); err != nil {
				return err
			}
			i := memo.Invite{ID: "0195c0de-0000-7000-8000-000000000003", WorkspaceID: workspace, Role: memo.RoleOwner, CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(memo.InviteLife)}
			return tx.AddInvite(ctx, i, user, hash)
		})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "backup.db")
		if err := s.WriteBackup(ctx, file, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		b, err := OpenBackup(ctx, file, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if _, err := s.Restore(ctx, b, false, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		if open, err := s.Invites(ctx, workspace); err != nil || len(open) != 0 {
			t.Errorf("%+v %v", open, err)
		}
		if w, err := s.Workspace(ctx, workspace); err != nil || w.Name != "Acme" {
			t.Errorf("%+v %v", w, err)
		}
	})
}
