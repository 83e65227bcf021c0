// Package testworld provides a server with users, keys and transcriptions on a real
// database, for the tests of the surfaces. The test provides the handler of its
// surface.
package testworld

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/webhook"
)

// Config configures a world.
type Config struct {
	Store            store.Config
	Data, Management int  // rate limits in 60 s; 0 means a limit that no test reaches
	Changes          int  // the same for changes in the web app
	Empty            bool // without users and workspaces
	Work             app.WorkLimits
	// Handler returns the handler of the surface.
	Handler func(*app.App, *admission.Control, *slog.Logger) http.Handler
}

// World is a server with two workspaces. Olga is an OWNER of Acme and Mark a MEMBER;
// Eve is an OWNER of Other.
type World struct {
	T      testing.TB
	App    *app.App
	Store  *store.Store
	Server *httptest.Server
	Log    *Log // a request is logged after its response is sent

	Acme, Other              memo.Workspace
	Olga, Mark, Eve          memo.User
	OlgaKey, MarkKey, EveKey memo.CreatedKey
	Transcriptions           []string // ids of the transcriptions in Acme, newest first
	OtherTranscription       string   // id of a transcription in Other
}

// Password is the password of every user.
const Password = testenv.Password

// Databases runs f on SQLite and on PostgreSQL.
func Databases(t *testing.T, f func(t *testing.T, cfg store.Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, store.Config{Dir: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) { f(t, store.Config{URL: testenv.Postgres(t)}) })
}

// New starts a world, which stops at the end of the test.
func New(t testing.TB, cfg Config) *World {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, cfg.Store)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{T: t, Store: s, Log: new(Log)}
	log := telemetry.NewLogger(w.Log, slog.LevelInfo)
	configured := map[ratelimit.Class]int{
		ratelimit.Data: cfg.Data, ratelimit.Management: cfg.Management, ratelimit.Changes: cfg.Changes,
	}
	limits := map[ratelimit.Class]int{}
	for _, class := range ratelimit.Classes {
		limits[class] = cmp.Or(configured[class], 1<<20)
	}
	w.App = app.New(app.Config{
		Store: s, Passwords: credential.NewPasswordHasher(4), Log: log, Work: cfg.Work,
		Limits:   ratelimit.NewMemory(limits),
		Webhooks: webhook.New(webhook.Config{Now: time.Now, Count: func(string) {}}),
	})
	g, err := admission.New(admission.Config{App: w.App, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if err != nil {
		t.Fatal(err)
	}
	outer := &telemetry.Middleware{
		Log: log, Metrics: telemetry.NewMetrics(), Address: g.ClientAddress,
		Panicked: func(w http.ResponseWriter, r *http.Request) {
			httpx.WriteError(w, r, io.ErrUnexpectedEOF)
		},
	}
	w.Server = httptest.NewServer(outer.Wrap(
		httpx.CheckAll(g.CheckURL, g.PublicURL(), cfg.Handler(w.App, g, log))))
	t.Cleanup(func() { w.Server.Close(); s.Close() })
	if !cfg.Empty {
		w.populate(ctx)
	}
	return w
}

func (w *World) populate(ctx context.Context) {
	operator := memo.Caller{Operator: true}
	user := func(name string) memo.User {
		u, err := w.App.AddUser(ctx, operator, name+"@example.com", name, "")
		w.Must(err)
		w.Must(w.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetPassword(ctx, u.ID, testenv.PasswordHash) }))
		return u
	}
	workspace := func(name string, owner memo.User) memo.Workspace {
		ws, err := w.App.AddWorkspace(ctx, operator, name, memo.PlanPro, owner.ID)
		w.Must(err)
		return ws
	}
	w.Olga, w.Mark, w.Eve = user("olga"), user("mark"), user("eve")
	w.Acme, w.Other = workspace("Acme", w.Olga), workspace("Other", w.Eve)
	_, err := w.App.AddMember(ctx, operator, w.Acme.ID, w.Mark.ID, memo.RoleMember)
	w.Must(err)
	w.OlgaKey, w.MarkKey, w.EveKey = w.Key(w.Acme, w.Olga), w.Key(w.Acme, w.Mark), w.Key(w.Other, w.Eve)
	for i, m := range Sources {
		w.Transcriptions = append([]string{w.Import(w.Acme, fmt.Sprintf("m%d.json", i), m)}, w.Transcriptions...)
	}
	w.OtherTranscription = w.Import(w.Other, "f.json", strings.ReplaceAll(Sources[0], "Pricing", "Secret"))
}

