package web

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/testworld"
)

// as returns a user as an authorised caller of Acme.
func (w *world) as(u memo.User, role memo.Role) memo.Caller {
	return memo.Caller{UserID: u.ID, WorkspaceID: w.Acme.ID, Role: role}
}

func TestOnlyOwnersOpenSettings(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		acme := "/w/" + w.Acme.ID
		mark, eve, olga := w.browser(w.Mark), w.browser(w.Eve), w.browser(w.Olga)
		remove := acme + "/members/" + w.Olga.ID + "/remove"
		for _, path := range []string{acme + "/members", remove, acme + "/workspace", acme + "/audit", acme + "/audit.csv"} {
			olga.get(path).want(200)
			mark.get(path).want(403, "Only an owner")
			eve.get(path).want(404)
			w.browser(memo.User{}).get(path).want(200, "Sign in")
		}
		for _, path := range []string{acme + "/members/" + w.Olga.ID, remove, acme + "/invites", acme + "/workspace"} {
			mark.post(path, "role", "OWNER", "name", "Mine").want(403)
			eve.post(path, "role", "OWNER", "name", "Mine").want(404)
		}
		// Ids of users who are not members of Acme, and other ids, are not found.
		for _, id := range []string{w.Eve.ID, "x", "00000000-0000-0000-0000-000000000000"} {
			olga.get(acme + "/members/" + id + "/remove").want(404)
			olga.post(acme + "/members/" + id + "/remove").want(404)
			olga.post(acme+"/members/"+id, "role", "OWNER").want(404)
			olga.post(acme + "/invites/" + id + "/revoke").want(404)
		}
		olga.get(acme+"/members").want(200, "mark@example.com").without("eve@example.com")
	})
}

func TestRoles(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		members := "/w/" + w.Acme.ID + "/members"
		olga := w.browser(w.Olga)
		olga.get(members).want(200, "1 key, never used", "You are the only owner.").without("Leave")
		olga.post(members+"/"+w.Olga.ID, "role", "MEMBER").want(409, "This is the last owner", "mark@example.com")
		olga.post(members+"/"+w.Olga.ID+"/remove").want(409, "This is the last owner", "Leave <bdi>Acme</bdi>")
		for _, role := range []string{"", "owner", "ADMIN", "\x00"} {
			olga.post(members+"/"+w.Mark.ID, "role", role).want(422, "must be OWNER or MEMBER")
		}
		olga.post(members+"/"+w.Mark.ID, "role", "OWNER").
			want(200, "Role updated.", "Leave").without("You are the only owner.")
		w.browser(w.Mark).get(members).want(200)

		// An OWNER who becomes a MEMBER is redirected to a page that a MEMBER can open.
		before := len(w.events(app.EventQuery{Limit: 100}))
		olga.post(members+"/"+w.Olga.ID, "role", "OWNER").want(200)
		if after := len(w.events(app.EventQuery{Limit: 100})); after != before {
			t.Errorf("an unchanged role is in the audit trail")
		}
		if p := olga.post(members+"/"+w.Olga.ID, "role", "MEMBER").want(200,
			"You are now a member"); p.path != "/w/"+w.Acme.ID+"/keys?done=myrole" {
			t.Error(p.path)
		}
		olga.get(members).want(403)
	})
}

// events returns audit events of Acme.
func (w *world) events(in app.EventQuery) []memo.AuditEvent {
	w.T.Helper()
	events, err := w.App.Events(context.Background(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}, in)
	w.Must(err)
	return events
}

func TestRemoveMemberDeactivatesKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		members := "/w/" + w.Acme.ID + "/members"
		ended := w.Key(w.Acme, w.Mark)
		w.Must(w.App.RevokeKey(context.Background(), memo.Caller{Operator: true}, ended.ID))
		w.Must(w.App.SetPlan(context.Background(), memo.Caller{Operator: true}, w.Acme.ID, memo.PlanPro))
		if !w.authorised(w.MarkKey.Key) {
			t.Fatal("Mark's key is refused")
		}
		w.use(w.MarkKey.Key)
		olga, mark := w.browser(w.Olga), w.browser(w.Mark)

		olga.get(members+"/"+w.Mark.ID+"/remove").
			want(200, "mk_live_…"+w.MarkKey.Suffix, "192.0.2.7", "curl/8", "cannot be reactivated", "deactivate 1 key").
			without("mk_live_…"+ended.Suffix, "mk_live_…"+w.OlgaKey.Suffix)
		if !w.authorised(w.MarkKey.Key) {
			t.Error("the confirmation page deactivated the key")
		}
		olga.post(members+"/"+w.Mark.ID+"/remove").want(200, "Member removed").without("mark@example.com")
		if w.authorised(w.MarkKey.Key) || !w.authorised(w.OlgaKey.Key) {
			t.Error("want Mark's key inactive and Olga's active")
		}
		mark.get("/w/" + w.Acme.ID + "/keys").want(404)
		olga.post(members+"/"+w.Mark.ID+"/remove").want(404, "Member not found")

		// After joining again, the keys stay inactive.
		_, err := w.App.AddMember(context.Background(), memo.Caller{Operator: true}, w.Acme.ID, w.Mark.ID, memo.RoleOwner)
		w.Must(err)
		if w.authorised(w.MarkKey.Key) {
			t.Error("a key is active again")
		}
		olga.get(members).want(200, "No keys", "menu-"+w.Mark.ID)
		mark.get(members+"/"+w.Mark.ID+"/remove").want(200, "You have no active keys", "Leave <bdi>Acme</bdi>")
		if p := mark.post(members+"/"+w.Mark.ID+"/remove").want(200,
			"You left the workspace"); p.path != "/account?done=left" {
			t.Error(p.path)
		}
	})
}

// TestMemberLeaves checks that a MEMBER can leave without an OWNER.
func TestMemberLeaves(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark := w.browser(w.Mark)
		leave := "/w/" + w.Acme.ID + "/members/" + w.Mark.ID + "/remove"
		mark.get("/account").want(200, leave, "Leave Acme", `href="/w/`+w.Acme.ID+`/transcriptions"`)
		w.browser(w.Olga).get("/account").want(200, "You are the only owner.").without("Leave Acme")
		mark.get(leave).want(200, "mk_live_…"+w.MarkKey.Suffix, "deactivate 1 key", `href="/account"`)
		mark.post(leave).want(200, "You left the workspace").without("Leave Acme")
		if w.authorised(w.MarkKey.Key) || !w.authorised(w.OlgaKey.Key) {
			t.Error("want Mark's key inactive and Olga's active")
		}
		w.browser(w.Olga).get("/w/"+w.Acme.ID+"/audit").want(200, "left the workspace")
	})
}

func TestHostileNames(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		const evil = `"><script>alert(1)</script>{{.}}`
		w.Must(w.App.RenameUser(ctx, memo.Caller{UserID: w.Mark.ID}, evil))
		w.Must(w.App.RenameWorkspace(ctx, w.as(w.Olga, memo.RoleOwner), evil))
		_, err := w.App.CreateKey(ctx, w.as(w.Mark, memo.RoleMember), app.KeyRequest{Name: evil})
		w.Must(err)
		olga, acme := w.browser(w.Olga), "/w/"+w.Acme.ID
		_, token, err := w.App.Invite(ctx, w.as(w.Olga, memo.RoleOwner), memo.RoleMember, "")
		w.Must(err)
		for _, path := range []string{
			acme + "/members", acme + "/members/" + w.Mark.ID + "/remove", acme + "/workspace", acme + "/audit",
			"/join/" + token,
		} {
			olga.get(path).want(200, "&lt;script&gt;alert(1)").without("<script>alert")
		}
		olga.post(acme+"/workspace", "name", "<b>"+fmt.Sprintf("%0101d", 0)).want(422,
			"Name must have at most 100 characters", "&lt;b&gt;").without("<b>0")
		olga.post(acme+"/workspace", "name", "").want(422, "Name must not be empty")
		olga.post(acme+"/workspace", "name", "Acme Ltd").want(200, "Workspace renamed", `value="Acme Ltd"`, w.Acme.ID,
			"Includes API and MCP access")
		w.SetPlan(memo.PlanBasic)
		olga.get(acme+"/workspace").want(200, "basic", "does not include API")
	})
}

