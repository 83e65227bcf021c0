package oauth_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

const formType = "application/x-www-form-urlencoded"

// TestEndpointsRefuse has requests that no client should send, and their errors.
func TestEndpointsRefuse(t *testing.T) {
	w := newWorld(t, store.Config{Dir: t.TempDir()})
	client := w.register("A", callback)
	redeem := func(change string) string { return redemption(client, strings.Repeat("x", 43)).Encode() + change }
	for name, c := range map[string]struct {
		method, path, contentType, body string
		status                          int
		want                            string
	}{
		"GET":            {"GET", oauth.TokenPath, "", "", 405, `"invalid_request"`},
		"GET a register": {"GET", oauth.RegisterPath, "", "", 405, `"invalid_request"`},
		"POST metadata":  {"POST", oauth.ServerPath, "", "", 405, `"invalid_request"`},
		"JSON":           {"POST", oauth.TokenPath, "application/json", "{}", 400, `"invalid_request"`},
		"no type":        {"POST", oauth.TokenPath, "", redeem(""), 400, `"invalid_request"`},
		"no body":        {"POST", oauth.TokenPath, formType, "", 400, `client_id is missing`},
		"17 kB":          {"POST", oauth.TokenPath, formType, strings.Repeat("a", 17<<10), 413, `16384`},
		"17 kB revoke":   {"POST", oauth.RevokePath, formType, strings.Repeat("a", 17<<10), 413, `16384`},
		"semicolons":     {"POST", oauth.TokenPath, formType, "a;b", 400, `malformed`},
		"twice":          {"POST", oauth.TokenPath, formType, redeem("&code=y"), 400, `code occurs twice`},
		"twice the same": {"POST", oauth.TokenPath, formType, redeem("&client_id=" + client), 400, `client_id occurs twice`},
		"no grant type":  {"POST", oauth.TokenPath, formType, "client_id=a", 400, `"unsupported_grant_type"`},
		"password":       {"POST", oauth.TokenPath, formType, "client_id=a&grant_type=a", 400, `"unsupported_grant_type"`},
		"another host": {
			"POST", oauth.TokenPath, formType, redeem("&resource=https://evil.example/mcp"), 400, `"invalid_target"`,
		},
		"two hosts": {
			"POST", oauth.TokenPath, formType, redeem("&resource=" + w.Server.URL + "&resource=https://evil.example"), 400,
			`"invalid_target"`,
		},
		"revoke nothing":   {"POST", oauth.RevokePath, formType, "token=", 400, `"invalid_request"`},
		"register a form":  {"POST", oauth.RegisterPath, formType, "a=b", 400, `"invalid_client_metadata"`},
		"register no JSON": {"POST", oauth.RegisterPath, "application/json", "{", 400, `"invalid_client_metadata"`},
		"register 17 kB": {
			"POST", oauth.RegisterPath, "application/json", `{"a":"` + strings.Repeat("a", 17<<10) + `"}`, 413, `16384`,
		},
		"register nothing": {"POST", oauth.RegisterPath, "application/json", `{}`, 400, `"invalid_redirect_uri"`},
		"register twice a name": {
			"POST", oauth.RegisterPath, "application/json", `{"redirect_uris":[],"redirect_uris":[]}`, 400,
			`"invalid_client_metadata"`,
		},
		"register a script": {
			"POST", oauth.RegisterPath, "application/json", `{"redirect_uris":["javascript:alert(1)"]}`, 400,
			`"invalid_redirect_uri"`,
		},
		"register 11": {
			"POST", oauth.RegisterPath, "application/json",
			`{"redirect_uris":["http://localhost"` + strings.Repeat(`,"http://localhost"`, 10) + `]}`, 400,
			`"invalid_redirect_uri"`,
		},
		"register much": {
			"POST", oauth.RegisterPath, "application/json",
			fmt.Sprintf(`{"redirect_uris":["https://a.example/%[1]s1","https://a.example/%[1]s2","https://a.example/%[1]s3"]}`,
				strings.Repeat("a", 400)), 400, `"invalid_client_metadata"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.in(t).Request(http.DefaultClient, c.method, c.path, c.body,
				testworld.WithHeader("Content-Type", c.contentType)).Want(c.status, c.want)
			if got.Header.Get("Cache-Control") != "private, no-store" {
				t.Errorf("Cache-Control is %q", got.Header.Get("Cache-Control"))
			}
		})
	}
}

// TestAuthorizeRefuses: without a client and a redirect URI that belong together, the page has no link
// out of the server. Other errors go to the client, but only with a click: anyone may register, and could
// otherwise make links to this server that lead to theirs.
func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t, store.Config{Dir: t.TempDir()})
	b := w.browser(w.Olga)
	client := w.register("A", callback, "https://evil.example/cb", "cursor://anysphere.cursor-mcp/oauth/callback")
	for name, c := range map[string]struct {
		parameter, value string
		want             string // the error that the client gets, or "" for none
	}{
		"plain PKCE":             {"code_challenge_method", "plain", "invalid_request"},
		"no method":              {"code_challenge_method", "", "invalid_request"},
		"no PKCE":                {"code_challenge", "", "invalid_request"},
		"a short challenge":      {"code_challenge", "abc", "invalid_request"},
		"implicit":               {"response_type", "token", "unsupported_response_type"},
		"fragment mode":          {"response_mode", "fragment", "invalid_request"},
		"no consent":             {"prompt", "none", "consent_required"},
		"another resource":       {"resource", "https://evil.example/mcp", "invalid_target"},
		"a long state":           {"state", strings.Repeat("a", 5<<10), "invalid_request"},
		"no client":              {"client_id", "", ""},
		"an unknown client":      {"client_id", "abc", ""},
		"a forged client":        {"client_id", client + "A", ""},
		"a document by http":     {"client_id", "http://claude.ai/oauth/client.json", ""},
		"an unknown document":    {"client_id", "https://evil.example/client.json", ""},
		"a document elsewhere":   {"client_id", "https://claude.ai/oauth/mcp-oauth-client-metadata", ""},
		"no redirect":            {"redirect_uri", "", ""},
		"another path":           {"redirect_uri", "http://127.0.0.1:4711/other", ""},
		"another query":          {"redirect_uri", callback + "?a=1", ""},
		"a fragment":             {"redirect_uri", callback + "#a", ""},
		"a user":                 {"redirect_uri", "http://a@127.0.0.1:4711/callback", ""},
		"a name like localhost":  {"redirect_uri", "http://localhost.evil.example/callback", ""},
		"a name like an address": {"redirect_uri", "http://127.0.0.1.evil.example/callback", ""},
		"a zone":                 {"redirect_uri", "http://[::1%25lo]/callback", ""},
		"a script":               {"redirect_uri", "javascript:alert(1)", ""},
		"https on this computer": {"redirect_uri", "https://127.0.0.1:4711/callback", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &browser{w.in(t), b.client}
			params := w.params(client)
			params.Set(c.parameter, c.value)
			status := map[bool]int{true: 200, false: 422}[c.want != ""]
			for _, p := range []page{
				b.get(oauth.AuthorizePath, params, status),
				b.post(oauth.AuthorizePath, with(params, "decision", "allow"), status),
			} {
				leads := strings.Contains(p.body, "error="+c.want+"&amp;")
				if refresh.MatchString(p.body) || leads != (c.want != "") ||
					strings.Contains(p.body, `href="`+callback) != (c.want != "") {
					t.Errorf("the page leads to the client: %v\n%.2000s", leads, p.body)
				}
			}
		})
	}
	if apps := w.apps(); len(apps) != 0 {
		t.Errorf("apps were connected: %+v", apps)
	}
	b.get(oauth.AuthorizePath, url.Values{"client_id": {client, client}, "redirect_uri": {callback}}, 422)
}

