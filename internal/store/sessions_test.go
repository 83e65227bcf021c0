package store

import (
	"context"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testenv"
)

// TestAUseDoesNotWaitForASession that somebody is ending: the transaction holds the
// rows of other sessions, which the same person may be waiting for.
func TestAUseDoesNotWaitForASession(t *testing.T) {
	s, ctx := mustOpen(t, Config{URL: testenv.Postgres(t)}), context.Background()
	write := func(f func(*Tx) error) {
		t.Helper()
		if err := s.Write(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	now := s.Now()
	session := memo.Session{ID: "s", UserID: "u", CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour)}
	write(func(tx *Tx) error {
		_, err := tx.AddUser(ctx, memo.User{ID: "u", Email: "mark@example.com", Name: "Mark", CreatedAt: now}, "")
		return err
	})
	write(func(tx *Tx) error { return tx.AddSession(ctx, session, credential.HashToken("t")) })
	use := func() error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return s.Write(ctx, func(tx *Tx) error { return tx.UseSession(ctx, "s", now.Add(time.Minute)) })
	}
	used := func() time.Time {
		list, err := s.Sessions(ctx, "u")
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		return list[0].LastUsedAt
	}
	write(func(tx *Tx) error {
		if _, err := tx.LockSession(ctx, "s"); err != nil {
			return err
		}
		return use()
	})
	if !used().Equal(now) {
		t.Error("a use was written over somebody's change")
	}
	if err := use(); err != nil || !used().Equal(now.Add(time.Minute)) {
		t.Errorf("the last use is %v, %v", used(), err)
	}
}
