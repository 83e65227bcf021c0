package app_test

import (
	"context"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
)

// expiring creates a key that expires in an hour.
func (w *world) expiring(name string) (credential.Key, memo.KeyView) {
	w.t.Helper()
	key, view := w.key(w.member, name)
	at := w.clock.read().Add(time.Hour)
	expires := &at
	must(w.t, 0, errOf(w.ChangeKey(w.ctx, w.as(w.member), view.ID, app.KeyChange{ExpiresAt: &expires})))
	return key, view
}

// secondProcess returns an App for a second process on the same database.
func (w *world) secondProcess() *app.App { return app.New(w.cfg) }

// wantEnded fails unless the key is refused as expired and cannot be changed.
func (w *world) wantEnded(desc string, a *app.App, key credential.Key, id string) {
	w.t.Helper()
	if _, err := a.AuthoriseKey(w.ctx, key, app.Client{}, memo.PermissionREST); codeOf(err) != "expired" {
		w.t.Errorf("%s: the key is authorised with %v, want it expired", desc, err)
	}
	name := "renamed"
	var never *time.Time
	for change, err := range map[string]error{
		"renamed":  errOf(a.ChangeKey(w.ctx, w.as(w.member), id, app.KeyChange{Name: &name})),
		"extended": errOf(a.ChangeKey(w.ctx, w.as(w.member), id, app.KeyChange{ExpiresAt: &never})),
		"rotated":  errOf(a.RotateKey(w.ctx, w.as(w.member), id, "", nil)),
	} {
		if codeOf(err) != "key_not_active" {
			w.t.Errorf("%s: the key can be %s: %v", desc, change, err)
		}
	}
}

func TestExpiryIsFinal(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.expiring("called")
		w.clock.add(time.Hour)
		w.wantCode("at its expiry", key, "expired")
		w.clock.add(-2 * time.Hour)
		w.wantEnded("the clock is set back before the expiry is recorded", w.App, key, view.ID)
		w.FlushUsage(w.ctx)
		if app.IsExpiryPending(w.App, view.ID) {
			t.Error("a recorded expiry is still in memory")
		}
		w.wantEnded("after the expiry was recorded", w.App, key, view.ID)
		w.wantEnded("in another process", w.secondProcess(), key, view.ID)
		if k, err := w.GetKey(w.ctx, w.as(w.member), view.ID); err != nil || k.Status != memo.KeyExpired {
			t.Errorf("the key is %+v (%v), want it expired", k, err)
		}
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), view.ID))
		w.wantCode("revoked afterwards", key, "revoked")
	})
}

// TestSweepRecordsExpiryOfUnusedKeys, and of no other keys.
func TestSweepRecordsExpiryOfUnusedKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.expiring("not called")
		later, _ := w.key(w.member, "never expires")
		revoked, revokedView := w.expiring("revoked")
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), revokedView.ID))
		app.RunPass(w.ctx, w.App)
		w.wantCode("before its expiry", key, "")
		w.clock.add(time.Hour)
		app.RunPass(w.ctx, w.App)
		w.clock.add(-time.Hour)
		w.wantEnded("after a sweep", w.secondProcess(), key, view.ID)
		w.wantCode("without an expiry", later, "")
		w.wantCode("revoked before", revoked, "revoked")
		if n, err := w.store.ExpireDueKeys(w.ctx, 10); n != 0 || err != nil {
			t.Errorf("another sweep records %d keys (%v), want 0", n, err)
		}
	})
}

// TestSweepStepsAreBounded: a step records at most as many keys as its limit, and the
// steps of one sweep record all.
func TestSweepStepsAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		at := w.clock.read().Add(time.Hour)
		for range app.ExpireBatch + 5 {
			must(t, 0, errOf(w.CreateKey(w.ctx, w.as(w.member), app.KeyRequest{Name: "k", ExpiresAt: &at})))
		}
		w.clock.add(time.Hour)
		if n, err := w.store.ExpireDueKeys(w.ctx, 5); n != 5 || err != nil {
			t.Errorf("a step of 5 recorded %d (%v)", n, err)
		}
		app.RunPass(w.ctx, w.App)
		if n, err := w.store.ExpireDueKeys(w.ctx, 5); n != 0 || err != nil {
			t.Errorf("the sweep left at least %d keys (%v)", n, err)
		}
	})
}

// TestExpiryIsRecordedAfterFirstRefusal, without waiting for the next sweep.
func TestExpiryIsRecordedAfterFirstRefusal(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.expiring("called")
		ctx, stop := context.WithCancel(w.ctx)
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		defer func() { stop(); <-done }()
		w.clock.add(time.Hour)
		w.wantCode("at its expiry", key, "expired")
		for start := time.Now(); app.IsExpiryPending(w.App, view.ID); time.Sleep(5 * time.Millisecond) {
			if time.Since(start) > 4*time.Second { // the next sweep is after 5 s
				t.Fatal("the expiry was not recorded")
			}
		}
		w.clock.add(-time.Hour)
		if _, err := w.secondProcess().AuthoriseKey(w.ctx, key, app.Client{}, memo.PermissionREST); codeOf(err) != "expired" {
			t.Errorf("another process authorises the key with %v, want it expired", err)
		}
	})
}

// TestRoleIsReadInTheTransaction: a caller who has lost the role or the membership since
// they were authorised cannot revoke the keys of others.
func TestRoleIsReadInTheTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.key(w.member, "the member's")
		second := w.user("second@example.com")
		w.join(w.workspace, second, memo.RoleOwner)
		own, ownView := w.key(w.owner, "the owner's")
		stale, name := w.as(w.owner), "stolen"
		change := app.KeyChange{Name: &name}

		_, err := w.SetRole(w.ctx, theOperator, w.workspace.ID, w.owner.ID, memo.RoleMember)
		must(t, 0, err)
		wantKind(t, "a demoted OWNER revokes", w.RevokeKey(w.ctx, stale, view.ID), memo.KindNotFound)
		_, err = w.ChangeKey(w.ctx, stale, view.ID, change)
		wantKind(t, "a demoted OWNER renames", err, memo.KindNotFound)
		_, err = w.RotateKey(w.ctx, stale, view.ID, "", nil)
		wantKind(t, "a demoted OWNER rotates", err, memo.KindNotFound)
		must(t, 0, w.RevokeKey(w.ctx, stale, ownView.ID))
		w.wantCode("their own", own, "revoked")

		stale.Role = memo.RoleOwner
		must(t, 0, w.RemoveMember(w.ctx, theOperator, w.workspace.ID, w.owner.ID))
		wantKind(t, "a removed OWNER revokes", w.RevokeKey(w.ctx, stale, view.ID), memo.KindNotFound)
		_, err = w.ChangeKey(w.ctx, stale, ownView.ID, change)
		wantKind(t, "a removed member renames their own", err, memo.KindNotFound)
		w.wantCode("the member's", key, "")
		must(t, 0, w.RevokeKey(w.ctx, w.as(second), view.ID))
		w.wantCode("revoked by a current OWNER", key, "revoked")
	})
}
