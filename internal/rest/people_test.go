package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// newOwner is one more OWNER of a workspace of their own.
func (w *world) newOwner() memo.User {
	w.t.Helper()
	ctx := context.Background()
	users, err := w.app.Users(ctx)
	w.must(err)
	u, err := w.app.AddUser(ctx, memo.Caller{Operator: true}, fmt.Sprintf("owner%d@example.com", len(users)), "Owner", password)
	w.must(err)
	_, err = w.app.AddWorkspace(ctx, memo.Caller{Operator: true}, "Their own", memo.PlanPro, u.ID)
	w.must(err)
	return u
}

func TestSigningIn(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		unknown := w.request(http.DefaultClient, "POST", "/api/v1/session", `{"email":"nobody@example.com","password":"correct horse"}`).want(401)
		wrong := w.request(http.DefaultClient, "POST", "/api/v1/session", `{"email":"olga@example.com","password":"wrong horse"}`).want(401)
		if string(unknown.body) != string(wrong.body) {
			t.Errorf("an unknown user can be told from a wrong password:\n%s\n%s", unknown.body, wrong.body)
		}
		w.request(http.DefaultClient, "POST", "/api/v1/session", `{"email":"","password":""}`).want(422, `["body","email"]`, `["body","password"]`)

		first, second := w.signedIn(w.olga), w.signedIn(w.olga)
		w.request(first, "GET", "/keys", "").want(200)
		w.request(first, "DELETE", "/api/v1/sessions/"+w.sessionOf(second), "").want(204)
		w.request(second, "GET", "/keys", "").want(401)
		w.request(first, "DELETE", "/api/v1/session", "").want(204)
		w.request(first, "GET", "/keys", "").want(401)

		client := w.signedIn(w.mark)
		w.must(w.app.DisableUser(context.Background(), memo.Caller{Operator: true}, w.mark.ID))
		w.request(client, "GET", "/keys", "").want(401)
		disabled := w.request(http.DefaultClient, "POST", "/api/v1/session", `{"email":"mark@example.com","password":"correct horse"}`).want(401)
		if string(disabled.body) != string(wrong.body) {
			t.Errorf("a disabled user can be told from a wrong password: %s", disabled.body)
		}
	})
}

func TestTheSessionCookie(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{1 << 20, 1 << 20})
	body := `{"email":"olga@example.com","password":"correct horse"}`
	plain := w.request(http.DefaultClient, "POST", "/api/v1/session", body).want(200).header.Get("Set-Cookie")
	secure := w.request(http.DefaultClient, "POST", "/api/v1/session", body, withHeader("X-Forwarded-Proto", "https")).want(200).header.Get("Set-Cookie")
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
	w := newWorld(t, storeIn(t), limits{1 << 20, 1 << 20})
	attempt := func(ip, email, password string) answer {
		return w.request(http.DefaultClient, "POST", "/api/v1/session", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), withHeader("X-Forwarded-For", ip))
	}
	attempt("192.0.2.1", w.olga.Email, password).want(200) // Olga's own address
	for range 10 {
		attempt("203.0.113.5", w.olga.Email, "wrong").want(401)
	}
	if a := attempt("203.0.113.5", w.olga.Email, password).want(429); a.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	for i := range 100 { // from everywhere: the account's own throttle
		attempt(fmt.Sprintf("198.51.100.%d", i), w.olga.Email, "wrong")
	}
	attempt("198.51.100.200", w.olga.Email, password).want(429)
	attempt("192.0.2.1", w.olga.Email, password).want(200)
	for i := range 61 {
		attempt("203.0.113.77", fmt.Sprintf("user%d@example.com", i), "wrong")
	}
	attempt("203.0.113.77", w.mark.Email, password).want(429)
	attempt("203.0.113.78", w.mark.Email, password).want(200)
	for range 20 { // signing in rightly, again and again, is never throttled
		attempt("192.0.2.9", w.mark.Email, password).want(200)
	}
}

func TestSeveralWorkspaces(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, err := w.app.AddMember(context.Background(), memo.Caller{Operator: true}, w.other.ID, w.mark.ID, memo.RoleMember)
		w.must(err)
		client := w.signedIn(w.mark)
		w.request(client, "GET", "/keys", "").want(422, `["query","workspace_id"]`)
		w.request(client, "GET", "/keys?workspace_id=x", "").want(422, `["query","workspace_id"]`)
		w.request(client, "GET", "/keys?workspace_id="+nowhere, "").want(404)
		w.request(client, "GET", "/keys?workspace_id="+w.acme.ID+"&workspace_id="+w.other.ID, "").want(422)
		w.request(client, "GET", "/keys?workspace_id="+w.acme.ID, "").want(200, "mark's key")
		w.request(client, "GET", "/keys?workspace_id="+w.other.ID, "").want(200, `"total":0`)
		w.request(client, "GET", "/keys/"+w.markKey.ID+"?workspace_id="+w.other.ID, "").want(404)
	})
}

func storeIn(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} }
