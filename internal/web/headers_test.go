package web

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/testworld"
)

// securityHeaders are the headers of every response.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=()",
	"Cache-Control":                "private, no-store",
}

func headersOf(h http.Header, names map[string]string) map[string]string {
	got := map[string]string{}
	for name := range names {
		got[name] = strings.Join(h.Values(name), " AND ")
	}
	return got
}

// TestEveryResponseHasSecurityHeaders requests every route as a visitor, as an OWNER, as a
// member, as a member of another workspace, from another site, and with an API key.
func TestEveryResponseHasSecurityHeaders(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	placeholders := strings.NewReplacer("{workspace}", w.Acme.ID, "{id}", w.OlgaKey.ID, "{$}", "")
	statuses := map[int]int{}
	browsers := map[string]*browser{}
	for _, rt := range w.site.table() {
		path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(placeholders.Replace(rt.path), "nothing")
		for _, who := range []struct {
			user memo.User
			set  func(*http.Request)
		}{
			{},
			{user: w.Olga},
			{user: w.Mark},
			{user: w.Eve},
			{user: w.Olga, set: func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }},
			{set: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+w.OlgaKey.Key) }},
		} {
			b := browsers[who.user.Email]
			if b == nil {
				b = w.browser(memo.User{})
				b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				browsers[who.user.Email] = b
			}
			if who.user.Email != "" && b.get("/account").status != http.StatusOK { // an earlier route signed out
				b.post("/signin", "email", who.user.Email, "password", testworld.Password).want(http.StatusSeeOther)
			}
			set := who.set
			if set == nil {
				set = func(*http.Request) {}
			}
			p := b.do(rt.method, path, "", set)
			statuses[p.status]++
			want := maps.Clone(securityHeaders)
			if rt.path == oauth.AuthorizePath {
				want["Cross-Origin-Opener-Policy"] = "unsafe-none" // hosts open it in a window of its own
			}
			if diff := cmp.Diff(want, headersOf(p.header, securityHeaders)); diff != "" {
				t.Errorf("%s %s as %q: %d\n%s", rt.method, path, who.user.Name, p.status, diff)
			}
			if p.status >= 500 {
				t.Errorf("%s %s as %q: %d\n%.300s", rt.method, path, who.user.Name, p.status, p.body)
			}
		}
	}
	for _, status := range []int{200, 303, 401, 403, 404, 422} {
		if statuses[status] == 0 {
			t.Errorf("no response had status %d: %v", status, statuses)
		}
	}
}

func TestAssetsAreCachedForever(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b := w.browser(memo.User{})
	want := headersOf(http.Header{}, securityHeaders)
	for name, value := range securityHeaders {
		want[name] = value
	}
	for name := range w.site.assets.files {
		want["Cache-Control"] = "public, max-age=31536000, immutable"
		if diff := cmp.Diff(want, headersOf(b.get(w.site.assets.url(name)).want(http.StatusOK).header, want)); diff != "" {
			t.Errorf("%s\n%s", name, diff)
		}
	}
	want["Cache-Control"] = "private, no-store"
	if diff := cmp.Diff(want, headersOf(b.get("/static/0/nothing.js").want(http.StatusNotFound).header,
		want)); diff != "" {
		t.Errorf("missing file\n%s", diff)
	}
	if diff := cmp.Diff(want, headersOf(b.get("/static/0/style.css").want(http.StatusOK).header, want)); diff != "" {
		t.Errorf("another version\n%s", diff)
	}
}

// TestSessionCookie checks the name and attributes of the cookie. The __Host- prefix and
// Secure need HTTPS, so they are missing over plain HTTP.
func TestSessionCookie(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	for scheme, want := range map[string]string{
		"https": "__Host-memo_session HttpOnly=true Secure=true SameSite=Lax Path=/ Domain=",
		"http":  "memo_session HttpOnly=true Secure=false SameSite=Lax Path=/ Domain=",
	} {
		b := w.browser(memo.User{})
		b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		through := func(r *http.Request) {
			r.Header.Set("X-Forwarded-Proto", scheme)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		in := b.do(http.MethodPost, "/signin", "email="+w.Olga.Email+"&password="+strings.ReplaceAll(testworld.Password, " ",
			"+"), through).want(http.StatusSeeOther)
		out := b.do(http.MethodPost, "/signout", "", through).want(http.StatusSeeOther)
		for step, p := range map[string]page{"sign-in": in, "sign-out": out} {
			cookies := (&http.Response{Header: p.header}).Cookies()
			if len(cookies) != 1 {
				t.Errorf("%s over %s: got %d cookies, want 1", step, scheme, len(cookies))
				continue
			}
			c := cookies[0]
			line := c.Name + " " + attributes(c)
			if line != want {
				t.Errorf("%s over %s:\ngot  %s\nwant %s", step, scheme, line, want)
			}
			if ended := c.MaxAge < 0; ended != (step == "sign-out") {
				t.Errorf("%s over %s: got Max-Age %d", step, scheme, c.MaxAge)
			}
		}
	}
}

func attributes(c *http.Cookie) string {
	word := map[bool]string{true: "true", false: "false"}
	site := map[http.SameSite]string{http.SameSiteLaxMode: "Lax", http.SameSiteStrictMode: "Strict"}[c.SameSite]
	return "HttpOnly=" + word[c.HttpOnly] + " Secure=" + word[c.Secure] + " SameSite=" + site + " Path=" + c.Path +
		" Domain=" + c.Domain
}

// TestNoInlineCode checks that templates have no inline styles or scripts, which the content
// security policy blocks.
func TestNoInlineCode(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|<script(?:[^>]*)>[^<]|\sstyle=|\son[a-z]+=|javascript:`)
	files, err := templates.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := templates.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if found := inline.FindAllString(string(content), -1); slices.Compact(found) != nil {
			t.Errorf("%s has inline code: %q", f.Name(), found)
		}
	}
}
