package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// TestSignIn checks that visitors are redirected to the sign-in and back, and that a wrong
// password and an unknown user get the same response.
func TestSignIn(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		visitor := w.browser(memo.User{})
		keys := "/w/" + w.Acme.ID + "/keys"
		p := visitor.get(keys+"?span=14d").want(200, "<h1>Sign in</h1>", `value="`+keys+`?span=14d"`,
			w.site.assets.url("app.js")) // for its busy state
		if !strings.HasPrefix(p.path, "/signin?next=") {
			t.Errorf("redirected to %s", p.path)
		}
		wrong := visitor.post("/signin", "email", w.Olga.Email, "password", "wrong horse").want(401,
			"E-mail or password is wrong", `value="olga@example.com"`).without("wrong horse")
		unknown := visitor.post("/signin", "email", "nobody@example.com", "password", "wrong horse").want(401)
		if strings.ReplaceAll(unknown.body, "nobody@", "olga@") != wrong.body {
			t.Error("the responses for an unknown user and a wrong password differ")
		}
		if p := visitor.post("/signin", "email", w.Olga.Email, "password", testworld.Password, "next", keys).want(200,
			"API &amp; MCP"); p.path != keys {
			t.Errorf("redirected to %s", p.path)
		}
		visitor.get("/").want(200)
		visitor.post("/signout").want(200, "You are signed out")
		visitor.get(keys).want(200, "<h1>Sign in</h1>")
	})
}

func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"/w/1/keys?span=14d": "/w/1/keys?span=14d", "": "/", "//evil.example": "/", `/\evil.example`: "/",
		"https://evil.example/": "/", "javascript:alert(1)": "/",
		"/\tevil": "/", "w/1": "/", "/%2F/evil": "/%2F/evil", "///evil": "/", "/a\r\nSet-Cookie: x=1": "/",
		"/account?done=renamed": "/account", "/account?done=renamed&x=1": "/account?x=1",
	} {
		if got := localPath(next); got != want {
			t.Errorf("%q: got %q, want %q", next, got, want)
		}
	}
}

// TestSetup checks that setup needs the code and works once.
func TestSetup(t *testing.T) {
	testworld.Databases(t, func(t *testing.T, cfg store.Config) {
		w := newWorld(t, testworld.Config{Store: cfg, Empty: true})
		b := w.browser(memo.User{})
		if p := b.get("/").want(200, "Set up Memo", "You will be its owner"); p.path != "/setup" {
			t.Errorf("redirected to %s", p.path)
		}
		form := []string{"workspace", "Acme", "name", "Olga", "email", "olga@example.com", "password", testworld.Password}
		b.post("/setup", append(form, "code", "wrong")...).want(422, "Set-up code is not the one", `value="Olga"`,
			`value="Acme"`).without(testworld.Password)
		b.post("/setup", "code", "wrong", "email", "x").want(422, "Set-up code is not the one", "Your name must not be empty",
			"E-mail must be")
		b.post("/setup", "code", "abcd-efgh-ijkl", "email", "x").want(422, "Your name must not be empty", "E-mail must be",
			"Password must have", "Workspace must not be empty")
		p := b.post("/setup", append(form, "code", " ABCD-efgh-ijkl ")...).want(200, "Acme")
		if !strings.HasPrefix(p.path, "/w/") {
			t.Errorf("redirected to %s", p.path)
		}
		b.get(strings.Replace(p.path, "transcriptions", "keys", 1)).want(200, "Create key").without("needs the Pro")
		other := w.browser(memo.User{})
		other.get("/setup").want(200, "<h1>Sign in</h1>")
		other.post("/setup", append(form, "code", "abcd-efgh-ijkl")...).want(200, "<h1>Sign in</h1>")
		if users, err := w.App.Users(t.Context(), memo.Caller{Operator: true}); err != nil || len(users) != 1 {
			t.Errorf("got %d users, %v, want 1", len(users), err)
		}
	})
}