// TestInvitationsForSomebody checks the recipient of an invitation, on every page that has it.
func TestInvitationsForSomebody(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, acme := w.browser(w.Olga), "/w/"+w.Acme.ID
		olga.get(acme+"/members").want(200, `href="`+acme+`/invites/new"`)
		olga.get(acme+"/invites/new").want(200, `name="role" value="MEMBER" checked`, "Owners can do everything members can")
		w.browser(w.Mark).get(acme + "/invites/new").want(403)
		const layla = "ليلى <b>"
		olga.post(acme+"/invites", "role", "OWNER", "recipient", " "+layla+" ").
			want(201, "Invitation for <bdi>ليلى &lt;b&gt;</bdi>", "as Owner").without("<b>")
		olga.get(acme+"/members").want(200, "<bdi>ليلى &lt;b&gt;</bdi>", "Revoke invitation for ليلى &lt;b&gt; as Owner")
		if all := text(olga.get(acme + "/audit").body); !strings.Contains(all, "olga invited "+layla+" as Owner") {
			t.Error(all)
		}
		olga.post(acme+"/invites", "role", "MEMBER", "recipient", strings.Repeat("n", memo.MaxName+1)).
			want(422, "Name or e-mail must have at most 100 characters", `name="role" value="MEMBER" checked`)
	})
}

// TestMembersMenu checks what an OWNER can do with each member.
func TestMembersMenu(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	olga, members := w.browser(w.Olga), "/w/"+w.Acme.ID+"/members"
	olga.get(members).want(200, `name="role" value="OWNER"`, members+"/"+w.Mark.ID+"/remove",
		"/audit?member="+w.Mark.ID, "/audit?member="+w.Olga.ID).without(members+"/"+w.Olga.ID+"/remove", `value="MEMBER"`)
	olga.get("/w/"+w.Acme.ID+"/workspace").want(200, "Danger zone", "You are the only owner.").without("/remove")
	olga.post(members+"/"+w.Mark.ID, "role", "OWNER").want(200, `name="role" value="MEMBER"`,
		members+"/"+w.Olga.ID+"/remove")
	olga.get("/w/"+w.Acme.ID+"/workspace").want(200, members+"/"+w.Olga.ID+"/remove")
}

// TestManyMembers checks that a page lists 50 members, in the order of their addresses.
func TestManyMembers(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	operator := memo.Caller{Operator: true}
	for i := range 2*membersPerPage - 1 { // and Olga and Mark
		u, err := w.App.AddUser(t.Context(), operator, fmt.Sprintf("a%03d@example.com", i), "Somebody", testworld.Password)
		w.Must(err)
		_, err = w.App.AddMember(t.Context(), operator, w.Acme.ID, u.ID, memo.RoleMember)
		w.Must(err)
	}
	olga, members := w.browser(w.Olga), "/w/"+w.Acme.ID+"/members"
	olga.get(members).want(200, "a000@", "a039@", `href="?from=40">More members`, "only owner").
		without("a050@", "Previous members", "olga@example.com</bdi></p>")
	olga.get(members+"?from=40").
		want(200, "a050@", "a078@", `href="?">Previous members`, `href="?from=80">More members`).
		without("a039@")
	olga.get(members+"?from=80").
		want(200, "olga@example.com</bdi></p>", `href="?from=40">Previous members`, "only owner").
		without("More members", "a078@")
	olga.get(members+"?from=-1").want(200, "a000@")
	olga.get(members+"?from=800").want(200, "Previous members")
	olga.get("/w/"+w.Acme.ID+"/audit").want(200, `href="`+members+`"`, "All members")
}
