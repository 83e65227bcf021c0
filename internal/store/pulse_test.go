package store

import (
	"context"
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
	s := mustOpen(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.Watch(ctx, slog.New(slog.DiscardHandler))
	}()
	defer func() { stop(); <-watched }()
	until := func(what string, f func() bool) {
		t.Helper()
		for late := time.Now().Add(30 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("never: %s", what)
			}
		}
	}
	// A failover: the second is gone for a while, with all that was connected.
	pg.Stop()
	until("it is away", s.IsAway)
	if err := s.Ping(ctx); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("while it is away: %v", err)
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	until("it is back", func() bool { return !s.IsAway() })
	until("it answers", func() bool { return s.Ping(ctx) == nil })
}