func TestSetupAttemptsAreThrottled(t *testing.T) {
	cfg := sqliteWorld(t)
	cfg.Empty = true
	w := newWorld(t, cfg)
	b := w.browser(memo.User{})
	var last page
	for range 15 {
		last = b.post("/setup", "code", "guess")
	}
	last.want(429, "Too many attempts", "You can try again in")
	if last.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// TestRefusedOriginsAndKeys checks that forms from other sites and requests with API keys are
// refused.
func TestRefusedOriginsAndKeys(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	olga := w.browser(w.Olga)
	for name, header := range map[string][2]string{
		"another site": {"Origin", "https://evil.example"}, "null": {"Origin", "null"},
		"a subdomain": {"Sec-Fetch-Site", "same-site"}, "across": {"Sec-Fetch-Site", "cross-site"},
	} {
		for _, path := range []string{"/signin", "/signout", "/account/name", "/w/" + w.Acme.ID + "/keys"} {
			if p := olga.do(http.MethodPost, path, "name=Evil", testworld.WithHeader(header[0], header[1])); p.status != 403 {
				t.Errorf("%s at %s: got %d, want 403", name, path, p.status)
			}
		}
	}
	olga.get("/account").want(200, `value="olga"`)
	visitor := w.browser(memo.User{})
	for _, key := range []string{w.OlgaKey.Key, credential.NewKey().Secret(), "x"} {
		for _, path := range []string{"/", "/account", "/w/" + w.Acme.ID + "/keys", "/signin"} {
			visitor.do(http.MethodGet, path, "", testworld.WithKey(key)).want(401,
				"API keys give access to the API, not to the web app").without(w.OlgaKey.Key)
		}
	}
}

// TestSlowForm checks that a request is authorised after its whole form has arrived: if the
// session ends before that, nothing changes.
func TestSlowForm(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		acme := "/w/" + w.Acme.ID
		for path, form := range map[string]string{
			"/keys":                             "name=Late&expiry=never&id=0195c0de-0000-7000-8000-000000000001",
			"/invites":                          "role=OWNER",
			"/transcriptions/export":            "id=" + w.Transcriptions[0],
			"/workspace":                        "name=Late",
			"/members/" + w.Mark.ID:             "role=OWNER",
			"/members/" + w.Mark.ID + "/remove": "really=yes",
		} {
			olga, elsewhere := w.browser(w.Olga), w.browser(w.Olga)
			body, rest := io.Pipe()
			started := make(chan struct{})
			go func() {
				_, _ = rest.Write([]byte(form[:3])) // the request may have ended
				close(started)
			}()
			response := make(chan page)
			go func() {
				response <- olga.do(http.MethodPost, acme+path, "",
					func(r *http.Request) { r.Body, r.ContentLength = body, int64(len(form)) })
			}()
			<-started
			elsewhere.post("/account/sessions/end").want(200)
			_, _ = rest.Write([]byte(form[3:]))
			(<-response).want(200, "<h1>Sign in</h1>").without("mk_live_", "/join/")
		}
		olga := w.browser(w.Olga)
		olga.get(acme + "/keys").want(200).without("Late")
		olga.get(acme+"/members").want(200, "mark@example.com", "You are the only owner.").without("Pending invitations")
	})
}

// TestFormAfterSessionEnded checks that the sign-in leads back to the page with the form.
func TestFormAfterSessionEnded(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	olga, keys := w.browser(w.Olga), "/w/"+w.Acme.ID+"/keys"
	w.browser(w.Olga).post("/account/sessions/end").want(200)
	for from, next := range map[string]string{
		w.Server.URL + keys + "/new?x=1":  keys + "/new?x=1",
		w.Server.URL + keys + "/1/rotate": "/", "https://evil.example": "/", "https://evil.example//evil.example": "/",
		"": "/", "javascript:alert(1)": "/",
	} {
		olga.do(http.MethodPost, keys, "name=Lost", testworld.WithHeader("Referer", from)).
			want(200, "You were signed out before the form was sent", `name="next" value="`+next+`"`)
	}
}

