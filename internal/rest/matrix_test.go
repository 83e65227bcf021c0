package rest

import (
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// good is a request that a route answers with its good status. {own} stands
// for an id of the caller's, {foreign} takes its place where another
// workspace's is wanted, {nowhere} where none is.
type good struct {
	path string
	body string
}

// rows has a row for every route; TestMatrix fails without one.
var rows = map[string]good{
	"listTranscriptions":   {"/transcriptions", ""},
	"getTranscription":     {"/transcriptions/{own}", ""},
	"exportTranscription":  {"/transcriptions/{own}/export?format=srt", ""},
	"exportTranscriptions": {"/transcriptions/export", `{"ids":["{own}"]}`},
	"listProjects":         {"/projects", ""},
	"getMe":                {"/me", ""},
	"listKeys":             {"/keys", ""},
	"createKey":            {"/keys", `{"name":"n8n"}`},
	"getKey":               {"/keys/{own}", ""},
	"updateKey":            {"/keys/{own}", `{"name":"renamed"}`},
	"rotateKey":            {"/keys/{own}/rotate", `{"overlap":"24h"}`},
	"revokeKey":            {"/keys/{own}", ""},
	"signIn":               {"/api/v1/session", `{"email":"olga@example.com","password":"` + password + `"}`},
	"signOut":              {"/api/v1/session", ""},
	"listSessions":         {"/api/v1/sessions", ""},
	"revokeSession":        {"/api/v1/sessions/{own}", ""},
	"getOpenAPI":           {"/openapi.json", ""},
}

const nowhere = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

// TestMatrix walks the route table: every route with its rows for the good
// status and 401, 403, 404 (another workspace's and nowhere, byte for byte the
// same), 422, 405 and 415.
func TestMatrix(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, rt := range w.api.routes {
			g, ok := rows[rt.name]
			if !ok {
				t.Errorf("route %s has no row", rt.name)
				continue
			}
			t.Run(rt.name, func(t *testing.T) {
				w.t = t
				w.walk(rt, g)
			})
		}
	})
}

func (w *world) walk(rt route, g good) {
	w.t.Helper()
	client := http.DefaultClient
	credential := func(*http.Request) {}
	own, foreign := w.meetings[1], w.foreign[0]
	switch rt.access {
	case byKey:
		credential = withKey(w.olgaKey.Key)
	case byMember:
		client = w.signedIn(w.olga)
		own, foreign = w.key(w.acme, w.olga).ID, w.eveKey.ID
	case byUser:
		client = w.signedIn(w.olga)
		own, foreign = w.sessionOf(client), w.sessionOf(w.signedIn(w.eve))
	}
	send := func(client *http.Client, id, extra string, set ...func(*http.Request)) answer {
		w.t.Helper()
		path := strings.ReplaceAll(g.path, "{own}", id)
		if extra != "" && strings.Contains(path, "?") {
			extra = "&" + extra[1:]
		}
		return w.request(client, rt.method, path+extra, strings.ReplaceAll(g.body, "{own}", id), set...)
	}
	takesID := strings.Contains(g.path+g.body, "{own}")

	if rt.access != open && rt.access != bySignIn {
		send(http.DefaultClient, own, "").want(401)
	}
	switch rt.access {
	case byKey:
		w.setPlan(memo.PlanBasic)
		send(client, own, "", credential).want(403, "api_access_denied")
		w.setPlan(memo.PlanPro)
		send(client, own, "", withHeader("Cookie", "memo_session=x")).want(401, "Missing API key")
	case byMember:
		send(http.DefaultClient, own, "", withKey(w.olgaKey.Key)).want(403, "key_management_forbidden")
		send(http.DefaultClient, own, "", withKey(w.olgaKey.Key[:45]+"!")).want(401, "Invalid API key")
	}
	if rt.access != byKey && rt.access != open && rt.method != "GET" {
		send(client, own, "", credential, withHeader("Sec-Fetch-Site", "same-site")).want(403, "cross_origin")
		send(client, own, "", credential, withHeader("Origin", "null")).want(403, "cross_origin")
	}
	if takesID {
		a, b := send(client, foreign, "", credential).want(404), send(client, nowhere, "", credential).want(404)
		if strings.ReplaceAll(string(a.body), foreign, nowhere) != string(b.body) {
			w.t.Errorf("another workspace's id can be told from none:\n%s\n%s", a.body, b.body)
		}
		send(client, "not-a-uuid", "", credential).want(422)
		// What is not there is told before what is wrong with the rest.
		send(client, foreign, "?nope=1", credential).want(404)
	}
	if rt.access != open {
		send(client, own, "?nope=1", credential).want(422, `"loc":["query","nope"]`)
		send(client, own, "?nope=1&nope=2&also=3", credential).want(422, `["query","nope"]`, `["query","also"]`)
	}
	w.request(client, "PUT", strings.ReplaceAll(g.path, "{own}", own), "", credential).want(405)
	if g.body != "" {
		send(client, own, "", credential, withHeader("Content-Type", "text/plain")).want(415)
		w.request(client, rt.method, strings.ReplaceAll(g.path, "{own}", own), strings.Repeat("x", maxBody+1), credential).want(413)
	}
	send(client, own, "", credential).want(rt.status)
}

