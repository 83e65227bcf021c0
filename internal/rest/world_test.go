package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/gate"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is a server with two workspaces, on one of the databases. Olga owns
// Acme, where Mark is a member; Eve owns Other.
type world struct {
	t      *testing.T
	app    *app.App
	store  *store.Store
	api    *API
	server *httptest.Server
	log    *bytes.Buffer

	acme, other       memo.Workspace
	olga, mark, eve   memo.User
	olgaKey, eveKey   memo.NewKeyView
	markKey           memo.NewKeyView
	meetings, foreign []string // ids in Acme, newest first, and in Other
	project           string
}

const password = "correct horse"

type limits struct{ data, management int }

// onBoth runs a test against a new server on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, newWorld(t, store.Config{Dir: t.TempDir()}, limits{1 << 20, 1 << 20})) })
	t.Run("postgres", func(t *testing.T) {
		f(t, newWorld(t, store.Config{URL: testenv.Postgres(t)}, limits{1 << 20, 1 << 20}))
	})
}

func newWorld(t *testing.T, cfg store.Config, l limits) *world {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, log: new(bytes.Buffer)}
	log := telemetry.NewLogger(w.log, slog.LevelInfo)
	w.app = app.New(app.Config{
		Store: s, Passwords: credential.NewPasswords(4), Log: log,
		Limits: ratelimit.NewMemory(map[ratelimit.Class]int{ratelimit.Data: l.data, ratelimit.Management: l.management}),
	})
	g, err := gate.New(gate.Config{App: w.app, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if err != nil {
		t.Fatal(err)
	}
	w.api = New(Config{App: w.app, Gate: g})
	outer := &telemetry.Middleware{Log: log, Metrics: telemetry.NewMetrics(), Panicked: func(w http.ResponseWriter, r *http.Request) {
		gate.Refuse(w, r, io.ErrUnexpectedEOF)
	}}
	w.server = httptest.NewServer(outer.Wrap(g.Wrap(w.api.Handler())))
	t.Cleanup(func() { w.server.Close(); s.Close() })

	operator := memo.Caller{Operator: true}
	user := func(name string) memo.User {
		u, err := w.app.AddUser(ctx, operator, name+"@example.com", name, password)
		w.must(err)
		return u
	}
	workspace := func(name string, owner memo.User) memo.Workspace {
		ws, err := w.app.AddWorkspace(ctx, operator, name, memo.PlanPro, owner.ID)
		w.must(err)
		return ws
	}
	w.olga, w.mark, w.eve = user("olga"), user("mark"), user("eve")
	w.acme, w.other = workspace("Acme", w.olga), workspace("Other", w.eve)
	_, err = w.app.AddMember(ctx, operator, w.acme.ID, w.mark.ID, memo.RoleMember)
	w.must(err)
	w.olgaKey, w.markKey, w.eveKey = w.key(w.acme, w.olga), w.key(w.acme, w.mark), w.key(w.other, w.eve)
	for i, m := range meetings {
		w.meetings = append([]string{w.importFile(w.acme, fmt.Sprintf("m%d.json", i), m)}, w.meetings...)
	}
	w.foreign = []string{w.importFile(w.other, "f.json", strings.ReplaceAll(meetings[0], "Pricing", "Secret"))}
	var page struct{ Items []struct{ ID string } }
	w.get("/projects", w.olgaKey.Key).decode(&page)
	w.project = page.Items[0].ID
	return w
}

// meetings are what Acme has, oldest first.
var meetings = []string{
	`{"title":"Pricing talk","status":"completed","summary":"About the price.","language":"en","duration_seconds":60,
	  "speakers":[{"name":"Alex"},{"name":"Jordan"}],"topics":[{"title":"Pricing"}],"media_type":"audio","external_id":"crm-1",
	  "created_at":"2026-05-01T10:00:00Z","updated_at":"2026-05-01T10:30:00Z","project":{"name":"Sales"},
	  "segments":[{"start":0,"end":4,"speaker_id":"1","speaker":"Alex","text":"What does it cost?"},
	    {"start":42,"end":45.2,"speaker_id":"2","speaker":"Jordan","text":"Of course… the price is <b>nine</b> euros & \"tax\"."}],
	  "prompt_results":[{"name":"Action items","slug":"action-items","status":"completed","text":"- send the offer","created_at":"2026-05-01T10:31:00Z"}]}`,
	`{"title":"Besprechung über Größe","status":"completed","summary":null,"language":"de","duration_seconds":30,
	  "speakers":[],"topics":[],"media_type":"audio","external_id":null,"created_at":"2026-05-02T10:00:00Z","updated_at":"2026-05-02T10:00:00Z",
	  "project":{"name":"Sales"},"segments":[{"start":0,"end":2,"speaker_id":null,"speaker":null,"text":"Über die Straße"}],"prompt_results":[]}`,
	`{"title":"会議","status":"completed","summary":"予算","language":"ja","duration_seconds":90,
	  "speakers":[],"topics":[],"media_type":"video","external_id":null,"created_at":"2026-05-03T10:00:00Z","updated_at":"2026-05-03T10:00:00Z",
	  "project":null,"segments":[{"start":0,"end":2,"speaker_id":"1","speaker":"田中","text":"来年の予算を決めます"}],"prompt_results":[]}`,
	`{"title":"Still queued","status":"queued","summary":null,"language":"en","duration_seconds":0,
	  "speakers":[],"topics":[],"media_type":"audio","external_id":null,"created_at":"2026-05-04T10:00:00Z","updated_at":"2026-05-04T10:00:00Z",
	  "project":null,"segments":[{"start":0,"end":2,"speaker_id":null,"speaker":null,"text":"pending"}],"prompt_results":[]}`,
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) key(ws memo.Workspace, u memo.User) memo.NewKeyView {
	w.t.Helper()
	k, err := w.app.CreateKey(context.Background(), memo.Caller{Operator: true, WorkspaceID: ws.ID, UserID: u.ID}, app.NewKey{Name: u.Name + "'s key"})
	w.must(err)
	return k
}

func (w *world) importFile(ws memo.Workspace, name, content string) string {
	w.t.Helper()
	in, err := w.app.Import(context.Background(), memo.Caller{Operator: true, WorkspaceID: ws.ID}, app.Import{Name: name, Data: []byte(content)})
	w.must(err)
	return in.ID
}

func (w *world) setPlan(p memo.Plan) {
	w.t.Helper()
	w.must(w.app.SetPlan(context.Background(), memo.Caller{Operator: true}, w.acme.ID, p))
}

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

func (a answer) decode(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s: %v\n%s", a.what, err, a.body)
	}
}

