package app_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testenv"
)

// passwordLink creates a link for the member.
func (w *world) passwordLink(c memo.Caller) string {
	w.t.Helper()
	_, token, err := w.CreatePasswordLink(w.ctx, c, w.member.ID)
	return must(w.t, token, err)
}

func (w *world) useLink(token string) error {
	return errOf(w.SetPasswordWithLink(w.ctx, token, "battery staple", false, app.Client{}))
}

// wantLinkRefused checks that a link is refused with these words, both on its page and when it is used.
func (w *world) wantLinkRefused(token, words string) {
	w.t.Helper()
	for _, err := range []error{errOf(w.PasswordLinkByToken(w.ctx, token)), w.useLink(token)} {
		if err == nil || !strings.Contains(err.Error(), words) {
			w.t.Errorf("got %v, want %q", err, words)
		}
	}
}

func TestPasswordLinkIsUsedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		session := w.signIn(w.member, "")
		key, _ := w.key(w.member, "script")
		replaced, token := w.passwordLink(theOperator), w.passwordLink(theOperator)
		w.wantLinkRefused(replaced, "no longer works")
		_, err := w.SetPasswordWithLink(w.ctx, token, "short", false, app.Client{})
		wantKind(t, "a short password", err, memo.KindInvalid)
		if l, err := w.PasswordLinkByToken(w.ctx, token); err != nil || l.Email != w.member.Email {
			t.Errorf("the link is %+v (%v), want one for %s", l, err, w.member.Email)
		}

		// Of two browsers that use the link at once, one succeeds.
		var used atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if w.useLink(token) == nil {
					used.Add(1)
				}
			})
		}
		wg.Wait()
		if used.Load() != 1 {
			t.Errorf("the link was used %d times, want 1", used.Load())
		}
		w.wantLinkRefused(token, "already used")
		if w.works(session) {
			t.Error("a session from before works")
		}
		w.wantCode("a key, after a new password", key, "")
		_, err = w.SetPasswordWithLink(w.ctx, w.passwordLink(theOperator), "battery staple", true, app.Client{})
		must(t, 0, err)
		w.wantCode("a key, revoked with the password", key, "revoked")
	})
}

func TestPasswordLinkEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner := w.as(w.owner)
		expired := w.passwordLink(theOperator)
		w.clock.add(memo.PasswordLinkLifetime)
		w.wantLinkRefused(expired, "has expired")
		for _, bad := range []string{"", "x", strings.Repeat("a", len(expired))} {
			w.wantLinkRefused(bad, "no longer works")
		}

		token := w.passwordLink(owner)
		must(t, 0, w.DisableUser(w.ctx, theOperator, w.member.ID))
		w.wantLinkRefused(token, "is disabled")
		_, _, err := w.CreatePasswordLink(w.ctx, theOperator, w.member.ID)
		wantKind(t, "a link for a disabled user", err, memo.KindConflict)
		must(t, 0, w.EnableUser(w.ctx, theOperator, w.member.ID))
		w.wantLinkRefused(token, "no longer works")

		token = w.passwordLink(owner)
		must(t, 0, w.SetPassword(w.ctx, memo.Caller{Operator: true, UserID: w.member.ID}, testenv.Password))
		w.wantLinkRefused(token, "no longer works")
	})
}

// TestPasswordLinkOfOwner: an OWNER must not get at what a member reads in other workspaces.
func TestPasswordLinkOfOwner(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner := w.as(w.owner)
		second := w.user("second@example.com")
		w.join(w.workspace, second, memo.RoleOwner)
		token := w.passwordLink(w.as(second))
		must(t, 0, errOf(w.SetRole(w.ctx, owner, w.workspace.ID, second.ID, memo.RoleMember)))
		must(t, 0, errOf(w.SetRole(w.ctx, owner, w.workspace.ID, second.ID, memo.RoleOwner)))
		w.wantLinkRefused(token, "no longer works")

		token = w.passwordLink(owner)
		w.addWorkspace("Other", w.member)
		w.wantLinkRefused(token, "no longer works")
		if _, _, err := w.CreatePasswordLink(w.ctx, owner, w.member.ID); codeOf(err) != "member_elsewhere" {
			t.Errorf("a member of two workspaces: got %v, want member_elsewhere", err)
		}
		if _, _, err := w.CreatePasswordLink(w.ctx, owner, w.owner.ID); codeOf(err) != "own_password" {
			t.Errorf("the OWNER's own password: got %v, want own_password", err)
		}
		eve := w.user("eve@example.com")
		_, _, err := w.CreatePasswordLink(w.ctx, owner, eve.ID)
		wantKind(t, "a user who is not a member", err, memo.KindNotFound)

		must(t, 0, w.useLink(w.passwordLink(theOperator)))
		hash, err := w.store.PasswordHash(w.ctx, w.member.ID)
		must(t, 0, err)
		ok, err := credential.NewPasswordHasher(1).Matches(w.ctx, "battery staple", hash)
		if must(t, ok, err); !ok {
			t.Error("the operator's link did not set the password")
		}
	})
}
