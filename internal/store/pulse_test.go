package store

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testenv"
)

// TestASilentHostIsPassedOver: the URL names two, and the first takes connections
// and says nothing, as a machine that hangs.
func TestASilentHostIsPassedOver(t *testing.T) {
	pg := testenv.StartPostgres(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cfg := Config{URL: pg.URL(silent.Addr().String() + "," + pg.Addr), StatementTimeout: 30 * time.Second}
	s := watched(t, cfg)
	// A failover: the second is gone for a while, with all that was connected.
	pg.Stop()
	testenv.Eventually(t, "it is away", s.IsUnavailable)
	if err := s.Ping(t.Context()); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("while it is away: %v", err)
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "it is back", func() bool { return !s.IsUnavailable() })
	testenv.Eventually(t, "it answers", func() bool { return s.Ping(t.Context()) == nil })
}

// TestARefusalIsNoAnswer: PostgreSQL lets us in no more, as after its password
// was changed.
func TestARefusalIsNoAnswer(t *testing.T) {
	pg := testenv.StartPostgres(t)
	s := watched(t, Config{URL: pg.URL(pg.Addr)})
	admin, err := s.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	do := func(statement string) {
		t.Helper()
		if _, err := admin.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do(`ALTER ROLE memo NOLOGIN`)
	do(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	testenv.Eventually(t, "it is away", s.IsUnavailable)
	if err := s.Ping(t.Context()); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("while it refuses: %v", err)
	}
	do(`ALTER ROLE memo LOGIN`)
	testenv.Eventually(t, "it is back", func() bool { return !s.IsUnavailable() })
	testenv.Eventually(t, "it answers", func() bool { return s.Ping(t.Context()) == nil })
}

// TestACommitIsBound: PostgreSQL waits for a standby that does not confirm.
func TestACommitIsBound(t *testing.T) {
	pg := testenv.StartPostgres(t)
	s := mustOpen(t, Config{URL: pg.URL(pg.Addr), StatementTimeout: 30 * time.Second})
	for _, statement := range []string{
		`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`,
		`SELECT pg_reload_conf()`,
	} {
		if _, err := s.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	testenv.Eventually(t, "a commit is not confirmed", func() bool { // the server reads its settings when it gets to it
		err := s.Write(ctx, func(tx *Tx) error {
			return tx.AddWorkspace(ctx, memo.Workspace{ID: rand.Text(), Name: "Acme", Plan: memo.PlanPro, CreatedAt: tx.Now})
		})
		if err != nil && memo.KindOf(err) != memo.KindUnavailable {
			t.Error(err)
		}
		return err != nil
	})
	if ctx.Err() != nil {
		t.Error("it was not bound")
	}
}

// watched opens a database and watches it until the end of the test.
func watched(t *testing.T, cfg Config) *Store {
	s := mustOpen(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.Watch(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { stop(); <-over })
	return s
}