// sessionOf is the id of a client's session.
func (w *world) sessionOf(client *http.Client) string {
	w.t.Helper()
	var out sessionsOut
	w.request(client, "GET", "/api/v1/sessions", "").want(200).decode(&out)
	for _, s := range out.Items {
		if s.Current {
			return s.ID
		}
	}
	w.t.Fatal("no current session")
	return ""
}

// TestEveryRouteIsLimited: the 429 of each route, with its headers. Refusals
// by 401 and 403 spend nothing before it.
func TestEveryRouteIsLimited(t *testing.T) {
	for name, cfg := range map[string]func(t *testing.T) store.Config{
		"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} },
		"postgres": func(t *testing.T) store.Config { return store.Config{URL: testenv.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, cfg(t), limits{2, 2})
			for _, rt := range w.api.routes {
				g := rows[rt.name]
				path := strings.ReplaceAll(g.path, "{own}", nowhere)
				send := func(client *http.Client, set ...func(*http.Request)) answer {
					return w.request(client, rt.method, path, strings.ReplaceAll(g.body, "{own}", nowhere), set...)
				}
				switch rt.access {
				case byKey:
					key := withKey(w.key(w.acme, w.olga).Key)
					for range 3 {
						send(http.DefaultClient).want(401)
					}
					for range 2 { // 404 and 422 count as well
						if a := send(http.DefaultClient, key); a.status == 429 || a.header.Get("RateLimit") == "" {
							t.Errorf("%s: %d, RateLimit %q", a.what, a.status, a.header.Get("RateLimit"))
						}
					}
					wantLimited(send(http.DefaultClient, key), "data", "2")
				case byMember:
					client := w.signedIn(w.newOwner())
					for range 2 {
						if a := send(client); a.status == 429 {
							t.Errorf("%s: limited too early", a.what)
						}
					}
					wantLimited(send(client), "management", "2")
				}
			}
		})
	}
}

func wantLimited(a answer, class, limit string) {
	a.t.Helper()
	a.want(429, `{"detail":"Rate limit exceeded"}`)
	for name, want := range map[string]string{
		"RateLimit-Policy": `"` + class + `";q=` + limit + `;w=60`, "X-RateLimit-Limit": limit, "X-RateLimit-Remaining": "0",
	} {
		if got := a.header.Get(name); got != want {
			a.t.Errorf("%s: %s is %q, want %q", a.what, name, got, want)
		}
	}
	if after := a.header.Get("Retry-After"); after == "" || after == "0" {
		a.t.Errorf("%s: Retry-After is %q", a.what, after)
	}
}