func with(form url.Values, name, value string) url.Values {
	form.Set(name, value)
	return form
}

// TestConsentPageHeaders: the page cannot be framed, comes only from this server's own form, and the
// host's page sees when the window is done, also if the member has to sign in first.
func TestConsentPageHeaders(t *testing.T) {
	w := newWorld(t, store.Config{Dir: t.TempDir()})
	params := w.params(w.register("A", callback))
	b := w.browser(w.Olga)
	p := b.get(oauth.AuthorizePath, params, 200)
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") ||
		p.header.Get("X-Frame-Options") != "DENY" || p.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("the headers are %v", p.header)
	}
	if !strings.Contains(p.body, `name="decision" value="allow"`) || strings.Contains(p.body, "autofocus") {
		t.Error("Allow is not there, or something has the focus")
	}
	noRedirect := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	signIn := (&browser{w, noRedirect}).get(oauth.AuthorizePath, params, 303)
	for name, got := range map[string]page{"consent": p, "the redirect to the sign-in": signIn} {
		if policy := got.header.Get("Cross-Origin-Opener-Policy"); policy != "unsafe-none" {
			t.Errorf("%s: the opener policy is %s", name, policy)
		}
	}
	form := with(with(params, "decision", "allow"), "workspace", w.Acme.ID)
	r, err := http.NewRequest("POST", w.Server.URL+oauth.AuthorizePath, strings.NewReader(form.Encode()))
	w.Must(err)
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Origin", "https://evil.example")
	b.do(r, 403)
	b.post(oauth.AuthorizePath, with(with(form, "expiry", "90"), "workspace", w.Other.ID), 404)
}

// TestStrangersWriteNothing: what a client without a member's consent can send starts no transaction.
func TestStrangersWriteNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client := w.register("A", callback)
		count := w.Store.CountStatements()
		statements := func() int64 { return count.Auth.Load() + count.Data.Load() }
		for i := range 1000 {
			r := httptest.NewRequest("POST", w.Server.URL+oauth.RegisterPath,
				strings.NewReader(fmt.Sprintf(`{"client_name":"%d","redirect_uris":["http://localhost/%d"]}`, i, i)))
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, w.Server.Listener.Addr()))
			r.RemoteAddr = (&net.TCPAddr{IP: net.IPv4(127, 0, byte(i>>8), byte(i)), Port: 1}).String()
			r.Header.Set("Content-Type", "application/json")
			res := httptest.NewRecorder()
			w.Server.Config.Handler.ServeHTTP(res, r)
			if res.Code != 201 {
				t.Fatalf("registration %d: %d %s", i, res.Code, res.Body)
			}
		}
		if n := statements(); n != 0 {
			t.Errorf("1,000 registrations took %d statements", n)
		}
		w.token(redemption(client, strings.Repeat("x", 43)), 400)
		w.token(refreshForm(client, "mr_live_"+strings.Repeat("0", 38)), 400)
		w.form(oauth.RevokePath, url.Values{"token": {w.OlgaKey.Key}}).Want(200)
		if n := count.Writes.Load(); n != 0 {
			t.Errorf("%d transactions were begun", n)
		}
	})
}
