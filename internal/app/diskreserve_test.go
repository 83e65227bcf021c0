package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// TestAccessEndsOnAFullDisk: on a full disk every use case that ends access succeeds, and
// so does signing in to use them. All other writes are refused and change nothing.
func TestAccessEndsOnAFullDisk(t *testing.T) {
	dir := testenv.SmallDisk(t)
	w := newWorld(t, store.Config{Dir: dir})
	owner, member := w.signedIn(w.owner), w.signedIn(w.member)
	revoked, view := w.key(w.owner, "revoked")
	rotated, rotatedView := w.key(w.owner, "rotated")
	noOverlap := time.Duration(0)
	_, expiring := w.key(w.owner, "expiring")
	theirs, _ := w.key(w.member, "theirs")
	invite, _, err := w.Invite(w.ctx, owner, memo.RoleMember, "")
	must(t, invite, err)
	other := w.user("eve@example.com")
	w.join(w.workspace, other, memo.RoleOwner)
	others, _ := w.key(other, "others")

	testenv.FillDisk(t, dir)
	text := "[00:42] Jordan: " + strings.Repeat("Of course. ", 5_000)
	add := func() error {
		text += "\n[00:43] Alex: No." // otherwise it would be the same file
		_, err := w.Import(w.ctx, w.as(w.owner), app.ImportFile{Name: "talk.txt", Data: []byte(text)})
		return err
	}
	for add() == nil { // until the free space in the WAL is used
	}
	for name, f := range map[string]func() error{
		"an import":  add,
		"a new key":  func() error { return errOf(w.CreateKey(w.ctx, owner, app.KeyRequest{Name: "x"})) },
		"a rotation": func() error { return errOf(w.RotateKey(w.ctx, owner, rotatedView.ID, "", &noOverlap)) },
		"a new name": func() error { return w.RenameUser(w.ctx, owner, "Another") },
		"a new role": func() error {
			return errOf(w.SetRole(w.ctx, owner, w.workspace.ID, w.member.ID, memo.RoleOwner))
		},
	} {
		for range 50 { // a small write may still fit in the WAL
			if err = f(); err != nil {
				break
			}
		}
		wantKind(t, name, err, memo.KindUnavailable)
	}
	w.wantCode("before the revocation", revoked, "")

	soon := new(w.clock.read().Add(time.Minute))
	for _, step := range []struct {
		name string
		f    func() error
	}{
		{"sign in", func() error {
			in := app.SignIn{Email: w.owner.Email, Password: testenv.Password}
			_, _, _, err := w.SignIn(w.ctx, in, at("192.0.2.1"))
			return err
		}},
		{"revoke a key", func() error { return w.RevokeKey(w.ctx, owner, view.ID) }},
		{"revoke it again", func() error { return w.RevokeKey(w.ctx, owner, view.ID) }},
		{"let a key expire", func() error {
			return errOf(w.ChangeKey(w.ctx, owner, expiring.ID, app.KeyChange{ExpiresAt: &soon}))
		}},
		{"revoke an invitation", func() error { return w.RevokeInvite(w.ctx, owner, invite.ID) }},
		{"demote an OWNER", func() error {
			return errOf(w.SetRole(w.ctx, owner, w.workspace.ID, other.ID, memo.RoleMember))
		}},
		{"end a session", func() error { return w.RevokeSession(w.ctx, member, member.SessionID) }},
		{"remove a member", func() error { return w.RemoveMember(w.ctx, owner, w.workspace.ID, w.member.ID) }},
		{"disable a user", func() error { return w.DisableUser(w.ctx, theOperator, other.ID) }},
		{"change the password", func() error {
			return w.SetPassword(w.ctx, memo.Caller{Operator: true, UserID: w.member.ID},
				"battery staple")
		}},
		{"downgrade the plan", func() error { return w.SetPlan(w.ctx, theOperator, w.workspace.ID, memo.PlanFree) }},
		{"end all other sessions", func() error { return w.SignOutElsewhere(w.ctx, owner) }},
		{"end all sessions", func() error { return w.SignOutEverywhere(w.ctx, owner) }},
	} {
		t.Run(step.name, func(t *testing.T) {
			if err := step.f(); err != nil {
				t.Error(err)
			}
			wantKind(t, "an import after it", add(), memo.KindUnavailable)
		})
	}
	w.wantCode("a revoked key", revoked, "revoked")
	w.wantCode("a key that was not rotated", rotated, memo.ErrAPIAccessDenied.Code)
	w.wantCode("a removed member's key", theirs, "deactivated")
	w.wantCode("a disabled user's key", others, "deactivated")
}

// TestOperatorMayUseTheWholeDiskReserve: what users do to their own access leaves enough of the
// reserve for the operator, who may set a password, and for ending the access of others.
func TestOperatorMayUseTheWholeDiskReserve(t *testing.T) {
	dir := testenv.SmallDisk(t)
	w := newWorld(t, store.Config{Dir: dir})
	w.join(w.workspace, w.user("second@example.com"), memo.RoleOwner)
	key, view := w.key(w.owner, "own")
	text := strings.Repeat("Of course. ", 5_000)
	fill := func() {
		testenv.FillDisk(t, dir)
		for {
			text += "\nNo."
			if _, err := w.Import(w.ctx, w.as(w.owner), app.ImportFile{Name: "a.txt", Data: []byte(text)}); err != nil {
				return
			}
		}
	}
	fill()
	reserve := filepath.Join(dir, store.FileName+"-reserve")
	info, err := os.Stat(reserve)
	must(t, 0, err)
	must(t, 0, os.Truncate(reserve, info.Size()*3/4))
	fill()
	demote := func(c memo.Caller) error {
		return errOf(w.SetRole(w.ctx, c, w.workspace.ID, w.owner.ID, memo.RoleMember))
	}
	wantKind(t, "an OWNER demotes themself", demote(w.as(w.owner)), memo.KindUnavailable)
	wantKind(t, "a member revokes their own key", w.RevokeKey(w.ctx, w.as(w.owner), view.ID), memo.KindUnavailable)
	w.wantCode("own", key, "")
	must(t, 0, w.SetPassword(w.ctx, memo.Caller{Operator: true, UserID: w.owner.ID}, "battery staple"))
	must(t, 0, demote(theOperator))
}