// TestMalformedForms checks that malformed forms change nothing.
func TestMalformedForms(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	olga, path := w.browser(w.Olga), w.texts("/"+w.Transcriptions[0])
	olga.post(path+"/project", "project", "Kept").want(200, "Project updated")
	for name, c := range map[string]struct {
		body, kind string
		status     int
	}{
		"a broken escape": {"project=%zz", "application/x-www-form-urlencoded", 400},
		"a semicolon":     {"project=a;b", "application/x-www-form-urlencoded", 400},
		"plain text":      {"project=", "text/plain", 400},
		"JSON":            {`{"project":""}`, "application/json", 400},
		"no field":        {"", "application/x-www-form-urlencoded", 400},
		"too long":        {"project=" + strings.Repeat("x", maxForm), "application/x-www-form-urlencoded", 413},
	} {
		if p := olga.do(http.MethodPost, path+"/project", c.body,
			testworld.WithHeader("Content-Type", c.kind)); p.status != c.status {
			t.Errorf("%s: got %d, want %d", name, p.status, c.status)
		}
	}
	broken := httptest.NewRecorder()
	w.site.Handler().ServeHTTP(broken, httptest.NewRequest(http.MethodPost, "/signin",
		iotest.ErrReader(io.ErrUnexpectedEOF)))
	if broken.Code != http.StatusBadRequest || !strings.Contains(broken.Body.String(), "The form could not be read") {
		t.Errorf("a body that ends early: %d %s", broken.Code, broken.Body)
	}
	olga.get(path).want(200, "Kept")
}

// TestBasicAuthOfProxy checks that Basic credentials, which browsers send to a reverse proxy,
// are ignored.
func TestBasicAuthOfProxy(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	w.browser(w.Olga).do(http.MethodGet, "/account", "", testworld.WithHeader("Authorization", "Basic eDp5")).want(200,
		"Account")
	w.browser(w.Olga).do(http.MethodGet, "/account", "", func(r *http.Request) {
		r.Header["Authorization"] = []string{"Basic eDp5", "Bearer " + credential.NewKey().Secret()}
	}).want(401, "API keys give access to the API").without("mk_live_")
}

func TestAccountPage(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		one, two := w.browser(w.Mark), w.browser(w.Mark)
		one.post("/account/name", "name", "<b>Mark</b>").want(200, "Name updated",
			"&lt;b&gt;Mark&lt;/b&gt;").without("<b>Mark</b>")
		one.post("/account/name", "name", " ").want(422, "Your name must not be empty")
		one.post("/account/password", "current", "wrong", "password", "battery staple").want(422,
			"Current password is incorrect").without("battery staple")
		one.post("/account/password", "current", testworld.Password, "password", "short").want(422, "New password must have")
		one.post("/account/password", "current", testworld.Password, "password", "battery staple").want(200,
			"Password changed", "This device")
		two.get("/account").want(200, "<h1>Sign in</h1>")
		two.post("/signin", "email", w.Mark.Email, "password", "battery staple").want(200)
		two.get("/account").want(200, "last used now", "A device is signed out after 7 days without use",
			"Sign out everywhere else")
		one.post("/account/sessions/end", "keep", "this").want(200, "signed out on all other devices", "This device").
			without("Sign out everywhere else")
		two.get("/account").want(200, "<h1>Sign in</h1>")
		one.post("/account/sessions/end").want(200, "You are signed out on all devices")
		one.get("/account").want(200, "<h1>Sign in</h1>")
		two.get("/account").want(200, "<h1>Sign in</h1>")
	})
}