func (a answer) want(status int, bodyHas ...string) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("%s: got %d, want %d\n%.500s", a.what, a.status, status, a.body)
	}
	for _, s := range bodyHas {
		if !strings.Contains(string(a.body), s) {
			a.t.Errorf("%s: the body has no %s\n%.800s", a.what, s, a.body)
		}
	}
	if a.header.Get("X-Request-Id") == "" {
		a.t.Errorf("%s: no X-Request-Id", a.what)
	}
	if a.status >= 400 {
		var e struct{ Detail any }
		if a.decode(&e); e.Detail == nil || a.header.Get("Content-Type") != "application/json" {
			a.t.Errorf("%s: the error is no JSON with detail: %s", a.what, a.body)
		}
	}
	return a
}

// request is one call; set is applied to it before it is sent.
func (w *world) request(client *http.Client, method, path, body string, set ...func(*http.Request)) answer {
	w.t.Helper()
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/api/") {
		path = Prefix + path
	}
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, w.server.URL+path, reader)
	w.must(err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range set {
		f(r)
	}
	res, err := client.Do(r)
	w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err)
	return answer{w.t, method + " " + path + " " + body[:min(len(body), 80)], res.StatusCode, res.Header, b}
}

func withKey(key string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func (w *world) get(path, key string) answer {
	w.t.Helper()
	return w.request(http.DefaultClient, "GET", path, "", withKey(key))
}

func (w *world) post(path, key, body string) answer {
	w.t.Helper()
	return w.request(http.DefaultClient, "POST", path, body, withKey(key))
}

// signedIn returns a client with the session of a user.
func (w *world) signedIn(u memo.User) *http.Client {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	w.must(err)
	c := &http.Client{Jar: jar}
	w.request(c, "POST", "/api/v1/session", fmt.Sprintf(`{"email":%q,"password":%q}`, u.Email, password)).want(200)
	return c
}
