package app_test

import (
	"log/slog"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// BenchmarkAuthoriseKey measures the authorisation of a key, which every call needs:
//
//	go test ./internal/app -run '^$' -bench AuthoriseKey -benchmem
//
// ./bench measures the CPU time of a request over a socket.
func BenchmarkAuthoriseKey(b *testing.B) {
	ctx := b.Context()
	s, err := store.Open(ctx, store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	a := app.New(app.Config{
		Store: s, Limits: ratelimit.NewMemory(nil), Passwords: credential.NewPasswordHasher(1),
		Log: slog.New(slog.DiscardHandler),
	})
	u, err := a.AddUser(ctx, theOperator, "olga@example.com", "Olga", "")
	if err != nil {
		b.Fatal(err)
	}
	w, err := a.AddWorkspace(ctx, theOperator, "Acme", memo.PlanPro, u.ID)
	if err != nil {
		b.Fatal(err)
	}
	operator := memo.Caller{Operator: true, WorkspaceID: w.ID, UserID: u.ID}
	created, err := a.CreateKey(ctx, operator, app.KeyRequest{Name: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	key, _ := credential.ParseKey(created.Key)
	for b.Loop() {
		if _, err := a.AuthoriseKey(ctx, key, app.Client{Address: "192.0.2.1", UserAgent: "curl/8"}); err != nil {
			b.Fatal(err)
		}
	}
}
