package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
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
	s := watched(t, store.Config{URL: pg.URL(unresponsive.Addr().String() + "," + pg.Addr), Serving: true})
	// A failover: the second host stops for a while, which breaks all connections.
	pg.Stop()
	wantUnavailable(t, s)
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	wantAvailable(t, s)
}

// TestRefusedConnectionCountsAsUnavailable: PostgreSQL refuses new connections, as it does after
// the password was changed.
func TestRefusedConnectionCountsAsUnavailable(t *testing.T) {
	pg := testenv.StartPostgres(t)
	s := watched(t, store.Config{URL: pg.URL(pg.Addr)})
	execute := openAdmin(t, pg)
	execute(`ALTER ROLE memo NOLOGIN`)
	execute(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	wantUnavailable(t, s)
	execute(`ALTER ROLE memo LOGIN`)
	wantAvailable(t, s)
}

// TestCommitHasATimeout: PostgreSQL waits for a standby that does not confirm.
func TestCommitHasATimeout(t *testing.T) {
	pg := testenv.StartPostgres(t)
	s := open(t, store.Config{URL: pg.URL(pg.Addr), Serving: true})
	execute := openAdmin(t, pg)
	execute(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
	execute(`SELECT pg_reload_conf()`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	testenv.Eventually(t, "a commit fails", func() bool { // PostgreSQL reloads its settings after a while
		err := s.Write(ctx, func(tx *store.Tx) error {
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

func open(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// watched opens a database and runs its monitor until the end of the test.
func watched(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s := open(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { stop(); <-done })
	return s
}

func wantUnavailable(t *testing.T, s *store.Store) {
	t.Helper()
	testenv.Eventually(t, "PostgreSQL is reported as unavailable", s.IsUnavailable)
	if err := s.Ping(t.Context()); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("a ping while PostgreSQL is unavailable: got %v, want unavailable", err)
	}
}

func wantAvailable(t *testing.T, s *store.Store) {
	t.Helper()
	testenv.Eventually(t, "PostgreSQL is reported as available", func() bool { return !s.IsUnavailable() })
	testenv.Eventually(t, "PostgreSQL answers", func() bool { return s.Ping(t.Context()) == nil })
}

// openAdmin opens a connection that the monitor does not know, and returns a function that
// executes statements on it.
func openAdmin(t *testing.T, pg *testenv.PostgresServer) (execute func(statement string)) {
	t.Helper()
	db, err := sql.Open("pgx", pg.URL(pg.Addr))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
}
