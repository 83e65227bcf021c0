package web

import (
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

var passwordLinkInPage = regexp.MustCompile(`https://memo\.example\.com(/password/[0-9A-Za-z_-]{43})<`)

// passwordLink creates a link for a member of Acme and returns its path.
func (b *browser) passwordLink(u memo.User) string {
	b.w.T.Helper()
	p := b.post("/w/"+b.w.Acme.ID+"/members/"+u.ID+"/password").want(201, "it is shown only once", `data-copy="link"`,
		"Password link for <bdi>"+u.Email)
	m := passwordLinkInPage.FindStringSubmatch(p.body)
	if m == nil {
		b.w.T.Fatalf("page has no link:\n%s", p.body)
	}
	return m[1]
}

func TestPasswordLink(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		olga, mark, visitor := w.browser(w.Olga), w.browser(w.Mark), w.browser(memo.User{})
		members := "/w/" + w.Acme.ID + "/members"
		olga.get(members).want(200, "Create password link", members+"/"+w.Mark.ID+"/password").
			without(members + "/" + w.Olga.ID + "/password")
		mark.post(members + "/" + w.Olga.ID + "/password").want(403)
		olga.post(members+"/"+w.Olga.ID+"/password").want(409, "Change your own password on the account page.")
		link := olga.passwordLink(w.Mark)

		p := visitor.get(link).want(200, "<h1>Set a new password</h1>", w.Mark.Email, "Also revoke my API keys")
		if rp, cc := p.header.Get("Referrer-Policy"), p.header.Get("Cache-Control"); rp != "same-origin" ||
			!strings.Contains(cc, "no-store") {
			t.Errorf("Referrer-Policy %q, Cache-Control %q", rp, cc)
		}
		visitor.post(link, "password", "secret7").want(422, "New password must have").without("secret7")
		visitor.do("POST", link, "password=battery+staple", testworld.WithHeader("Origin", "https://evil.example")).want(403)
		if p := visitor.post(link, "password", "battery staple").want(200, "Password changed"); p.path !=
			"/account?done=password" {
			t.Errorf("%d %s", p.status, p.path)
		}
		mark.get("/account").want(200, "<h1>Sign in</h1>")
		if !w.authorised(w.MarkKey.Key) {
			t.Error("a key ended with the password")
		}
		other := w.browser(memo.User{})
		other.get(link).want(404, "This link was already used. Sign in with the new password")
		other.post(link, "password", "staple battery").want(404, "already used")
		other.post("/signin", "email", w.Mark.Email, "password", "battery staple").want(200)

		other.post(olga.passwordLink(w.Mark), "password", "battery staple", "keys", "revoke").want(200)
		if w.authorised(w.MarkKey.Key) {
			t.Error("a key was not revoked with the password")
		}
		all := text(olga.get("/w/" + w.Acme.ID + "/audit").body)
		for _, want := range []string{
			"olga created a link for a new password of " + w.Mark.Email, "set a new password with a link",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("audit trail without %q:\n%s", want, all)
			}
		}
		for _, token := range []string{"x", strings.Repeat("a", 43), "%00"} {
			other.get("/password/"+token).want(404, "This link no longer works.")
		}

		w.Server.Close()
		if log := w.Log.String(); strings.Contains(log, strings.TrimPrefix(link, "/password/")) ||
			!strings.Contains(log, "GET /password/{token}") {
			t.Error("log contains the token of a link, or lacks its route")
		}
	})
}
