package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memoai.tech/memo"
)

func (h *harness) addWebhook(t *testing.T, id string) {
	t.Helper()
	if err := h.Write(t.Context(), func(tx *Tx) error {
		return tx.AddWebhook(t.Context(), memo.Webhook{
			ID: id, WorkspaceID: workspace, URL: "https://example.com", Secret: "whsec_", CreatedAt: tx.Now,
			Events: []memo.EventType{memo.EventTranscriptionCreated},
		}, "")
	}); err != nil {
		t.Fatal(err)
	}
}

// TestEventsCostOneStatement: without webhooks, the events of a transaction cost one statement more
// than the audit events, however many they are, and with webhooks two.
func TestEventsCostOneStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h, ctx := newHarness(t, cfg, 0), t.Context()
		const events = 64
		record := func() (statements int64) {
			var n atomic.Int64
			if err := h.Write(ctx, func(tx *Tx) error {
				tx.q = countingQuerier{tx.q, &n}
				for i := range events {
					if err := tx.Record(ctx, memo.AuditEvent{
						WorkspaceID: workspace, Action: memo.ActionImported, Subject: fmt.Sprint(i),
					}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return n.Load() - events
		}
		if n := record(); n != 1 {
			t.Errorf("without webhooks: %d statements more, want 1", n)
		}
		h.addWebhook(t, "a")
		h.addWebhook(t, "b")
		if n := record(); n != 2 {
			t.Errorf("with webhooks: %d statements more, want 2", n)
		}
		if all, err := h.Deliveries(ctx, "a", "", 100); err != nil || len(all) != events || all[0].Payload == all[1].Payload {
			t.Errorf("%d deliveries (%v), want %d", len(all), err, events)
		}
	})
}

// TestLeasesExclude: each webhook is leased to one caller, until the lease ends.
func TestLeasesExclude(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		var shift atomic.Int64
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		h, ctx := newHarness(t, cfg, 0), t.Context()
		const webhooks = 12
		for i := range webhooks {
			h.addWebhook(t, fmt.Sprint(i))
		}
		if err := h.Write(ctx, func(tx *Tx) error {
			tx.QueueEvent(workspace, memo.EventTranscriptionCreated, "x")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n := h.leaseAll(t, 4); n != webhooks {
			t.Errorf("%d leases, want %d", n, webhooks)
		}
		if n := h.leaseAll(t, 1); n != 0 {
			t.Errorf("%d leases while others hold them", n)
		}
		shift.Store(int64(2 * time.Minute))
		if n := h.leaseAll(t, 1); n != webhooks {
			t.Errorf("%d leases after the others ended, want %d", n, webhooks)
		}
	})
}

// leaseAll leases webhooks from several goroutines until there are no more, and returns the number.
func (h *harness) leaseAll(t *testing.T, callers int) int64 {
	t.Helper()
	var n atomic.Int64
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for none := 0; none < 3; {
				ids, err := h.LeaseWebhooks(context.Background(), 2, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if len(ids) == 0 {
					none++
				}
				n.Add(int64(len(ids)))
			}
		})
	}
	running.Wait()
	return n.Load()
}
