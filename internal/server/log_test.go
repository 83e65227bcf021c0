package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// TestLogNamesTheCaller: the log line of a request has the key, or the user and the session of
// someone who is signed in, even if the request was refused.
func TestLogNamesTheCaller(t *testing.T) {
	w := newAllSurfaces(t, store.Config{Dir: t.TempDir()})
	token, session, _, err := w.App.SignIn(t.Context(), app.SignIn{Email: w.Mark.Email, Password: testworld.Password},
		app.Client{Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	signedIn, key := "memo_session="+token, "Bearer "+w.MarkKey.Key
	for _, c := range []struct {
		name, path, cookie, authorization string
		status                            int
		user, session, key                string
	}{
		{"REST, without a workspace", "/api/v1/sessions", signedIn, "", 200, w.Mark.ID, session.ID, ""},
		{"REST, in a workspace", rest.Prefix + "/keys", signedIn, "", 200, w.Mark.ID, session.ID, ""},
		{
			"REST, in another user's workspace", rest.Prefix + "/keys?workspace_id=" + w.Other.ID, signedIn, "", 404,
			w.Mark.ID, session.ID, "",
		},
		{"REST, a malformed id", rest.Prefix + "/keys?workspace_id=x", signedIn, "", 422, w.Mark.ID, session.ID, ""},
		{"a page", "/account", signedIn, "", 200, w.Mark.ID, session.ID, ""},
		{"a page of a workspace", "/w/" + w.Acme.ID + "/keys", signedIn, "", 200, w.Mark.ID, session.ID, ""},
		{"a page for an OWNER", "/w/" + w.Acme.ID + "/audit", signedIn, "", 403, w.Mark.ID, session.ID, ""},
		{"an unknown session", "/api/v1/sessions", "memo_session=x", "", 401, "", "", ""},
		{"a key", rest.Prefix + "/me", "", key, 200, "", "", w.MarkKey.ID},
		{"a key with a session", rest.Prefix + "/me", signedIn, key, 200, "", "", w.MarkKey.ID},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Log.Reset()
			r := httptest.NewRequest("GET", c.path, nil)
			r.Header.Set("Cookie", c.cookie)
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			res := httptest.NewRecorder()
			w.handler.ServeHTTP(res, r)
			var line map[string]any
			if err := json.Unmarshal([]byte(w.Log.String()), &line); err != nil {
				t.Fatalf("%v: %s", err, w.Log)
			}
			if res.Code != c.status {
				t.Errorf("got status %d, want %d", res.Code, c.status)
			}
			for name, want := range map[string]string{"user_id": c.user, "session_id": c.session, "key_id": c.key} {
				if got, _ := line[name].(string); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if strings.Contains(w.Log.String(), token) {
				t.Error("the log has the session token")
			}
		})
	}
}
