package store

import (
	"errors"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// TestRestoreDeletesInvitations: a restore deletes the current invitations, and a backup contains
// none, because they may have been used since.
func TestRestoreDeletesInvitations(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		s := mustOpen(t, cfg)
		const user, workspace = "0195c0de-0000-7000-8000-000000000001", "0195c0de-0000-7000-8000-000000000002"
		_, hash := credential.NewToken()
		err := s.Write(ctx, func(tx *Tx) error {
			if _, err := tx.AddUser(ctx, memo.User{ID: user, Email: "olga@example.com", Name: "Olga", CreatedAt: tx.Now},
				""); err != nil {
				return err
			}
			if err := tx.AddWorkspace(ctx, memo.Workspace{
				ID: workspace, Name: "Acme", Plan: memo.PlanPro,
				CreatedAt: tx.Now,
			}); err != nil {
				return err
			}
			i := memo.Invite{
				ID: "0195c0de-0000-7000-8000-000000000003", WorkspaceID: workspace, Role: memo.RoleOwner,
				CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(memo.InviteLifetime),
			}
			return tx.AddInvite(ctx, i, user, hash)
		})
		if err != nil {
			t.Fatal(err)
		}
		b := backUp(t, s)
		if _, err := s.Restore(ctx, b, false, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		if open, err := s.Invites(ctx, workspace); err != nil || len(open) != 0 {
			t.Errorf("open invitations after the restore: %+v, %v", open, err)
		}
		if w, err := s.Workspace(ctx, workspace); err != nil || w.Name != "Acme" {
			t.Errorf("the workspace after the restore: %+v, %v", w, err)
		}
	})
}

// TestRestoreDoesNotGiveAccessBack: access that ended after the backup stays ended.
func TestRestoreDoesNotGiveAccessBack(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		s := mustOpen(t, cfg)
		const workspace, olga, mal, bo, dan = "0195c0de-0000-7000-8000-00000000000a", "0195c0de-0000-7000-8000-000000000001",
			"0195c0de-0000-7000-8000-000000000002", "0195c0de-0000-7000-8000-000000000003",
			"0195c0de-0000-7000-8000-000000000004"
		key, hash := memo.APIKey{
			ID: "0195c0de-0000-7000-8000-00000000000b", WorkspaceID: workspace,
			CreatedBy: memo.KeyCreator{ID: mal}, Name: "Mal's", CreatedAt: s.Now(),
		}, credential.NewKey().Hash()
		write := func(f func(*Tx) error) {
			t.Helper()
			if err := s.Write(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *Tx) error {
			if err := tx.AddWorkspace(ctx, memo.Workspace{
				ID: workspace, Name: "Acme", Plan: memo.PlanPro,
				CreatedAt: tx.Now,
			}); err != nil {
				return err
			}
			for id, role := range map[string]memo.Role{
				olga: memo.RoleOwner, mal: memo.RoleMember, bo: memo.RoleOwner,
				dan: memo.RoleMember,
			} {
				if _, err := tx.AddUser(ctx, memo.User{ID: id, Email: id + "@example.com", Name: id, CreatedAt: tx.Now},
					"old"); err != nil {
					return err
				}
				if _, err := tx.AddMember(ctx, workspace, id, role); err != nil {
					return err
				}
			}
			_, err := tx.AddKey(ctx, key, hash)
			return err
		})
		b := backUp(t, s)
		write(func(tx *Tx) error {
			_, err := tx.SetUserDisabled(ctx, dan, true)
			return errors.Join(err, tx.RemoveMember(ctx, workspace, mal), tx.SetRole(ctx, workspace, bo, memo.RoleMember),
				tx.SetPassword(ctx, olga, "new"))
		})
		if r, err := s.Restore(ctx, b, true, nil); err != nil || r.MembershipsEnded != 1 {
			t.Fatalf("%+v %v", r, err)
		}
		roles := map[string]memo.Role{}
		members, err := s.Members(ctx, workspace)
		for _, m := range members {
			roles[m.UserID] = m.Role
		}
		if want := map[string]memo.Role{olga: memo.RoleOwner, bo: memo.RoleMember, dan: memo.RoleMember}; err != nil ||
			!maps.Equal(roles, want) {
			t.Errorf("roles are %v (%v)", roles, err)
		}
		if password, err := s.PasswordHash(ctx, olga); err != nil || password != "new" {
			t.Errorf("the password hash is %q (%v), want the new one", password, err)
		}
		if u, err := s.User(ctx, dan); err != nil || u.DisabledAt == nil {
			t.Errorf("the disabled user is enabled again: %+v, %v", u, err)
		}
		if k, err := s.Key(ctx, key.ID, s.Now()); err != nil || k.Validity.Status(s.Now()) != memo.KeyDeactivated {
			t.Errorf("the key of the removed member: %+v, %v", k, err)
		}

		// A new database has nothing to carry over: everyone has the access of the backup.
		other := mustOpen(t, Config{Dir: t.TempDir()})
		if r, err := other.Restore(ctx, b, true, nil); err != nil || r.MembershipsEnded != 0 {
			t.Fatalf("%+v %v", r, err)
		}
		if members, err := other.Members(ctx, workspace); err != nil || len(members) != 4 {
			t.Errorf("members in a new database: %+v, %v", members, err)
		}
	})
}

// TestRevocationDuringRestoreHolds: a revocation waits until the restore has finished,
// and then revokes the restored key.
func TestRevocationDuringRestoreHolds(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		ctx := t.Context()
		s := newHarness(t, cfg, 1)
		cfg.Serving = true
		server := mustOpen(t, cfg)
		b := backUp(t, s.Store)
		var once sync.Once
		revoked := make(chan error)
		_, err := s.Restore(ctx, b, false, func(int64, int64) { // the ended keys have been read by now
			once.Do(func() {
				go func() {
					err := revoke(server, 0, (*Store).Write)
					for memo.KindOf(err) == memo.KindUnavailable {
						err = revoke(server, 0, (*Store).Write)
					}
					revoked <- err
				}()
				select {
				case err := <-revoked:
					t.Errorf("the revocation did not wait for the restore: %v", err)
				case <-time.After(1500 * time.Millisecond):
				}
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-revoked; err != nil {
			t.Error(err)
		}
		s.wantRevoked(s.Store, 1)
	})
}

// backUp writes a backup and opens it for the rest of the test.
func backUp(t *testing.T, s *Store) *BackupFile {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backup.db")
	if _, err := s.WriteBackup(t.Context(), file, 0, nil); err != nil {
		t.Fatal(err)
	}
	b, err := OpenBackup(t.Context(), file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
