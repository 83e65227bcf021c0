package oauth_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// TestConnectAnApp follows a host from the first refused call to the end of its connection.
func TestConnectAnApp(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		refused := w.Request(http.DefaultClient, "GET", oauth.Resource, "").Want(401)
		metadata := w.Server.URL + oauth.ResourcePath
		if got := refused.Header.Get("WWW-Authenticate"); got != `Bearer realm="memo", resource_metadata="`+metadata+
			`", scope="transcriptions:read"` {
			t.Errorf("the challenge is %s", got)
		}
		w.Request(http.DefaultClient, "GET", oauth.ResourcePath, "").Want(200,
			`"resource":"`+w.Server.URL+`/mcp"`, `"authorization_servers":["`+w.Server.URL+`"]`)
		w.Request(http.DefaultClient, "GET", oauth.ServerPath, "").Want(200, `"issuer":"`+w.Server.URL+`"`,
			`"code_challenge_methods_supported":["S256"]`, `"token_endpoint_auth_methods_supported":["none"]`)

		client := w.register("Claude", callback)
		signedOut := &browser{w, http.DefaultClient}
		p := signedOut.get(oauth.AuthorizePath, w.params(client), 200)
		if !strings.HasPrefix(p.path, "/signin?next=%2Foauth") ||
			p.header.Get("Cross-Origin-Opener-Policy") != "unsafe-none" {
			t.Errorf("signed out: the page is %s with %v", p.path, p.header)
		}
		b := w.browser(w.Olga)
		p = b.get(oauth.AuthorizePath, w.params(client), 200)
		for _, want := range []string{"“<bdi>Claude</bdi>”", "a program on this computer", "Acme", "olga@example.com"} {
			if !strings.Contains(p.body, want) {
				t.Errorf("the consent page does not contain %s\n%s", want, p.body)
			}
		}
		answer := b.consent(w.params(client), "allow")
		if answer.Get("state") != state || answer.Get("iss") != w.Server.URL {
			t.Errorf("the answer is %v", answer)
		}
		got := w.token(redemption(client, answer.Get("code")), 200)
		if !strings.HasPrefix(got.Access, memo.AccessTokenPrefix) ||
			!strings.HasPrefix(got.Refresh, memo.RefreshTokenPrefix) ||
			got.Type != "Bearer" || got.ExpiresIn != 12*60*60 || got.Scope != oauth.Scope {
			t.Errorf("the tokens are %+v", got)
		}
		w.call(got.Access).Want(200, "Pricing talk")

		apps := w.apps()
		if len(apps) != 1 || apps[0].Name != "Claude" || apps[0].Client.ID != client || apps[0].CreatedBy.ID != w.Olga.ID ||
			apps[0].Status != memo.KeyActive || apps[0].ExpiresAt == nil || time.Until(*apps[0].ExpiresAt) > 91*24*time.Hour {
			t.Fatalf("the apps are %+v", apps)
		}
		b.post("/w/"+w.Acme.ID+"/keys/"+apps[0].ID+"/revoke", nil, 200)
		w.call(got.Access).Want(401)
		if got := w.token(refreshForm(client, got.Refresh), 400); got.Error != "invalid_grant" {
			t.Errorf("a refresh after the end: %+v", got)
		}
	})
}

func TestTokensAreOnlyForMCP(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, got := w.connect(w.Olga)
		for token, status := range map[string]int{got.Access: 401, got.Refresh: 401, w.OlgaKey.Key: 200} {
			w.Request(http.DefaultClient, "GET", "/api/v1/developer/transcriptions", "", testworld.WithKey(token)).Want(status)
			w.Request(http.DefaultClient, "GET", "/api/v1/developer/keys", "", testworld.WithKey(token))
		}
		w.call(got.Refresh).Want(401)
		w.call(w.OlgaKey.Key).Want(200)
		w.Request(http.DefaultClient, "GET", "/healthz?token="+got.Access, "").Want(401)
		if apps := w.apps(); apps[0].ExposedAt == nil {
			t.Error("a token in a URL does not mark its app as exposed")
		}
	})
}

func TestDenied(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client := w.register("Claude", callback)
		answer := w.browser(w.Mark).consent(w.params(client), "deny")
		if answer.Get("error") != "access_denied" || answer.Get("code") != "" || answer.Get("state") != state ||
			answer.Get("iss") != w.Server.URL {
			t.Errorf("the answer is %v", answer)
		}
	})
}

