package store

import (
	"context"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testenv"
)

// TestSessionUseDoesNotWaitForLock: recording the last use of a session skips a session
// that another transaction has locked. Waiting could cause a deadlock, because such a
// transaction locks several sessions of a user.
func TestSessionUseDoesNotWaitForLock(t *testing.T) {
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
			t.Fatalf("sessions: %+v (%v), want one", list, err)
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
		t.Error("the use of a locked session was written")
	}
	if err := use(); err != nil || !used().Equal(now.Add(time.Minute)) {
		t.Errorf("the last use is %v (%v), want it a minute after the sign-in", used(), err)
	}
}
