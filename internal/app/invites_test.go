package app_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/testenv"
)

func TestInvitationIsUsedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner := w.as(w.owner)
		if _, _, err := w.Invite(w.ctx, w.as(w.member), memo.RoleMember, ""); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a MEMBER invites: got %v, want forbidden", err)
		}
		for _, bad := range []string{"\x00", strings.Repeat("n", memo.MaxName+1), "two\nlines"} {
			_, _, err := w.Invite(w.ctx, owner, memo.RoleMember, bad)
			wantKind(t, "an invitation for "+bad, err, memo.KindInvalid)
		}
		_, token, err := w.Invite(w.ctx, owner, memo.RoleMember, " Nina ")
		must(t, token, err)
		if open, err := w.Invites(w.ctx, owner); err != nil || len(open) != 1 || open[0].Workspace != "Acme" ||
			open[0].CreatedBy != w.owner.Email || open[0].Recipient != "Nina" {
			t.Errorf("the open invitations are %+v (%v), want one by the OWNER, for Nina", open, err)
		}
		if _, err := w.Invites(w.ctx, w.as(w.member)); memo.KindOf(err) != memo.KindForbidden {
			t.Errorf("a MEMBER lists invitations: got %v, want forbidden", err)
		}

		// A new user learns of every mistake at once. Of two who join at once, one succeeds.
		_, problems, err := w.SignUpWithInvite(w.ctx, token, "no", "", "short", app.Client{})
		if err != nil || len(problems) != 3 {
			t.Errorf("the problems are %v (%v), want 3", problems, err)
		}
		_, _, err = w.SignUpWithInvite(w.ctx, token, w.member.Email, "Mark", testenv.Password, app.Client{})
		if codeOf(err) != "email_taken" {
			t.Errorf("an e-mail that has an account: got %v, want email_taken", err)
		}
		var joined atomic.Int32
		var wg sync.WaitGroup
		for _, email := range []string{"nina@example.com", "noah@example.com"} {
			wg.Go(func() {
				if _, problems, err := w.SignUpWithInvite(w.ctx, token, email, "New", testenv.Password, app.Client{}); err == nil &&
					problems == nil {
					joined.Add(1)
				} else if memo.KindOf(err) != memo.KindNotFound {
					t.Error(err, problems)
				}
			})
		}
		wg.Wait()
		members, err := w.Members(w.ctx, memo.Caller{Operator: true}, w.workspace.ID)
		users, err2 := w.Users(w.ctx, memo.Caller{Operator: true})
		if joined.Load() != 1 || len(members) != 3 || len(users) != 3 || err != nil || err2 != nil {
			t.Errorf("%d joined, with %d members and %d users; want 1, 3 and 3", joined.Load(), len(members),
				len(users))
		}

		// A user who has an account joins once.
		eve := w.user("eve@example.com")
		_, token, err = w.Invite(w.ctx, owner, memo.RoleOwner, "")
		must(t, token, err)
		c := memo.Caller{UserID: eve.ID}
		if i, err := w.AcceptInvite(w.ctx, c, token); err != nil || i.Role != memo.RoleOwner {
			t.Errorf("accepting returns %+v (%v), want an invitation as OWNER", i, err)
		}
		_, err = w.AcceptInvite(w.ctx, c, token)
		wantKind(t, "an invitation used twice", err, memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, owner, memo.RoleMember, "")
		must(t, token, err)
		_, err = w.AcceptInvite(w.ctx, c, token)
		if codeOf(err) != "already_member" {
			t.Errorf("a member accepts an invitation: got %v, want already_member", err)
		}
		if _, err := w.InviteByToken(w.ctx, token); err != nil {
			t.Errorf("the invitation was used up by a member's attempt: %v", err)
		}

		// An invitation ends when it is revoked, when it expires, and when its creator is no
		// longer an OWNER.
		i, token, err := w.Invite(w.ctx, owner, memo.RoleMember, "")
		must(t, token, err)
		must(t, 0, w.RevokeInvite(w.ctx, owner, i.ID))
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "a revoked invitation", err, memo.KindNotFound)
		wantKind(t, "revoking twice", w.RevokeInvite(w.ctx, owner, i.ID), memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, w.as(eve), memo.RoleMember, "")
		must(t, token, err)
		_, err = w.SetRole(w.ctx, owner, w.workspace.ID, eve.ID, memo.RoleMember)
		must(t, 0, err)
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "an invitation of a demoted OWNER", err, memo.KindNotFound)
		_, token, err = w.Invite(w.ctx, owner, memo.RoleMember, "")
		must(t, token, err)
		w.clock.add(memo.InviteLifetime)
		_, err = w.InviteByToken(w.ctx, token)
		wantKind(t, "an expired invitation", err, memo.KindNotFound)
		for _, bad := range []string{"", "x", strings.Repeat("a", len(token))} {
			_, err = w.InviteByToken(w.ctx, bad)
			wantKind(t, "an unknown invitation", err, memo.KindNotFound)
		}
	})
}

// TestInvitationsEndWithTheirCreatorsRole checks that they also stay ended when the role returns.
func TestInvitationsEndWithTheirCreatorsRole(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		operator := memo.Caller{Operator: true}
		second := w.user("second@example.com")
		w.join(w.workspace, second, memo.RoleOwner)
		setRole := func(r memo.Role) error {
			return errOf(w.SetRole(w.ctx, operator, w.workspace.ID, second.ID, r))
		}
		for name, change := range map[string][2]func() error{
			"demoted": {func() error { return setRole(memo.RoleMember) }, func() error { return setRole(memo.RoleOwner) }},
			"disabled": {
				func() error { return w.DisableUser(w.ctx, operator, second.ID) },
				func() error { return w.EnableUser(w.ctx, operator, second.ID) },
			},
			"removed": {func() error { return w.RemoveMember(w.ctx, operator, w.workspace.ID, second.ID) }, func() error {
				return errOf(w.AddMember(w.ctx, operator, w.workspace.ID, second.ID, memo.RoleOwner))
			}},
		} {
			t.Run(name, func(t *testing.T) {
				_, token, err := w.Invite(w.ctx, w.as(second), memo.RoleOwner, "")
				must(t, token, err)
				must(t, 0, change[0]())
				must(t, 0, change[1]())
				_, err = w.InviteByToken(w.ctx, token)
				wantKind(t, "after the creator is reinstated", err, memo.KindNotFound)
			})
		}
		for _, r := range []memo.Role{"", "KING"} {
			_, _, err := w.Invite(w.ctx, w.as(w.owner), r, "")
			wantKind(t, "an invitation as "+string(r), err, memo.KindInvalid)
			wantKind(t, "the role "+string(r), setRole(r), memo.KindInvalid)
		}
		for range memo.MaxInvites {
			_, _, err := w.Invite(w.ctx, w.as(w.owner), memo.RoleMember, "")
			must(t, 0, err)
		}
		_, _, err := w.Invite(w.ctx, w.as(w.owner), memo.RoleMember, "")
		wantKind(t, "one invitation too many", err, memo.KindConflict)
	})
}

// TestSignUpWithInvitationIsThrottled: each attempt reveals whether an e-mail has an
// account.
func TestSignUpWithInvitationIsThrottled(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, token, err := w.Invite(w.ctx, w.as(w.owner), memo.RoleMember, "")
		must(t, token, err)
		for range 12 {
			_, _, err = w.SignUpWithInvite(w.ctx, token, w.member.Email, "Somebody", testenv.Password,
				app.Client{Address: "192.0.2.9"})
		}
		wantKind(t, "the twelfth", err, memo.KindRateLimited)
	})
}