// TestInvalidGrant: every code and refresh token that is not valid gets the same error.
func TestInvalidGrant(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client, other := w.register("A", callback), w.register("B", callback)
		b := w.browser(w.Olga)
		code := func() string { return b.consent(w.params(client), "allow").Get("code") }
		for name, form := range map[string]url.Values{
			"another verifier":       with(redemption(client, code()), "code_verifier", strings.Repeat("a", 43)),
			"no verifier":            with(redemption(client, code()), "code_verifier", ""),
			"another client's code":  with(redemption(client, code()), "client_id", other),
			"another redirect":       with(redemption(client, code()), "redirect_uri", "http://127.0.0.1:4712/callback"),
			"an unknown code":        redemption(client, strings.Repeat("x", 43)),
			"no code":                redemption(client, ""),
			"an unknown token":       refreshForm(client, "mr_live_"+strings.Repeat("0", 38)),
			"a key as refresh token": refreshForm(client, w.OlgaKey.Key),
		} {
			t.Run(name, func(t *testing.T) {
				if got := w.in(t).token(form, 400); got.Error != "invalid_grant" {
					t.Errorf("got %+v", got)
				}
			})
		}
		late := code()
		w.now.ahead += 61 * time.Second
		if got := w.token(redemption(client, late), 400); got.Error != "invalid_grant" {
			t.Errorf("a code after 61 s: %+v", got)
		}
		if apps := w.apps(); len(apps) != 0 {
			t.Errorf("apps were connected: %+v", apps)
		}
	})
}

// TestCodeWorksOnce: a second use ends the app.
func TestCodeWorksOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client := w.register("A", callback)
		code := w.browser(w.Olga).consent(w.params(client), "allow").Get("code")
		results := make(chan tokens)
		for range 2 {
			go func() {
				var out tokens
				w.form(oauth.TokenPath, redemption(client, code)).Decode(&out)
				results <- out
			}()
		}
		first, second := <-results, <-results
		if first.Error != "" {
			first, second = second, first
		}
		if first.Access == "" || second.Error != "invalid_grant" {
			t.Fatalf("got %+v and %+v", first, second)
		}
		w.call(first.Access).Want(401)
		if apps := w.apps(); len(apps) != 1 || apps[0].Status != memo.KeyRevoked {
			t.Errorf("the apps are %+v", apps)
		}
	})
}

// TestRefresh: a refresh token gives new tokens, several times within a minute, and ends the app after
// that.
func TestRefresh(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client, first := w.connect(w.Olga)
		second := w.token(refreshForm(client, first.Refresh), 200)
		w.call(second.Access).Want(200)
		w.call(first.Access).Want(200) // until it expires
		if got := w.token(refreshForm(w.register("B", callback), second.Refresh), 400); got.Error != "invalid_grant" {
			t.Errorf("another client: %+v", got)
		}
		for range 5 {
			third := w.token(refreshForm(client, first.Refresh), 200)
			w.call(third.Access).Want(200)
		}
		w.now.ahead += 13 * time.Hour
		w.call(second.Access).Want(401)
		fourth := w.token(refreshForm(client, second.Refresh), 200)
		w.call(fourth.Access).Want(200)
		if got := w.token(refreshForm(client, first.Refresh), 400); got.Error != "invalid_grant" {
			t.Errorf("a refresh token long after its use: %+v", got)
		}
		w.call(fourth.Access).Want(401)
		w.token(refreshForm(client, fourth.Refresh), 400)
		if apps := w.apps(); apps[0].Status != memo.KeyRevoked {
			t.Errorf("the app is %s", apps[0].Status)
		}
	})
}

func TestRefreshTokenExpires(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client, got := w.connect(w.Olga)
		w.now.ahead += 30*24*time.Hour + time.Second
		w.token(refreshForm(client, got.Refresh), 400)
	})
}

// TestRevocation: either token ends the app, but only for its own client.
func TestRevocation(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, of := range []func(tokens) string{
			func(t tokens) string { return t.Access }, func(t tokens) string { return t.Refresh },
		} {
			client, got := w.connect(w.Mark)
			w.form(oauth.RevokePath, url.Values{"token": {of(got)}, "client_id": {w.register("B", callback)}}).Want(200)
			w.call(got.Access).Want(200)
			w.form(oauth.RevokePath, url.Values{"token": {of(got)}, "client_id": {client}}).Want(200)
			w.call(got.Access).Want(401)
			w.form(oauth.RevokePath, url.Values{"token": {of(got)}, "client_id": {client}}).Want(200)
		}
		w.form(oauth.RevokePath, url.Values{"token": {"unknown"}}).Want(200)
		w.form(oauth.RevokePath, url.Values{"token": {w.OlgaKey.Key}}).Want(200)
		w.call(w.OlgaKey.Key).Want(200) // a key is not a token
	})
}

