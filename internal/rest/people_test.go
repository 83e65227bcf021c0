package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// newOwner is one more OWNER of a workspace of their own.
func (w *world) newOwner() memo.User {
	w.T.Helper()
	ctx := context.Background()
	users, err := w.App.Users(ctx, memo.Caller{Operator: true})
	w.Must(err)
	u, err := w.App.AddUser(ctx, memo.Caller{Operator: true}, fmt.Sprintf("owner%d@example.com", len(users)), "Owner",
		password)
	w.Must(err)
	_, err = w.App.AddWorkspace(ctx, memo.Caller{Operator: true}, "Their own", memo.PlanPro, u.ID)
	w.Must(err)
	return u
}

func TestSigningIn(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		unknown := w.request(http.DefaultClient, "POST", "/api/v1/session",
			`{"email":"nobody@example.com","password":"correct horse"}`).Want(401)
		wrong := w.request(http.DefaultClient, "POST", "/api/v1/session",
			`{"email":"olga@example.com","password":"wrong horse"}`).Want(401)
		if string(unknown.Body) != string(wrong.Body) {
			t.Errorf("an unknown user can be told from a wrong password:\n%s\n%s", unknown.Body, wrong.Body)
		}
		w.request(http.DefaultClient, "POST", "/api/v1/session", `{"email":"","password":""}`).Want(422, `["body","email"]`,
			`["body","password"]`)

		first, second := w.signedIn(w.Olga), w.signedIn(w.Olga)
		w.request(first, "GET", "/keys", "").Want(200)
		w.request(first, "DELETE", "/api/v1/sessions/"+w.sessionOf(second), "").Want(204)
		w.request(second, "GET", "/keys", "").Want(401)
		w.request(first, "DELETE", "/api/v1/session", "").Want(204)
		w.request(first, "GET", "/keys", "").Want(401)

		client := w.signedIn(w.Mark)
		w.Must(w.App.DisableUser(context.Background(), memo.Caller{Operator: true}, w.Mark.ID))
		w.request(client, "GET", "/keys", "").Want(401)
		disabled := w.request(http.DefaultClient, "POST", "/api/v1/session",
			`{"email":"mark@example.com","password":"correct horse"}`).Want(401)
		if string(disabled.Body) != string(wrong.Body) {
			t.Errorf("a disabled user can be told from a wrong password: %s", disabled.Body)
		}
	})
}

// TestSigningInAgain ends the session that the client had.
func TestSigningInAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client, elsewhere := w.signedIn(w.Mark), w.signedIn(w.Mark)
		before := w.sessionOf(client)
		old := *client
		jar, err := cookiejar.New(nil)
		w.Must(err)
		at, err := url.Parse(w.Server.URL)
		w.Must(err)
		jar.SetCookies(at, client.Jar.Cookies(at))
		old.Jar = jar
		w.request(client, "POST", "/api/v1/session", `{"email":"mark@example.com","password":"wrong horse"}`).Want(401)
		w.request(&old, "GET", "/keys", "").Want(200)
		w.request(client, "POST", "/api/v1/session", `{"email":"mark@example.com","password":"correct horse"}`).Want(200,
			`"last_used_at":"`)
		w.request(&old, "GET", "/keys", "").Want(401)
		w.request(client, "GET", "/keys", "").Want(200)
		if strings.Contains(string(w.request(elsewhere, "GET", "/api/v1/sessions", "").Want(200).Body), before) {
			t.Error("the session that was replaced is listed")
		}
	})
}

func TestTheSessionCookie(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	body := `{"email":"olga@example.com","password":"correct horse"}`
	plain := w.request(http.DefaultClient, "POST", "/api/v1/session", body).Want(200).Header.Get("Set-Cookie")
	secure := w.request(http.DefaultClient, "POST", "/api/v1/session", body,
		testworld.WithHeader("X-Forwarded-Proto", "https")).Want(200).Header.Get("Set-Cookie")
	for cookie, wants := range map[string][]string{
		plain:  {"memo_session=", "; Path=/", "; HttpOnly", "; SameSite=Lax"},
		secure: {"__Host-memo_session=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"},
	} {
		for _, want := range wants {
			if !strings.Contains(cookie, want) {
				t.Errorf("the cookie has no %s: %s", want, cookie[:20])
			}
		}
	}
}

// TestTheThrottleOfSignIns: an attacker is held, and the owner is not locked
// out where they are signed in from.
func TestTheThrottleOfSignIns(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	attempt := func(ip, email, password string) testworld.Response {
		return w.request(http.DefaultClient, "POST", "/api/v1/session",
			fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), testworld.WithHeader("X-Forwarded-For", ip))
	}
	attempt("192.0.2.1", w.Olga.Email, password).Want(200) // Olga's own address
	for range 10 {
		attempt("203.0.113.5", w.Olga.Email, "wrong").Want(401)
	}
	if a := attempt("203.0.113.5", w.Olga.Email, password).Want(429); a.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	for i := range 100 { // from everywhere: the account's own throttle
		attempt(fmt.Sprintf("198.51.100.%d", i), w.Olga.Email, "wrong")
	}
	attempt("198.51.100.200", w.Olga.Email, password).Want(429)
	attempt("192.0.2.1", w.Olga.Email, password).Want(200)
	for i := range 61 {
		attempt("203.0.113.77", fmt.Sprintf("user%d@example.com", i), "wrong")
	}
	attempt("203.0.113.77", w.Mark.Email, password).Want(429)
	attempt("203.0.113.78", w.Mark.Email, password).Want(200)
	for range 20 { // signing in rightly, again and again, is never throttled
		attempt("192.0.2.9", w.Mark.Email, password).Want(200)
	}
}

func TestSeveralWorkspaces(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, err := w.App.AddMember(context.Background(), memo.Caller{Operator: true}, w.Other.ID, w.Mark.ID, memo.RoleMember)
		w.Must(err)
		client := w.signedIn(w.Mark)
		w.request(client, "GET", "/keys", "").Want(422, `["query","workspace_id"]`)
		w.request(client, "GET", "/keys?workspace_id=x", "").Want(422, `["query","workspace_id"]`)
		w.request(client, "GET", "/keys?workspace_id="+nowhere, "").Want(404)
		w.request(client, "GET", "/keys?workspace_id="+w.Acme.ID+"&workspace_id="+w.Other.ID, "").Want(422)
		w.request(client, "GET", "/keys?workspace_id="+w.Acme.ID, "").Want(200, "mark's key")
		w.request(client, "GET", "/keys?workspace_id="+w.Other.ID, "").Want(200, `"total":0`)
		w.request(client, "GET", "/keys/"+w.MarkKey.ID+"?workspace_id="+w.Other.ID, "").Want(404)
	})
}

func storeIn(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} }
