package rest_test

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

// newOwner adds a user who is the OWNER of a new workspace.
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

func TestSignIn(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		unknown := w.request(http.DefaultClient, "POST", "/api/v1/session",
			`{"email":"nobody@example.com","password":"correct horse"}`).Want(401)
		wrong := w.request(http.DefaultClient, "POST", "/api/v1/session",
			`{"email":"olga@example.com","password":"wrong horse"}`).Want(401)
		if string(unknown.Body) != string(wrong.Body) {
			t.Errorf("the responses for an unknown user and a wrong password differ:\n%s\n%s", unknown.Body, wrong.Body)
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
			t.Errorf("the response for a disabled user differs from that for a wrong password: %s", disabled.Body)
		}
	})
}

// TestSignInReplacesSession: a sign-in ends the session that the client's cookie named, and no other.
func TestSignInReplacesSession(t *testing.T) {
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
			t.Error("the replaced session is listed")
		}
	})
}

func TestSessionCookieAttributes(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	body := `{"email":"olga@example.com","password":"correct horse"}`
	plain := w.request(http.DefaultClient, "POST", "/api/v1/session", body).Want(200).Header.Get("Set-Cookie")
	secure := w.request(http.DefaultClient, "POST", "/api/v1/session", body,
		testworld.WithHeader("X-Forwarded-Proto", "https")).Want(200).Header.Get("Set-Cookie")
	for cookie, wants := range map[string][]string{
		plain:  {"memo_session=", "; Path=/", "; HttpOnly", "; SameSite=Lax"},
		secure: {"__Host-memo_session=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"},
	} {
		t.Run(cookie[:12], func(t *testing.T) {
			for _, want := range wants {
				if !strings.Contains(cookie, want) {
					t.Errorf("the cookie has no %s: %s", want, cookie[:20])
				}
			}
		})
	}
}

// TestSignInThrottle: wrong passwords are limited per address and per account, but the user can
// still sign in from an address from which they are signed in.
func TestSignInThrottle(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	attempt := func(ip, email, password string) testworld.Response {
		return w.request(http.DefaultClient, "POST", "/api/v1/session",
			fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), testworld.WithHeader("X-Forwarded-For", ip))
	}
	attempt("192.0.2.1", w.Olga.Email, password).Want(200) // Olga is now signed in from this address
	for range 10 {
		attempt("203.0.113.5", w.Olga.Email, "wrong").Want(401)
	}
	if a := attempt("203.0.113.5", w.Olga.Email, password).Want(429); a.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	for i := range 100 { // from many addresses: the limit of the account
		attempt(fmt.Sprintf("198.51.100.%d", i), w.Olga.Email, "wrong")
	}
	attempt("198.51.100.200", w.Olga.Email, password).Want(429)
	attempt("192.0.2.1", w.Olga.Email, password).Want(200)
	for i := range 61 {
		attempt("203.0.113.77", fmt.Sprintf("user%d@example.com", i), "wrong")
	}
	attempt("203.0.113.77", w.Mark.Email, password).Want(429)
	attempt("203.0.113.78", w.Mark.Email, password).Want(200)
	for range 20 { // successful sign-ins do not count
		attempt("192.0.2.9", w.Mark.Email, password).Want(200)
	}
}

func TestMemberOfSeveralWorkspacesNamesOne(t *testing.T) {
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