// TestPasswordFormRevokesKeys checks the option to revoke keys, which only users with active
// keys have.
func TestPasswordFormRevokesKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mark := w.browser(w.Mark)
		mark.get("/account").want(200, `name="keys" value="revoke"> Also revoke my API keys (1)`)
		mark.post("/account/password", "current", "wrong horse", "password", "battery staple", "keys", "revoke").
			want(422, "Current password is incorrect", `value="revoke" checked>`)
		mark.post("/account/password", "current", testworld.Password, "password", "1234567890", "keys", "revoke").
			want(422, ">This password is too common. Choose another one.<")
		mark.post("/account/password", "current", testworld.Password, "password", "battery staple").want(200,
			"Password changed").without("keys are revoked")
		if !w.authorised(w.MarkKey.Key) {
			t.Error("the key was revoked although the option was not selected")
		}
		mark.post("/account/password", "current", "battery staple", "password", "staple battery", "keys", "revoke").
			want(200, "your API keys are revoked").without(`name="keys"`)
		if w.authorised(w.MarkKey.Key) || !w.authorised(w.OlgaKey.Key) {
			t.Error("want Mark's key inactive and Olga's active")
		}
	})
}

// TestSignInEndsOldSession checks that signing in ends the previous session of the browser.
func TestSignInEndsOldSession(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	mark := w.browser(w.Mark)
	mark.post("/signin", "email", w.Mark.Email, "password", testworld.Password).want(200)
	if list := must(w.App.Sessions(t.Context(), memo.Caller{UserID: w.Mark.ID})); len(list) != 1 {
		t.Errorf("got %d sessions, want 1", len(list))
	}
}

func TestDeviceNames(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0": "Firefox on Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 " +
			"Mobile/15E148 Safari/604.1": "Safari on iOS",
		"curl/8.5.0": "curl", "": "Unknown client",
	} {
		if got := deviceName(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}

// TestChangesAreLimited checks the rate limit of changes. It does not apply to forms that end
// access, nor to key management, which has its own limit.
func TestChangesAreLimited(t *testing.T) {
	cfg := sqliteWorld(t)
	cfg.Changes = 3
	w := newWorld(t, cfg)
	olga, mark := w.browser(w.Olga), w.browser(w.Mark)
	title := w.texts("/" + w.Transcriptions[0] + "/details")
	for i := range 3 {
		olga.post(title, "title", fmt.Sprint("Title ", i)).want(200)
	}
	for path, field := range map[string][2]string{
		title: {"title", "x"},
		w.texts("/" + w.Transcriptions[0] + "/project"): {"project", "x"},
		w.texts("/" + w.Transcriptions[0] + "/delete"):  {},
		"/w/" + w.Acme.ID + "/members/" + w.Mark.ID:     {"role", "OWNER"},
		"/w/" + w.Acme.ID + "/invites":                  {"role", "MEMBER"},
		"/w/" + w.Acme.ID + "/workspace":                {"name", "x"},
	} {
		p := olga.post(path, field[0], field[1]).want(429, "a little too fast", "You can try again in")
		if p.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	olga.get(w.texts("/" + w.Transcriptions[0] + "/export?format=md")).want(429)
	olga.post(w.texts("/export"), "id", w.Transcriptions[0], "format", "md").want(429)
	olga.get(w.texts("/"+w.Transcriptions[0])).want(200, "Title 2")
	for i := range 3 { // changes outside a workspace have their own count
		olga.post("/account/name", "name", fmt.Sprint("Olga ", i)).want(200)
	}
	olga.post("/account/name", "name", "x").want(429)
	if !strings.Contains(w.Log.String(), `"refusal":"rate_limited"`) {
		t.Error("the log does not have the reason of a refusal")
	}
	eve := w.browser(w.Eve)
	eve.post("/w/"+w.Other.ID+"/workspace", "name", "Another").want(200)
	mark.post("/w/"+w.Acme.ID+"/keys", "id", newID(), "name", "n8n", "expiry", "90").want(201)
	olga.post("/w/" + w.Acme.ID + "/keys/" + w.MarkKey.ID + "/revoke").want(200)
	olga.post("/w/" + w.Acme.ID + "/members/" + w.Mark.ID + "/remove").want(200)
	mark.get(w.texts("")).want(404)
	olga.post("/account/sessions/end").want(200)
	olga.post("/signout").want(200)
}