// TestAppFollowsItsMember: an app ends with its member's access, and stops while the plan has no API.
func TestAppFollowsItsMember(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client, got := w.connect(w.Mark)
		w.SetPlan(memo.PlanBasic)
		w.call(got.Access).Want(403, "api_access_denied")
		second := w.token(refreshForm(client, got.Refresh), 200)
		w.browser(w.Olga).get(oauth.AuthorizePath, w.params(client), 403)
		w.SetPlan(memo.PlanPro)
		w.call(second.Access).Want(200)
		w.Must(w.App.RemoveMember(t.Context(), memo.Caller{Operator: true}, w.Acme.ID, w.Mark.ID))
		w.call(second.Access).Want(401)
		w.token(refreshForm(client, second.Refresh), 400)
		if apps := w.apps(); apps[0].Status != memo.KeyDeactivated {
			t.Errorf("the app is %s", apps[0].Status)
		}
	})
}

// TestIdleAppExpires: an app without an expiry of its own ends when its refresh token does, and the pages
// that show it say when.
func TestIdleAppExpires(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b, client := w.browser(w.Olga), w.register("A", callback)
		params := w.params(client)
		p := b.post(oauth.AuthorizePath, with(with(with(params, "workspace", w.Acme.ID), "expiry", "never"),
			"decision", "allow"), 200)
		got := w.token(redemption(client, w.returned(p).Get("code")), 200)
		w.Must(w.Store.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.DeleteAppTokens(t.Context(), time.Now().Add(60*24*time.Hour), 10)
			return err
		}))
		_, err := w.Store.ExpireIdleApps(t.Context(), 10)
		w.Must(err)
		w.call(got.Access).Want(401)
		inactive, keys := url.Values{"show": {string(memo.KeysInactive)}}, "/w/"+w.Acme.ID+"/keys"
		for _, p := range []page{b.get(keys, inactive, 200), b.get(keys+"/"+w.apps()[0].ID, nil, 200)} {
			if !strings.Contains(p.body, "Expired") {
				t.Errorf("%s does not say that the app has expired", p.path)
			}
		}
	})
}

// TestRestoreEndsApps: a backup has no tokens, and its apps end when it is restored.
func TestRestoreEndsApps(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		client, got := w.connect(w.Olga)
		file := filepath.Join(t.TempDir(), "backup")
		_, err := w.Store.WriteBackup(t.Context(), file, 0, nil)
		w.Must(err)
		backup, err := store.OpenBackup(t.Context(), file, time.Now)
		w.Must(err)
		defer backup.Close()
		_, err = w.Store.Restore(t.Context(), backup, true, nil)
		w.Must(err)
		w.call(got.Access).Want(401)
		w.token(refreshForm(client, got.Refresh), 400)
		w.call(w.OlgaKey.Key).Want(200)
		k := w.apps()[0]
		if k.Status != memo.KeyDeactivated || !strings.Contains(k.DeactivationReason, "connect the app again") {
			t.Errorf("the app is %s: %s", k.Status, k.DeactivationReason)
		}
	})
}

// TestNoOAuthWithoutAddress: a server that does not know under which address clients reach it has no
// OAuth, and says what to do instead.
func TestNoOAuthWithoutAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		proxied := testworld.WithHeader("X-Forwarded-For", "192.0.2.1")
		for _, path := range []string{oauth.ResourcePath, oauth.ServerPath} {
			w.Request(http.DefaultClient, "GET", path, "", proxied).Want(404)
		}
		w.Request(http.DefaultClient, "POST", "/register", `{"redirect_uris":["http://localhost"]}`, proxied).
			Want(400, "invalid_client_metadata", "create an API key")
		if c := w.Request(http.DefaultClient, "POST", oauth.Resource, "", proxied).Want(401).
			Header.Get("WWW-Authenticate"); c != `Bearer realm="memo"` {
			t.Errorf("the challenge is %s", c)
		}
	})
}
