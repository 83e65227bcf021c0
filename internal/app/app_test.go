package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is an App on one of the databases, with a workspace, an OWNER and a member.
type world struct {
	*app.App
	t     *testing.T
	ctx   context.Context
	clock *clock
	store *store.Store
	cfg   app.Config // of App
	log   *bytes.Buffer

	endpoint endpoint // of every webhook

	owner, member memo.User
	workspace     memo.Workspace
}

// clock shows the same time until the test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// onBoth runs a test in a new world on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	testworld.Databases(t, func(t *testing.T, cfg store.Config) { f(t, newWorld(t, cfg)) })
}

func newSQLiteWorld(t *testing.T) *world { return newWorld(t, store.Config{Dir: t.TempDir()}) }

func newWorld(t *testing.T, cfg store.Config) *world {
	t.Helper()
	c := &clock{now: time.Date(2026, 5, 20, 9, 0, 0, 0, time.UTC)}
	cfg.Now = c.read
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	log := new(bytes.Buffer)
	w := &world{t: t, ctx: context.Background(), clock: c, store: s, log: log, cfg: app.Config{
		Store: s, Limits: ratelimit.NewMemory(map[ratelimit.Class]int{
			ratelimit.Data: 500, ratelimit.Management: 180, ratelimit.Changes: 180,
		}),
		Passwords: credential.NewPasswordHasher(4), Log: slog.New(slog.NewTextHandler(log, nil)),
	}}
	w.cfg.Webhooks = &w.endpoint
	w.App = app.New(w.cfg)
	w.owner, w.member = w.user("olga@example.com"), w.user("mark@example.com")
	w.workspace = w.addWorkspace("Acme", w.owner)
	w.join(w.workspace, w.member, memo.RoleMember)
	return w
}

// limitWork replaces the App by one with these limits.
func (w *world) limitWork(l app.WorkLimits) {
	w.cfg.Work = l
	w.App = app.New(w.cfg)
}

var theOperator = memo.Caller{Operator: true}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) user(email string) memo.User {
	w.t.Helper()
	u, err := w.AddUser(w.ctx, theOperator, email, "Test User", "")
	must(w.t, u, err)
	must(w.t, 0,
		w.store.Write(w.ctx, func(tx *store.Tx) error { return tx.SetPassword(w.ctx, u.ID, testenv.PasswordHash) }))
	return u
}

func (w *world) addWorkspace(name string, owner memo.User) memo.Workspace {
	w.t.Helper()
	ws, err := w.AddWorkspace(w.ctx, theOperator, name, memo.PlanPro, owner.ID)
	return must(w.t, ws, err)
}

func (w *world) join(ws memo.Workspace, u memo.User, role memo.Role) {
	w.t.Helper()
	_, err := w.AddMember(w.ctx, theOperator, ws.ID, u.ID, role)
	must(w.t, 0, err)
}

// as returns a member as a caller.
func (w *world) as(u memo.User) memo.Caller {
	w.t.Helper()
	m, err := w.store.Member(w.ctx, w.workspace.ID, u.ID)
	must(w.t, m, err)
	return memo.Caller{
		UserID: u.ID, WorkspaceID: w.workspace.ID, Role: m.Role, Plan: memo.PlanPro,
		ClientAddress: "192.0.2.1", UserAgent: "test",
	}
}

// key creates a key and returns it with its key object.
func (w *world) key(u memo.User, name string) (credential.Key, memo.KeyView) {
	w.t.Helper()
	k, err := w.CreateKey(w.ctx, w.as(u), app.KeyRequest{Name: name})
	must(w.t, k, err)
	key, ok := credential.ParseKey(k.Key)
	if !ok {
		w.t.Fatal("a created key does not parse")
	}
	return key, k.KeyView
}

// code authorises a key and returns "" or the code of the refusal.
func (w *world) code(k credential.Key) string {
	w.t.Helper()
	_, err := w.AuthoriseKey(w.ctx, k, app.Client{Address: "192.0.2.1"}, memo.PermissionREST)
	return codeOf(err)
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	e, ok := err.(*memo.Error)
	if !ok {
		return "unexpected: " + err.Error()
	}
	if e.Code == "" {
		return e.Error()
	}
	return e.Code
}

func (w *world) wantCode(desc string, k credential.Key, want string) {
	w.t.Helper()
	if got := w.code(k); got != want {
		w.t.Errorf("%s: got %q, want %q", desc, got, want)
	}
}

func wantKind(t *testing.T, desc string, err error, want memo.Kind) {
	t.Helper()
	if err == nil || memo.KindOf(err) != want {
		t.Errorf("%s: got %v, want kind %d", desc, err, want)
	}
}

func ExampleParseID() {
	fmt.Println(app.ParseID("0198A0B1-C2D3-7E4F-8A5B-6C7D8E9F0A1B"))
	_, ok := app.ParseID("urn:uuid:0198a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b")
	fmt.Println(ok)
	// Output:
	// 0198a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b true
	// false
}
