package app_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
)

// TestServerIsSetUpOnce: of several people who try at the same time, one succeeds and
// becomes OWNER.
func TestServerIsSetUpOnce(t *testing.T) {
	for name, cfg := range map[string]func(*testing.T) store.Config{
		"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} },
		"postgres": func(t *testing.T) store.Config { return store.Config{URL: testenv.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s, err := store.Open(ctx, cfg(t))
			must(t, s, err)
			defer s.Close()
			a := app.New(app.Config{Store: s, Limits: ratelimit.NewMemory(nil), Passwords: credential.NewPasswordHasher(4)})
			if up, err := a.IsSetUp(ctx); up || err != nil {
				t.Fatalf("a new server is set up: %v, %v", up, err)
			}
			problems, err := a.SetUp(ctx, app.SetupRequest{Email: "x", Password: "short"}, memo.PlanPro, app.Client{})
			var fields []string
			for _, p := range problems {
				fields = append(fields, p.Field)
			}
			if diff := cmp.Diff([]string{"email", "name", "password", "workspace"}, fields); diff != "" || err != nil {
				t.Errorf("fields with problems (%v): %s", err, diff)
			}
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					_, err := a.SetUp(ctx, app.SetupRequest{
						Email: string(rune('a'+i)) + "@example.com", Name: "First", Password: testenv.Password, Workspace: "Acme",
					}, memo.PlanPro, app.Client{Address: "192.0.2.1"})
					switch {
					case err == nil:
						won.Add(1)
					case memo.KindOf(err) == memo.KindUnavailable: // the wait for hashing was too long
					case codeOf(err) != "set_up":
						t.Error(err)
					}
				})
			}
			wg.Wait()
			users, err := a.Users(ctx, memo.Caller{Operator: true})
			workspaces, err2 := a.Workspaces(ctx, memo.Caller{Operator: true})
			if won.Load() != 1 || len(users) != 1 || len(workspaces) != 1 || err != nil || err2 != nil {
				t.Fatalf("%d succeeded, with %d users and %d workspaces; want one of each", won.Load(), len(users), len(workspaces))
			}
			memberships, err := a.Memberships(ctx, memo.Caller{UserID: users[0].ID})
			if err != nil || len(memberships) != 1 || memberships[0].Role != memo.RoleOwner ||
				memberships[0].Name != "Acme" {
				t.Errorf("the memberships are %+v (%v), want OWNER of Acme", memberships, err)
			}
		})
	}
}
