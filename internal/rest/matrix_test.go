package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

// validRequest is a request to a route that succeeds. The test replaces {own} by the id of a
// resource that the caller may see.
type validRequest struct {
	path string
	body string
}

// validRequests has a request for every route, by the name of the route.
var validRequests = map[string]validRequest{
	"listTranscriptions":   {"/transcriptions", ""},
	"listChanges":          {"/transcriptions/changes", ""},
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
	"getKeyPolicy":         {"/key-policy", ""},
	"setKeyPolicy":         {"/key-policy", `{}`},
	"listWebhooks":         {"/webhooks", ""},
	"createWebhook":        {"/webhooks", `{"url":"https://example.com/memo","events":["key.revoked"]}`},
	"getWebhook":           {"/webhooks/{own}", ""},
	"updateWebhook":        {"/webhooks/{own}", `{"events":["key.created"],"paused":true}`},
	"deleteWebhook":        {"/webhooks/{own}", ""},
	"rotateWebhook":        {"/webhooks/{own}/rotate", ""},
	"testWebhook":          {"/webhooks/{own}/test", ""},
	"listDeliveries":       {"/webhooks/{own}/deliveries", ""},
	"resendDelivery":       {"/webhooks/{own}/deliveries/{delivery}/resend", ""},
	"signIn":               {"/api/v1/session", `{"email":"olga@example.com","password":"` + password + `"}`},
	"signOut":              {"/api/v1/session", ""},
	"listSessions":         {"/api/v1/sessions", ""},
	"revokeSession":        {"/api/v1/sessions/{own}", ""},
	"getOpenAPI":           {"/openapi.json", ""},
}

// nowhere is an id that no resource has.
const nowhere = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

// TestEveryRouteRefuses checks every route of the table: 401, 403, 404, 405, 413, 415, 422 and success.
// The 404 is the same for an id of another workspace and for one that does not exist.
func TestEveryRouteRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, rt := range w.routes() {
			t.Run(rt.OperationID, func(t *testing.T) {
				valid, ok := validRequests[rt.OperationID]
				if !ok {
					t.Fatal("no valid request: add it to validRequests")
				}
				w.in(t).checkRoute(rt, valid)
			})
		}
	})
}

func (w *world) checkRoute(rt route, valid validRequest) {
	w.T.Helper()
	client := http.DefaultClient
	credential := func(*http.Request) {}
	own, foreign := w.Transcriptions[1], w.OtherTranscription
	switch {
	case rt.is("data"):
		credential = testworld.WithKey(w.OlgaKey.Key)
	case strings.Contains(rt.path, "/webhooks"):
		client = w.signedIn(w.Olga)
		own, foreign = w.webhook(w.Acme), w.webhook(w.Other)
		d, err := w.App.TestWebhook(w.T.Context(), operatorOf(w.Acme), own)
		w.Must(err)
		valid.path = strings.ReplaceAll(valid.path, "{delivery}", d.ID)
	case rt.is("keys"):
		client = w.signedIn(w.Olga)
		own, foreign = w.Key(w.Acme, w.Olga).ID, w.EveKey.ID
	case rt.needsSession():
		client = w.signedIn(w.Olga)
		own, foreign = w.sessionOf(client), w.sessionOf(w.signedIn(w.Eve))
	}
	send := func(client *http.Client, id, extra string, set ...func(*http.Request)) testworld.Response {
		w.T.Helper()
		path := strings.ReplaceAll(valid.path, "{own}", id)
		if extra != "" && strings.Contains(path, "?") {
			extra = "&" + extra[1:]
		}
		return w.request(client, rt.method, path+extra, strings.ReplaceAll(valid.body, "{own}", id), set...)
	}
	takesID := strings.Contains(valid.path+valid.body, "{own}")

	if len(rt.Security) > 0 {
		send(http.DefaultClient, own, "").Want(401)
	}
	switch {
	case rt.is("data"):
		w.SetPlan(memo.PlanBasic)
		send(client, own, "", credential).Want(403, "api_access_denied")
		w.SetPlan(memo.PlanPro)
		send(client, own, "", testworld.WithHeader("Cookie", "memo_session=x")).Want(401, "Missing API key")
	case rt.is("keys"):
		send(http.DefaultClient, own, "", testworld.WithKey(w.OlgaKey.Key)).Want(403, "key_management_forbidden")
		send(http.DefaultClient, own, "", testworld.WithKey(w.OlgaKey.Key[:45]+"!")).Want(401, "Invalid API key")
	}
	if !rt.is("data") && !rt.is("about") && rt.method != "GET" {
		send(client, own, "", credential, testworld.WithHeader("Sec-Fetch-Site", "same-site")).Want(403, "cross_origin")
		send(client, own, "", credential, testworld.WithHeader("Origin", "null")).Want(403, "cross_origin")
	}
	if takesID {
		a, b := send(client, foreign, "", credential).Want(404), send(client, nowhere, "", credential).Want(404)
		if strings.ReplaceAll(string(a.Body), foreign, nowhere) != string(b.Body) {
			w.T.Errorf("the 404 for an id of another workspace differs from that for an unknown id:\n%s\n%s", a.Body, b.Body)
		}
		send(client, "not-a-uuid", "", credential).Want(422)
		// 404 comes before 422.
		send(client, foreign, "?nope=1", credential).Want(404)
	}
	if !rt.is("about") {
		send(client, own, "?nope=1", credential).Want(422, `"loc":["query","nope"]`)
		send(client, own, "?nope=1&nope=2&also=3", credential).Want(422, `["query","nope"]`, `["query","also"]`)
	}
	w.request(client, "TRACE", strings.ReplaceAll(valid.path, "{own}", own), "", credential).Want(405)
	if valid.body != "" {
		send(client, own, "", credential, testworld.WithHeader("Content-Type", "text/plain")).Want(415)
		w.request(client, rt.method, strings.ReplaceAll(valid.path, "{own}", own), strings.Repeat("x", 64<<10+1),
			credential).Want(413)
	}
	send(client, own, "", credential).Want(rt.status())
}

