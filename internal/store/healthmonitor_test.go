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

// TestUnresponsiveHostIsSkipped: the URL names two hosts. The first accepts connections and does
// not answer, like a machine that hangs.
func TestUnresponsiveHostIsSkipped(t *testing.T) {
	pg := testenv.StartPostgres(t)
	unresponsive, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer unresponsive.Close()
	cfg := Config{URL: pg.URL(unresponsive.Addr().String() + "," + pg.Addr), StatementTimeout: 30 * time.Second}
	s := watched(t, cfg)
	// A failover: the second host stops for a while, which breaks all connections.
	pg.Stop()
	testenv.Eventually(t, "PostgreSQL is reported as unavailable", s.IsUnavailable)
	if err := s.Ping(t.Context()); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("a ping while PostgreSQL is stopped: got %v, want unavailable", err)
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "PostgreSQL is reported as available", func() bool { return !s.IsUnavailable() })
	testenv.Eventually(t, "PostgreSQL answers", func() bool { return s.Ping(t.Context()) == nil })
}

// TestRefusedConnectionCountsAsUnavailable: PostgreSQL refuses new connections, as it does after
// the password was changed.
func TestRefusedConnectionCountsAsUnavailable(t *testing.T) {
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
	do(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	testenv.Eventually(t, "PostgreSQL is reported as unavailable", s.IsUnavailable)
	if err := s.Ping(t.Context()); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("a ping while PostgreSQL refuses connections: got %v, want unavailable", err)
	}
	do(`ALTER ROLE memo LOGIN`)
	testenv.Eventually(t, "PostgreSQL is reported as available", func() bool { return !s.IsUnavailable() })
	testenv.Eventually(t, "PostgreSQL answers", func() bool { return s.Ping(t.Context()) == nil })
}

// TestCommitHasATimeout: PostgreSQL waits for a standby that does not confirm.
func TestCommitHasATimeout(t *testing.T) {
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
	testenv.Eventually(t, "a commit fails", func() bool { // PostgreSQL reloads its settings after a while
		err := s.Write(ctx, func(tx *Tx) error {
			return tx.AddWorkspace(ctx, memo.Workspace{ID: rand.Text(), Name: "Acme", Plan: memo.PlanPro, CreatedAt: tx.Now})
		})
		if err != nil && memo.KindOf(err) != memo.KindUnavailable {
			t.Error(err)
		}
		return err != nil
	})
	if ctx.Err() != nil {
		t.Error("the commit had no timeout of its own")
	}
}

// watched opens a database and runs its health monitor until the end of the test.
func watched(t *testing.T, cfg Config) *Store {
	s := mustOpen(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { stop(); <-done })
	return s
}
