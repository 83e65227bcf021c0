package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/zipstream"
)

// hotPath is an App on SQLite with a key and 500 transcriptions in ten projects.
type hotPath struct {
	*app.App
	key    credential.Key
	client app.Client
}

func newHotPath(tb testing.TB) hotPath {
	tb.Helper()
	ctx := tb.Context()
	s, err := store.Open(ctx, store.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	a := app.New(app.Config{
		Store: s, Limits: ratelimit.NewMemory(nil), Passwords: credential.NewPasswordHasher(1),
		Log: slog.New(slog.DiscardHandler),
	})
	u, err := a.AddUser(ctx, theOperator, "olga@example.com", "Olga", "")
	if err != nil {
		tb.Fatal(err)
	}
	w, err := a.AddWorkspace(ctx, theOperator, "Acme", memo.PlanPro, u.ID)
	if err != nil {
		tb.Fatal(err)
	}
	operator := memo.Caller{Operator: true, WorkspaceID: w.ID, UserID: u.ID}
	created, err := a.CreateKey(ctx, operator, app.KeyRequest{Name: "bench"})
	if err != nil {
		tb.Fatal(err)
	}
	var all []*store.Prepared
	for i := range 500 {
		d := &memo.Transcription{
			ListItem: memo.ListItem{
				Title: fmt.Sprint("Planning ", i), Status: memo.StatusCompleted, Language: "en",
				CreatedAt: time.UnixMilli(int64(i) * 1000), Summary: memo.Optional(strings.Repeat("A summary. ", 50)),
			},
			Project:  &memo.ProjectRef{Name: fmt.Sprint("Project ", i%10)},
			Segments: []memo.Segment{{Speaker: "Jordan", Text: "Good morning."}},
		}
		p, err := s.Prepare(store.NewTranscription{
			Doc: d, WorkspaceID: w.ID, Markdown: zipstream.Deflated{Data: []byte{}},
		})
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, p)
	}
	if err := s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.AddTranscriptions(ctx, all...)
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	key, _ := credential.ParseKey(created.Key)
	return hotPath{a, key, app.Client{Address: "192.0.2.1", UserAgent: "curl/8"}}
}

func (h hotPath) authorise(tb testing.TB) memo.Caller {
	c, err := h.AuthoriseKey(tb.Context(), h.key, h.client, memo.PermissionREST)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (h hotPath) list(tb testing.TB, c memo.Caller) {
	p, err := h.Transcriptions(tb.Context(), c, app.ListQuery{Status: memo.StatusCompleted, Limit: 20})
	if err != nil || len(p.Items) != 20 || p.Total != 500 || p.Items[0].Project == nil {
		tb.Fatalf("%d items of %d: %v", len(p.Items), p.Total, err)
	}
}

// BenchmarkAuthoriseKey measures the authorisation of a key, which every call needs:
//
//	go test ./internal/app -run '^$' -bench 'Authorise|List' -benchmem
//
// ./bench measures the CPU time of a request over a socket.
func BenchmarkAuthoriseKey(b *testing.B) {
	h := newHotPath(b)
	for b.Loop() {
		h.authorise(b)
	}
}

// BenchmarkAuthoriseApp is BenchmarkAuthoriseKey with the access token of a connected app.
func BenchmarkAuthoriseApp(b *testing.B) {
	h := newHotPath(b)
	caller := h.authorise(b)
	caller.KeyID, caller.Operator = "", true
	h.key = h.connect(b, caller)
	for b.Loop() {
		h.authorise(b)
	}
}

// connect connects an app and returns its access token.
func (h hotPath) connect(tb testing.TB, c memo.Caller) credential.Key {
	sum := sha256.Sum256([]byte("a verifier"))
	code, err := h.AllowApp(tb.Context(), c, app.Consent{
		Client: memo.Client{ID: "client", Name: "Client"}, Challenge: base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		tb.Fatal(err)
	}
	redemption := app.Redemption{Code: code, ClientID: "client", Verifier: "a verifier"}
	tokens, err := h.RedeemCode(tb.Context(), redemption, h.client)
	if err != nil {
		tb.Fatal(err)
	}
	return tokens.Access
}

// BenchmarkList measures a page of 20 items that is read from the database.
func BenchmarkList(b *testing.B) {
	h := newHotPath(b)
	c := h.authorise(b)
	for b.Loop() {
		h.list(b, c)
	}
}

// TestHotPathAllocations limits what the calls allocate that every client makes most. It is SQLite
// only, because the rest on PostgreSQL is up to its driver.
func TestHotPathAllocations(t *testing.T) {
	h := newHotPath(t)
	c := h.authorise(t)
	for _, call := range []struct {
		name string
		most float64
		run  func()
	}{
		{"an authorisation", 15, func() { h.authorise(t) }},
		{"a page of 20 items", 255, func() { h.list(t, c) }},
	} {
		if n := testing.AllocsPerRun(100, call.run); n > call.most {
			t.Errorf("%s allocates %v times, at most %v are expected", call.name, n, call.most)
		}
	}
}
