package rest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/testworld"
)

// TestKeyIsAcceptedInAuthorizationHeaderOnly: a key anywhere else, or in another form, gets 401.
func TestKeyIsAcceptedInAuthorizationHeaderOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key := w.OlgaKey.Key
		const inURL = "API keys are not accepted in the URL"
		encoded := strings.ReplaceAll(key, "_", "%5F")
		for name, path := range map[string]string{
			"a value": "/me?key=" + key, "a name": "/me?" + key + "=1", "encoded": "/me?k=" + encoded,
			"encoded letters": "/me?k=%6D" + key[1:],
			"second of two":   "/me?a=1&a=" + key, "behind a semicolon": "/me?a=1;b=" + key,
			"broken escape next to it": "/me?%zz&k=" + key,
			"within a value":           "/me?u=https%3A%2F%2Fx%2F%3Fk%3D" + key,
			"a placeholder":            "/me?api_key=mk_live_your_key_here",
			"an unknown path":          "/nowhere?k=" + key, "no valid parameter": "/transcriptions?api_key=" + key,
		} {
			t.Run(name, func(t *testing.T) {
				w := w.in(t)
				for _, a := range []testworld.Response{
					w.request(http.DefaultClient, "GET", path, ""), w.get(path, key), w.get(path, credential.NewKey().Secret()),
				} {
					a.Request = name
					a.Want(401, inURL)
					if strings.Contains(string(a.Body), key) {
						t.Errorf("%s: the response contains the key", name)
					}
				}
			})
		}
		k, err := w.App.GetKey(context.Background(), memo.Caller{Operator: true}, w.OlgaKey.ID)
		if err != nil || k.ExposedAt == nil {
			t.Errorf("the key is not marked as exposed: %+v, %v", k, err)
		}

		for name, set := range map[string]func(*http.Request){
			"X-Api-Key":     testworld.WithHeader("X-Api-Key", key),
			"Cookie":        testworld.WithHeader("Cookie", "memo_session="+key),
			"Referer":       testworld.WithHeader("Referer", "http://x/?k="+key),
			"no credential": func(*http.Request) {},
		} {
			t.Run(name, func(t *testing.T) {
				w := w.in(t)
				a := w.request(http.DefaultClient, "GET", "/me", "", set)
				a.Request = name
				a.Want(401, `{"detail":"Missing API key"}`)
				want := `Bearer realm="memo"`
				if name == "X-Api-Key" {
					want += `, error="invalid_request", error_description="The key must be in the Authorization header, ` +
						`after Bearer and a space; other headers are not read"`
				}
				if got := a.Header.Get("WWW-Authenticate"); got != want {
					t.Errorf("%s: WWW-Authenticate is %s", name, got)
				}
			})
		}
		basic := func(r *http.Request) { r.SetBasicAuth(key, key) }
		two := func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + key, "Bearer " + key} }
		for name, set := range map[string]func(*http.Request){
			"Basic": basic, "two headers": two, "joined": testworld.WithHeader("Authorization", "Bearer "+key+", Bearer "+key),
			"no scheme": testworld.WithHeader("Authorization", key), "no key": testworld.WithHeader("Authorization", "Bearer"),
			"empty":    testworld.WithHeader("Authorization", "Bearer "),
			"two keys": testworld.WithKey(key + " " + key), "quoted": testworld.WithKey(`"` + key + `"`),
			"upper case": testworld.WithKey(strings.ToUpper(key)),
			"Cyrillic":   testworld.WithKey("м" + key[1:]), "full-width": testworld.WithKey("ｍ" + key[1:]),
			"tab":            testworld.WithHeader("Authorization", "Bearer\t"+key),
			"50 kB":          testworld.WithKey(strings.Repeat("a", 50_000)),
			"good prefix":    testworld.WithKey(key[:39] + string(key[39]^1) + key[40:]),
			"unknown":        testworld.WithKey(credential.NewKey().Secret()),
			"a key's suffix": testworld.WithKey(w.OlgaKey.Suffix),
			"token form":     testworld.WithKey("lkzvXde85FvlU0iklkzvXde85FvlU0iklkzvXde85Fv"),
		} {
			t.Run(name, func(t *testing.T) {
				w := w.in(t)
				a := w.request(http.DefaultClient, "GET", "/me", "", set)
				a.Request = name
				a.Want(401, `{"detail":"Invalid API key"}`)
				if got := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got,
					`Bearer realm="memo", error="invalid_token", error_description="`) || strings.Contains(got, key[8:12]) {
					t.Errorf("%s: WWW-Authenticate is %s", name, got)
				}
			})
		}
		for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
			w.request(http.DefaultClient, "GET", "/me", "", testworld.WithHeader("Authorization", scheme+" "+key)).Want(200)
		}
		w.Server.Close() // waits for log lines, which are written after the responses
		if strings.Contains(w.Log.String(), key) || !strings.Contains(w.Log.String(), w.OlgaKey.ID) {
			t.Error("the log contains the key, or does not contain its id")
		}
	})
}

