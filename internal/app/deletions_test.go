package app_test

import (
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

func TestDeleteUser(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, _ := w.key(w.member, "script")
		session := w.signIn(w.member, "")
		err := w.DeleteUser(w.ctx, theOperator, w.owner.ID)
		if codeOf(err) != "last_owner" || !strings.Contains(err.Error(), "Acme would have no OWNER") {
			t.Errorf("the last OWNER: got %v, want last_owner", err)
		}
		must(t, 0, w.DeleteUser(w.ctx, theOperator, w.member.ID))
		w.wantCode("a key of a deleted user", key, "deactivated")
		if w.works(session) {
			t.Error("a session of a deleted user works")
		}
		wantKind(t, "deleting again", w.DeleteUser(w.ctx, theOperator, w.member.ID), memo.KindNotFound)
		_, err = w.UserByEmail(w.ctx, theOperator, w.member.Pseudonym().Email)
		wantKind(t, "the pseudonym", err, memo.KindNotFound)
		users, err := w.Users(w.ctx, theOperator)
		if must(t, users, err); len(users) != 1 || users[0].ID != w.owner.ID {
			t.Errorf("the users are %+v, want only the OWNER", users)
		}

		// The e-mail is free, and the audit trail stays.
		again := w.user(w.member.Email)
		w.join(w.workspace, again, memo.RoleMember)
		if events := w.events(memo.ActionMemberRemoved); len(events) != 1 || events[0].Name != w.member.Email {
			t.Errorf("the events are %+v, want one of %s", events, w.member.Email)
		}
		if events := w.events(memo.ActionKeyCreated); len(events) != 1 || events[0].Actor != w.member.Email {
			t.Errorf("the events are %+v, want one by %s", events, w.member.Email)
		}
		w.wantCode("a key of the user who had the e-mail", key, "deactivated")
	})
}

func TestDeleteWorkspace(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		other := w.addWorkspace("Other", w.owner)
		key, _ := w.key(w.member, "script")
		for _, text := range []string{"One.", "Two.", "Three."} {
			_, err := w.Import(w.ctx, w.as(w.member), app.ImportFile{Name: text + "txt", Data: []byte(text)})
			must(t, 0, err)
		}
		must(t, 0, w.DeleteWorkspace(w.ctx, theOperator, w.workspace.ID))
		if w.code(key) == "" {
			t.Error("a key of a deleted workspace works")
		}
		left, err := w.Workspaces(w.ctx, theOperator)
		if must(t, left, err); len(left) != 1 || left[0].ID != other.ID {
			t.Errorf("the workspaces are %+v, want only Other", left)
		}
		users, err := w.Users(w.ctx, theOperator)
		if must(t, users, err); len(users) != 2 {
			t.Errorf("the users are %+v, want both", users)
		}
		if events := w.events(memo.ActionKeyCreated); len(events) > 0 {
			t.Errorf("the events %+v were not deleted", events)
		}
		wantKind(t, "deleting again", w.DeleteWorkspace(w.ctx, theOperator, w.workspace.ID), memo.KindNotFound)
	})
}
