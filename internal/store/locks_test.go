package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// TestLocksDelayOtherLocks: a transaction that locks a row waits for another that has locked it. On
// PostgreSQL, one that only adds rows with a foreign key to it does not.
func TestLocksDelayOtherLocks(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, ctx := newHarness(t, cfg, 1), t.Context()
		session := memo.Session{ID: "s", UserID: user}
		if err := h.Write(ctx, func(tx *Tx) error {
			session.CreatedAt, session.LastUsedAt, session.ExpiresAt = tx.Now, tx.Now, tx.Now.Add(time.Hour)
			if _, err := tx.AddMember(ctx, workspace, user, memo.RoleOwner); err != nil {
				return err
			}
			return tx.AddSession(ctx, session, credential.HashToken("s"))
		}); err != nil {
			t.Fatal(err)
		}
		locks := map[string]func(context.Context, *Tx) error{
			"workspace":   func(ctx context.Context, tx *Tx) error { return tx.LockWorkspace(ctx, workspace) },
			"user":        func(ctx context.Context, tx *Tx) error { return tx.LockUserRow(ctx, user) },
			"password":    func(ctx context.Context, tx *Tx) error { _, err := tx.LockUser(ctx, user, ""); return err },
			"key":         func(ctx context.Context, tx *Tx) error { return tx.LockKey(ctx, keyID(0)) },
			"session":     func(ctx context.Context, tx *Tx) error { _, err := tx.LockSession(ctx, "s"); return err },
			"member":      func(ctx context.Context, tx *Tx) error { _, err := tx.LockMember(ctx, workspace, user); return err },
			"memberships": func(ctx context.Context, tx *Tx) error { _, err := tx.LockMemberships(ctx, user); return err },
		}
		done := make(chan error, len(locks))
		err := h.Write(ctx, func(tx *Tx) error {
			for _, lock := range locks {
				if err := lock(ctx, tx); err != nil {
					return err
				}
			}
			for name, lock := range locks {
				go func() {
					done <- h.Write(ctx, func(tx *Tx) error { return lock(ctx, tx) })
				}()
				select {
				case err := <-done:
					return fmt.Errorf("%s: the second lock did not wait (%w)", name, err)
				case <-time.After(50 * time.Millisecond):
				}
			}
			if h.dialect == dialectSQLite {
				return nil
			}
			short, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return h.Write(short, func(tx *Tx) error {
				session.ID = "another"
				if err := tx.AddSession(short, session, credential.HashToken("another")); err != nil {
					return err
				}
				return tx.RecordUsage(short, []KeyUsage{{KeyID: keyID(0), Hours: map[int64]memo.Calls{1: {Requests: 1}}}})
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		for range locks {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestKeysEndWhileTheirUsageIsWritten: both lock several keys, in the same order.
func TestKeysEndWhileTheirUsageIsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		const keys, rounds = 30, 30
		h, ctx := newHarness(t, cfg, keys), t.Context()
		var uses []KeyUsage
		for i := range keys {
			uses = append(uses, KeyUsage{KeyID: keyID(i), Hours: map[int64]memo.Calls{1: {Requests: 1}}})
			// PostgreSQL finds the last first.
			if err := h.Write(ctx, func(tx *Tx) error {
				return tx.exec(ctx, `UPDATE api_keys SET name = 'moved', suffix = 'moved' WHERE id = $1`, keyID(keys-1-i))
			}); err != nil {
				t.Fatal(err)
			}
		}
		errUndo := errors.New("keep the keys for the next round")
		var all sync.WaitGroup
		all.Go(func() {
			for range rounds {
				for i := range uses {
					uses[i].At = h.Now()
				}
				if err := h.Write(ctx, func(tx *Tx) error { return tx.RecordUsage(ctx, uses) }); err != nil {
					t.Error("usage:", err)
				}
			}
		})
		all.Go(func() {
			for i := range rounds {
				if err := h.Write(ctx, func(tx *Tx) error {
					end := tx.RevokeKeysOf
					if i%2 == 1 {
						end = func(ctx context.Context, userID string) ([]memo.APIKey, error) {
							return tx.DeactivateKeys(ctx, workspace, userID, "test")
						}
					}
					ended, err := end(ctx, user)
					if err == nil && len(ended) != keys {
						err = fmt.Errorf("%d keys ended, want %d", len(ended), keys)
					}
					return cmp.Or(err, errUndo)
				}); !errors.Is(err, errUndo) {
					t.Error("end:", err)
				}
			}
		})
		all.Wait()
	})
}
