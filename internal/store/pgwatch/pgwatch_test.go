package pgwatch_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"memoai.tech/memo/internal/store/pgwatch"
	"memoai.tech/memo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestUnresponsiveServer: a server that accepts data and sends no reply ends nobody's wait, so the
// monitor does. Without it, this query would take a minute.
func TestUnresponsiveServer(t *testing.T) {
	pg := testenv.StartPostgres(t)
	proxy := startProxy(t, pg.Addr)
	cfg, m := watch(t, pg.URL(proxy.addr))
	conn := connect(t, cfg)
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), `SELECT pg_sleep(60)`)
		failed <- err
	}()
	proxy.unresponsive.Store(true)
	begun := time.Now()
	select {
	case err := <-failed:
		if err == nil {
			t.Error("the query succeeded")
		}
		t.Logf("noticed after %v", time.Since(begun))
	case <-time.After(30 * time.Second): // the machine may be busy; e2e measures the time
		t.Fatal("a query on an unresponsive server did not end")
	}
	testenv.Eventually(t, "the server is failing", m.IsFailing)
	if !m.IsSlow() {
		t.Error("an unresponsive server is not slow")
	}
	begun = time.Now()
	if _, err := pgx.ConnectConfig(t.Context(), cfg); err == nil || time.Since(begun) > cfg.ConnectTimeout {
		t.Errorf("a new connection to an unresponsive server: %v after %v", err, time.Since(begun))
	}
	proxy.unresponsive.Store(false)
	testenv.Eventually(t, "the server is available", func() bool { return !m.IsFailing() && !m.IsSlow() })
	connect(t, cfg)
}

// TestOpenConnectionsSurviveAnError: PostgreSQL refuses new connections, and serves open ones.
func TestOpenConnectionsSurviveAnError(t *testing.T) {
	pg := testenv.StartPostgres(t)
	cfg, m := watch(t, pg.URL(pg.Addr))
	conn := connect(t, cfg)
	execute := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	execute(`ALTER ROLE memo NOLOGIN`)
	execute(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	testenv.Eventually(t, "the server is failing", m.IsFailing)
	execute(`ALTER ROLE memo LOGIN`)
	testenv.Eventually(t, "the server is available", func() bool { return !m.IsFailing() })
	execute(`SELECT 1`)
}

// watch runs a monitor until the end of the test.
func watch(t *testing.T, url string) (*pgx.ConnConfig, *pgwatch.Monitor) {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnectTimeout = 2 * time.Second
	m := pgwatch.New(cfg)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { stop(); <-done })
	return cfg, m
}

func connect(t *testing.T, cfg *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// proxy passes data on to a server, and its replies back unless it is unresponsive.
type proxy struct {
	addr         string
	unresponsive atomic.Bool
}

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &proxy{addr: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			go func() { _, _ = io.Copy(upstream, client); upstream.Close() }()
			go func() { _, _ = io.Copy(p.to(client), upstream); client.Close() }()
		}
	}()
	return p
}

// to returns a writer that discards what is written while the proxy is unresponsive.
func (p *proxy) to(client io.Writer) io.Writer {
	return writerFunc(func(b []byte) (int, error) {
		if p.unresponsive.Load() {
			return len(b), nil
		}
		return client.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
