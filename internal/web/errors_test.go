package web

import (
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

// TestErrorsLeadOn checks where an error page leads: to the page of this site that the visitor came
// from, or else to their workspace or the sign-in.
func TestErrorsLeadOn(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	olga, mark, visitor := w.browser(w.Olga), w.browser(w.Mark), w.browser(memo.User{})
	acme, here := "/w/"+w.Acme.ID, w.Server.URL
	gone := acme + "/transcriptions/01a20000-0000-7000-8000-000000000000"
	workspace := `href="` + acme + `/transcriptions">Go to transcriptions<`
	for _, c := range []struct {
		b          *browser
		path, from string
		want       string
	}{
		{
			olga, gone, here + acme + "/transcriptions?q=budget",
			`href="` + acme + `/transcriptions?q=budget">Back to transcriptions<`,
		},
		{olga, gone, here + acme + "/keys", `href="` + acme + `/keys">Back to API &amp; MCP<`},
		{olga, gone, here + acme + "/keys?done=revoked", `href="` + acme + `/keys">Back to API &amp; MCP<`},
		{olga, gone, here + "/account", `href="/account">Back to your account<`},
		{olga, gone, here + gone, workspace},
		{olga, gone, here + acme + "/keys/1/rotate", workspace},
		{olga, gone, here + "//evil.example/account", workspace},
		{olga, gone, "https://evil.example" + acme + "/keys", workspace},
		{olga, gone, "javascript:alert(1)", workspace},
		{olga, gone, "", workspace},
		{olga, "/join/x", "", workspace},
		{mark, acme + "/members", here + acme + "/keys", `href="` + acme + `/keys">Back to API &amp; MCP<`},
		{visitor, "/join/x", "", `href="/signin">Sign in<`},
	} {
		p := c.b.do("GET", c.path, "", testworld.WithHeader("Referer", c.from))
		if p.status < 400 || !strings.Contains(p.body, c.want) {
			t.Errorf("%s from %q: %d, want %s\n%s", c.path, c.from, p.status, c.want, p.body)
		}
	}
	olga.get(gone).want(404, "<h1>Page not found</h1>", `id="nav"`)
	mark.get(acme+"/members").want(403, "<h1>Access denied</h1>", `id="nav"`)
	olga.post(acme + "/keys/" + w.OlgaKey.ID + "/revoke").want(200)
	olga.post(acme+"/keys/"+w.OlgaKey.ID+"/rotate", "id", newID(), "overlap", "0").want(409, "<h1>Already done</h1>")
}