// TestOrderOfRefusals: 401 comes before 403, 403 before 404, and 404 before 422.
func TestOrderOfRefusals(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx, operator := context.Background(), memo.Caller{Operator: true}
		foreign := "/transcriptions/" + w.OtherTranscription + "/export?format=exe&nope=1"
		w.get(foreign+"&k="+w.OlgaKey.Key, w.OlgaKey.Key).Want(401, "not accepted in the URL")
		w.get(foreign, w.OlgaKey.Key).Want(404, `{"detail":"Transcription not found"}`)
		w.get("/transcriptions/"+w.Transcriptions[1]+"/export?format=exe&nope=1", w.OlgaKey.Key).Want(422,
			`["query","format"]`,
			`["query","nope"]`)
		w.request(http.DefaultClient, "GET", "/keys?workspace_id=xyz", "").Want(401)
		w.get("/keys?workspace_id=xyz", w.OlgaKey.Key).Want(403, "key_management_forbidden")
		w.SetPlan(memo.PlanFree)
		w.get(foreign, w.OlgaKey.Key).Want(403, "api_access_denied")
		revoked := w.MarkKey
		w.Must(w.App.RevokeKey(ctx, operator, revoked.ID))
		a := w.get(foreign, revoked.Key).Want(401, "Invalid API key")
		if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, "revoked") {
			t.Errorf("the description does not say revoked: %s", got)
		}
		w.SetPlan(memo.PlanPro)
		w.get("/me", w.OlgaKey.Key).Want(200)

		soon := time.Now().Add(50 * time.Millisecond)
		k, err := w.App.CreateKey(ctx, memo.Caller{Operator: true, WorkspaceID: w.Acme.ID, UserID: w.Mark.ID},
			expiringKey(soon))
		w.Must(err)
		for w.get("/me", k.Key).Status == 200 {
			if time.Now().After(soon.Add(5 * time.Second)) {
				t.Fatal("the key did not expire")
			}
		}
		if got := w.get("/me", k.Key).Want(401).Header.Get("WWW-Authenticate"); !strings.Contains(got, "expired") {
			t.Errorf("the description does not say expired: %s", got)
		}
		w.Must(w.App.RemoveMember(ctx, operator, w.Acme.ID, w.Mark.ID))
	})
}

func TestUnusualPathsAndMethods(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	key := testworld.WithKey(w.OlgaKey.Key)
	for path, status := range map[string]int{
		"/api/v1//developer/me": 404, "/api//v1/developer/me": 404, "/api/v1/developer/../developer/me": 404,
		"/api/v1/developer/me/": 404,
		"/api/":                 404, "/api/v2": 404, "/transcriptions/a%2Fb": 422, "/transcriptions/%00": 422,
		"/transcriptions/..%2f..":                      404,
		"/transcriptions/" + w.Transcriptions[1] + "/": 404, "/transcriptions?limit=1&limit=2": 422,
		"/transcriptions?a;b=1": 422,
		"/transcriptions?%zz=1": 422, "/transcriptions?q=%00": 422, "/transcriptions?q=%ff": 422, "/ME": 404,
	} {
		t.Run(path, func(t *testing.T) {
			w := w.in(t)
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			w.request(client, "GET", path, "", key).Want(status)
		})
	}
	a := w.request(http.DefaultClient, "DELETE", "/transcriptions", "", key).Want(405)
	if got := a.Header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow is %q", got)
	}
	if got := w.request(http.DefaultClient, "PUT", "/keys", "",
		key).Want(405).Header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow is %q", got)
	}
	r, err := http.NewRequest("HEAD", w.Server.URL+rest.Prefix+"/me", nil)
	w.Must(err)
	key(r)
	head, err := http.DefaultClient.Do(r)
	w.Must(err)
	body, _ := io.ReadAll(head.Body)
	head.Body.Close()
	if head.StatusCode != 200 || len(body) != 0 || head.Header.Get("RateLimit") == "" {
		t.Errorf("HEAD: %d with %d bytes", head.StatusCode, len(body))
	}
}

func expiringKey(t time.Time) app.KeyRequest { return app.KeyRequest{Name: "short", ExpiresAt: &t} }