// Sources are the files of the transcriptions in Acme, oldest first.
var Sources = []string{
	`{"title":"Pricing talk","status":"completed","summary":"About the price.","language":"en","duration_seconds":60,
	  "speakers":[{"name":"Alex"},{"name":"Jordan"}],"topics":[{"title":"Pricing"}],
	  "media_type":"audio","external_id":"crm-1",
	  "created_at":"2026-05-01T10:00:00.000Z","updated_at":"2026-05-01T10:30:00.000Z","project":{"name":"Sales"},
	  "segments":[{"start":0,"end":4,"speaker_id":"1","speaker":"Alex","text":"What does it cost?"},
	    {"start":42,"end":45.2,"speaker_id":"2","speaker":"Jordan",
	      "text":"Of course… the price is <b>nine</b> euros & \"tax\"."}],
	  "prompt_results":[{"name":"Action items","slug":"action-items","status":"completed",
	    "text":"- send the offer","created_at":"2026-05-01T10:31:00.000Z"}]}`,
	`{"title":"Besprechung über Größe","status":"completed","summary":null,"language":"de","duration_seconds":30,
	  "speakers":[],"topics":[],"media_type":"audio","external_id":null,
	  "created_at":"2026-05-02T10:00:00Z","updated_at":"2026-05-02T10:00:00Z",
	  "project":{"name":"Sales"},
	  "segments":[{"start":0,"end":2,"speaker_id":null,"speaker":null,"text":"Über die Straße"}],"prompt_results":[]}`,
	`{"title":"会議","status":"completed","summary":"予算","language":"ja","duration_seconds":90,
	  "speakers":[],"topics":[],"media_type":"video","external_id":null,
	  "created_at":"2026-05-03T10:00:00Z","updated_at":"2026-05-03T10:00:00Z",
	  "project":null,"segments":[{"start":0,"end":2,"speaker_id":"1","speaker":"田中","text":"来年の予算を決めます"}],
	  "prompt_results":[]}`,
	`{"title":"Still queued","status":"queued","summary":null,"language":"en","duration_seconds":0,
	  "speakers":[],"topics":[],"media_type":"audio","external_id":null,
	  "created_at":"2026-05-04T10:00:00Z","updated_at":"2026-05-04T10:00:00Z",
	  "project":null,
	  "segments":[{"start":0,"end":2,"speaker_id":null,"speaker":null,"text":"pending"}],"prompt_results":[]}`,
}

// Must fails the test if err is not nil.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Key creates a key of a member.
func (w *World) Key(ws memo.Workspace, u memo.User) memo.CreatedKey {
	w.T.Helper()
	return w.LimitedKey(ws, u, memo.KeyAccess{})
}

// LimitedKey creates a key of a member with this access.
func (w *World) LimitedKey(ws memo.Workspace, u memo.User, a memo.KeyAccess) memo.CreatedKey {
	w.T.Helper()
	k, err := w.App.CreateKey(context.Background(), memo.Caller{Operator: true, WorkspaceID: ws.ID, UserID: u.ID},
		app.KeyRequest{Name: u.Name + "'s key", Access: a})
	w.Must(err)
	return k
}

// Import imports a file and returns the id of the transcription.
func (w *World) Import(ws memo.Workspace, name, content string) string {
	w.T.Helper()
	in, err := w.App.Import(context.Background(), memo.Caller{Operator: true, WorkspaceID: ws.ID},
		app.ImportFile{Name: name, Data: []byte(content)})
	w.Must(err)
	return in.ID
}

// SetPlan changes Acme's plan.
func (w *World) SetPlan(p memo.Plan) {
	w.T.Helper()
	w.Must(w.App.SetPlan(context.Background(), memo.Caller{Operator: true}, w.Acme.ID, p))
}
