package store // the queue and the lock are not exported

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
)

// waitFor blocks until n callers wait for their turn.
func (t *writeQueue) waitFor(n int) {
	for {
		t.mu.Lock()
		waiting := len(t.urgent) + len(t.waiting)
		t.mu.Unlock()
		if waiting == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestUrgentWritersGoFirstThenInOrder(t *testing.T) {
	q := new(writeQueue)
	done, err := q.wait(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var all sync.WaitGroup
	queue := func(name string, urgent bool) {
		n := len(q.urgent) + len(q.waiting)
		all.Go(func() {
			done, err := q.wait(t.Context(), urgent)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			done()
		})
		q.waitFor(n + 1)
	}
	for i := range 3 {
		queue(fmt.Sprint("ordinary ", i), false)
	}
	queue("urgent 0", true)
	queue("urgent 1", true)
	ctx, cancel := context.WithCancel(t.Context())
	canceled := make(chan error)
	go func() { _, err := q.wait(ctx, false); canceled <- err }()
	q.waitFor(6)
	cancel()
	if err := <-canceled; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	done()
	all.Wait()
	if want := []string{"urgent 0", "urgent 1", "ordinary 0", "ordinary 1", "ordinary 2"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if done, err = q.wait(t.Context(), false); err != nil {
		t.Fatal("the queue is idle, but a caller cannot get the turn:", err)
	}
	done()
}

// TestCancelledCallerDoesNotLoseTheTurn cancels callers at about the moment at which
// they get the turn.
func TestCancelledCallerDoesNotLoseTheTurn(t *testing.T) {
	q := new(writeQueue)
	var all sync.WaitGroup
	held := 0 // guarded by the turn, which the race detector checks
	for i := range 200 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
			defer cancel()
			if done, err := q.wait(ctx, i%3 == 0); err == nil {
				held++
				time.Sleep(50 * time.Microsecond)
				done()
			}
		})
	}
	all.Wait()
	if q.busy || len(q.urgent)+len(q.waiting) > 0 {
		t.Errorf("after all have finished: busy %v, %d urgent and %d other callers wait", q.busy, len(q.urgent),
			len(q.waiting))
	}
}

// TestKeysAreAuthorisedWhileReadersAreBusy occupies every connection that reads data.
func TestKeysAreAuthorisedWhileReadersAreBusy(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		cfg.MaxConns = 8
		h := newHarness(t, cfg, 1)
		conns := 0
		switch p := h.dataPool.(type) {
		case *sqlitePool:
			conns = cap(p.slots)
		case *preparingPool:
			conns = p.db.Stats().MaxOpenConnections
		}
		for range conns {
			rows, err := h.dataReader.q.QueryContext(t.Context(), `SELECT 1`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := h.ImportedBy(ctx, workspace, keyID(0)); memo.KindOf(err) != memo.KindUnavailable {
			t.Fatalf("a read without a free connection: got %v, want unavailable", err)
		}
		for name, read := range map[string]func() error{
			"events":  func() error { _, err := h.Events(ctx, EventFilter{WorkspaceID: workspace}, 1); return err },
			"members": func() error { _, err := h.Members(ctx, workspace); return err },
			"keys":    func() error { _, err := h.KeyPage(ctx, KeyFilter{WorkspaceID: workspace}, nil, 1); return err },
		} {
			if err := read(); memo.KindOf(err) != memo.KindUnavailable {
				t.Errorf("reading %s uses the connections of authorisation: %v", name, err)
			}
		}
		if _, ok, err := h.ReadKeyState(t.Context(), h.keys[0].Hash()); err != nil || !ok {
			t.Errorf("the key cannot be authorised: %v, %v", ok, err)
		}
		if err := h.WriteUrgent(t.Context(), EndAccess, func(tx *Tx) error {
			_, err := tx.RevokeKey(t.Context(), keyID(0))
			return err
		}); err != nil {
			t.Errorf("the key cannot be revoked: %v", err)
		}
	})
}

// TestUrgentWritersOfAnotherProcessGoFirst writes in a loop while another Store on the same file,
// which stands for another process, revokes keys.
func TestUrgentWritersOfAnotherProcessGoFirst(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	h := newHarness(t, cfg, 20)
	other := mustOpen(t, cfg)
	stop, stopped := make(chan struct{}), make(chan int)
	written := func() (n int) {
		for ; ; n++ {
			select {
			case <-stop:
				return n
			default:
			}
			err := h.Write(t.Context(), func(tx *Tx) error {
				time.Sleep(5 * time.Millisecond)
				return tx.RenameUser(t.Context(), user, fmt.Sprint("Olga ", n))
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	go func() { stopped <- written() }()
	// A revocation may wait for one transaction that has already begun. The loop must not
	// begin another one before the revocation.
	for i := range 20 {
		release := other.urgentLock.acquireUrgent(t.Context())
		yielded := !lockFile(h.urgentLock.file, false)
		release()
		if !yielded {
			t.Fatal("an ordinary writer does not see the urgent one")
		}
		if err := revoke(other, i, urgently(EndAccess)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if <-stopped == 0 {
		t.Error("the loop did not write at all")
	}
}