func operatorOf(ws memo.Workspace) memo.Caller {
	return memo.Caller{Operator: true, WorkspaceID: ws.ID}
}

// webhook adds a webhook to a workspace and returns its id.
func (w *world) webhook(ws memo.Workspace) string {
	w.T.Helper()
	h, err := w.App.AddWebhook(w.T.Context(), operatorOf(ws), "https://example.com",
		[]memo.EventType{memo.EventKeyRevoked})
	w.Must(err)
	return h.ID
}

// sessionOf returns the id of a client's session.
func (w *world) sessionOf(client *http.Client) string {
	w.T.Helper()
	var out struct{ Items []memo.Session }
	w.request(client, "GET", "/api/v1/sessions", "").Want(200).Decode(&out)
	for _, s := range out.Items {
		if s.Current {
			return s.ID
		}
	}
	w.T.Fatal("no current session")
	return ""
}

// TestEveryRouteIsLimited: every counted route returns 429, with its headers, once the limit is
// reached. Calls that got 401 do not count.
func TestEveryRouteIsLimited(t *testing.T) {
	for name, cfg := range map[string]func(t *testing.T) store.Config{
		"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} },
		"postgres": func(t *testing.T) store.Config { return store.Config{URL: testenv.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, cfg(t), limits{2, 2})
			for _, rt := range w.routes() {
				valid := validRequests[rt.OperationID]
				path := strings.ReplaceAll(valid.path, "{own}", nowhere)
				send := func(client *http.Client, set ...func(*http.Request)) testworld.Response {
					return w.request(client, rt.method, path, strings.ReplaceAll(valid.body, "{own}", nowhere), set...)
				}
				switch {
				case rt.is("data"):
					key := testworld.WithKey(w.Key(w.Acme, w.Olga).Key)
					for range 3 {
						send(http.DefaultClient).Want(401)
					}
					for range 2 { // 404 and 422 count too
						if a := send(http.DefaultClient, key); a.Status == 429 || a.Header.Get("RateLimit") == "" {
							t.Errorf("%s: %d, RateLimit %q", a.Request, a.Status, a.Header.Get("RateLimit"))
						}
					}
					mustBeLimited(send(http.DefaultClient, key), "data", "2")
				case rt.is("keys"):
					client := w.signedIn(w.newOwner())
					for range 2 {
						if a := send(client); a.Status == 429 {
							t.Errorf("%s: limited too early", a.Request)
						}
					}
					mustBeLimited(send(client), "management", "2")
				}
			}
		})
	}
}

func mustBeLimited(a testworld.Response, class, limit string) {
	a.T.Helper()
	a.Want(429, `{"detail":"Rate limit exceeded","retry_after":`+a.Header.Get("Retry-After")+`}`)
	for name, want := range map[string]string{
		"RateLimit-Policy": `"` + class + `";q=` + limit + `;w=60`, "X-RateLimit-Limit": limit, "X-RateLimit-Remaining": "0",
	} {
		if got := a.Header.Get(name); got != want {
			a.T.Errorf("%s: %s is %q, want %q", a.Request, name, got, want)
		}
	}
	if after := a.Header.Get("Retry-After"); after == "" || after == "0" {
		a.T.Errorf("%s: Retry-After is %q", a.Request, after)
	}
}
