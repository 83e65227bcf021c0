package web

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

var linkInPage = regexp.MustCompile(`https://memo\.example\.com(/join/[0-9A-Za-z_-]{43})<`)

// invite creates an invitation and returns the path of its link.
func (b *browser) invite(role string) string {
	b.w.T.Helper()
	p := b.post("/w/"+b.w.Acme.ID+"/invites", "role", role).want(201, "it is shown only once", "data-secret",
		`data-copy="link"`)
	m := linkInPage.FindStringSubmatch(p.body)
	if m == nil {
		b.w.T.Fatalf("page has no link:\n%s", p.body)
	}
	if cc := p.header.Get("Cache-Control"); cc != "private, no-store" {
		b.w.T.Errorf("Cache-Control: %s", cc)
	}
	return m[1]
}

func TestJoinWithNewAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, nina := w.browser(w.Olga), w.browser(memo.User{})
		link := olga.invite("MEMBER")
		olga.get("/w/"+w.Acme.ID+"/members").
			want(200, "Pending invitations", "Anyone with the link", "Revoke invitation as Member", "in 6 days").without(link)

		p := nina.get(link).want(200, "Join Acme", "olga@example.com", "as Member", "Create account and join",
			"/signin?next="+url.QueryEscape(link))
		if rp := p.header.Get("Referrer-Policy"); rp != "same-origin" {
			t.Errorf("Referrer-Policy: %s", rp)
		}
		// The page shows all problems and the values, except for the password.
		nina.post(link+"/new", "email", "no", "name", "", "password", "secret7").
			want(422, "E-mail must be", "Your name must not be empty", "Password must have", `value="no"`).without("secret7")
		nina.post(link+"/new", "email", w.Mark.Email, "name", "Mark", "password", testworld.Password).
			want(409, `id="email-wrong">E-mail already has an account. <a href="/signin?next=`+url.QueryEscape(link))
		// Without a session, the page is shown again.
		if p := nina.post(link).want(200, "Create account"); p.path != link {
			t.Error(p.path)
		}
		if p := nina.post(link+"/new", "email", "Nina@example.com", "name", "Nina", "password",
			testworld.Password); p.path != "/w/"+w.Acme.ID+"/transcriptions?done=joined" {
			t.Errorf("%d %s", p.status, p.path)
		}
		nina.get("/w/"+w.Acme.ID+"/keys").want(200, "Acme")
		nina.get("/w/" + w.Acme.ID + "/members").want(403)
		nina.get("/w/" + w.Other.ID + "/keys").want(404)

		const gone = "This invitation is no longer valid. Ask for a new one."
		other := w.browser(memo.User{})
		other.get(link).want(404, gone)
		other.post(link).want(404, gone)
		other.post(link+"/new", "email", "noah@example.com", "name", "Noah", "password", testworld.Password).want(404, gone)
		other.post("/signin", "email", "noah@example.com", "password", testworld.Password).want(401)
		olga.get("/w/"+w.Acme.ID+"/members").want(200, "nina@example.com").without("Pending invitations")

		w.Server.Close()
		if log := w.Log.String(); strings.Contains(log, strings.TrimPrefix(link, "/join/")) ||
			!strings.Contains(log, "GET /join/{token}") {
			t.Error("log contains the token of an invitation, or lacks its route")
		}
	})
}

func TestJoinWithExistingAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, eve := w.browser(w.Olga), w.browser(memo.User{})
		link := olga.invite("OWNER")
		// The sign-in leads back to the invitation.
		next := regexp.MustCompile(`href="(/signin\?next=[^"]+)"`).FindStringSubmatch(eve.get(link).body)
		if next == nil {
			t.Fatal("page has no link to sign in")
		}
		eve.get(next[1]).want(200, `name="next" value="`+link+`"`)
		if p := eve.post("/signin", "email", w.Eve.Email, "password", testworld.Password, "next", link).want(200,
			"Join as <bdi>eve</bdi>", "as Owner"); p.path != link {
			t.Error(p.path)
		}
		// The sign-in does not lead to another site.
		eve.get("/signin?next="+url.QueryEscape("//evil.example"+link)).want(200, `name="next" value="/"`)
		// A member cannot join again, and the invitation stays valid.
		olga.get(link).want(200, "you are already a member", "Go to <bdi>Acme</bdi>").without("Join as")
		olga.post(link).want(409, "You are already a member of Acme")

		foreign := eve.do("POST", link, "", testworld.WithHeader("Origin", "https://evil.example"))
		foreign.want(403)
		if p := eve.post(link); p.path != "/w/"+w.Acme.ID+"/transcriptions?done=joined" {
			t.Errorf("%d %s", p.status, p.path)
		}
		eve.get("/w/"+w.Acme.ID+"/members").want(200, "eve@example.com")
		eve.post(link).want(404)
	})
}

func TestInvalidInvitations(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, visitor := w.browser(w.Olga), w.browser(memo.User{})
		members := "/w/" + w.Acme.ID + "/members"
		link := olga.invite("MEMBER")
		olga.post("/w/"+w.Acme.ID+"/invites", "role", "KING").want(422)
		revoke := regexp.MustCompile(`action="(/w/[^"]+/invites/[^"]+/revoke)"`).FindStringSubmatch(olga.get(members).body)
		if revoke == nil {
			t.Fatal("page has no invitation to revoke")
		}
		w.browser(w.Mark).post(revoke[1]).want(403)
		w.browser(w.Eve).post(strings.Replace(revoke[1], w.Acme.ID, w.Other.ID, 1)).want(404)
		visitor.get(link).want(200)
		olga.post(revoke[1]).want(200, "Invitation revoked").without("Pending invitations")
		olga.post(revoke[1]).want(404, "This invitation is no longer pending")
		visitor.get(link).want(404)

		// The creator of the invitation is no longer an OWNER.
		_, err := w.App.SetRole(context.Background(), memo.Caller{Operator: true}, w.Acme.ID, w.Mark.ID, memo.RoleOwner)
		w.Must(err)
		link = w.browser(w.Mark).invite("OWNER")
		_, err = w.App.SetRole(context.Background(), memo.Caller{Operator: true}, w.Acme.ID, w.Mark.ID, memo.RoleMember)
		w.Must(err)
		visitor.get(link).want(404)
		olga.get(members).want(200).without("Pending invitations")
		for _, token := range []string{"x", strings.Repeat("a", 43), "%00", strings.Repeat("é", 43)} {
			visitor.get("/join/"+token).want(404, "This invitation is no longer valid")
		}
	})
}
