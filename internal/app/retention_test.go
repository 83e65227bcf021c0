package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// replica is a server that prunes the database of a world.
type replica struct {
	*app.Pruning
	log bytes.Buffer
}

// prune runs the job once.
func (p *replica) prune(ctx context.Context) error {
	for {
		if more, err := app.PruneStep(ctx, p.Pruning); !more || err != nil {
			return err
		}
	}
}

func (w *world) replica(r app.Retention) *replica {
	p := &replica{}
	log := slog.New(slog.NewTextHandler(&p.log, nil))
	p.Pruning = app.NewPruning(app.New(app.Config{Store: w.store, Log: log, Retention: r}))
	return p
}

// addOld adds n events, n hours of usage of a key and n sessions that have an age.
func (w *world) addOld(keyID string, age time.Duration, n int) {
	w.t.Helper()
	at := w.clock.read().Add(-age)
	must(w.t, 0, w.store.Write(w.ctx, func(tx *store.Tx) error {
		hours := map[int64]memo.Calls{}
		for i := range n {
			hours[store.Hour(at)-int64(i)] = memo.Calls{Requests: 1}
			e := memo.AuditEvent{WorkspaceID: memo.Optional(w.workspace.ID), Action: memo.ActionKeyChanged, At: at}
			if err := tx.Record(w.ctx, e); err != nil {
				return err
			}
			_, hash := credential.NewToken()
			s := memo.Session{ID: app.NewID(), UserID: w.owner.ID, CreatedAt: at, LastUsedAt: at, ExpiresAt: at}
			if err := tx.AddSession(w.ctx, s, hash); err != nil {
				return err
			}
		}
		return tx.RecordUsage(w.ctx, []store.KeyUsage{{KeyID: keyID, Hours: hours}})
	}))
}

// left deletes all that addOld has added and is still there, and returns the numbers of events,
// hours of usage and sessions.
func (w *world) left() (n [3]int64) {
	w.t.Helper()
	must(w.t, 0, w.store.Write(w.ctx, func(tx *store.Tx) (err error) {
		for i, f := range []func(*store.Tx, context.Context, time.Time, int64) (int64, error){
			(*store.Tx).DeleteEvents, (*store.Tx).DeleteUsage, (*store.Tx).DeleteSessions,
		} {
			if n[i], err = f(tx, w.ctx, w.clock.read(), 10_000); err != nil {
				return err
			}
		}
		return nil
	}))
	return n
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func TestRowsAreDeletedAfterTheirRetention(t *testing.T) {
	const many = app.PruneBatch + 3
	for name, row := range map[string]struct {
		retention app.Retention
		age       time.Duration // of the old rows
		n         int           // number of old rows of each kind
		left      [3]int64      // events, usage and sessions
		log       string
	}{
		"events": {
			app.Retention{Audit: days(400), Usage: app.Forever},
			days(400) + 1e6, many,
			[3]int64{0, many, 0},
			fmt.Sprintf(`msg="deleted what is older than its retention" events=%d usage=0 sessions=%d`, many, many),
		},
		"usage": {
			app.Retention{Audit: app.Forever, Usage: days(90)},
			days(90) + time.Hour, many,
			[3]int64{many, 0, 0},
			fmt.Sprintf("usage=%d sessions=%d", many, many),
		},
		"everything": {
			app.Retention{Audit: days(1), Usage: days(1)},
			days(31), 3,
			[3]int64{0, 0, 0},
			"events=3 usage=3 sessions=3",
		},
		"forever": {app.Retention{}, days(30_000), 3, [3]int64{3, 3, 0}, "sessions=3"},
		"events as old as the retention": {
			app.Retention{Audit: days(30), Usage: days(30)},
			days(30), many,
			[3]int64{many, 1, many},
			fmt.Sprintf("events=0 usage=%d sessions=0", many-1), // the usage of earlier hours
		},
		"nothing": {app.Retention{Audit: days(400), Usage: days(90)}, days(29), 1, [3]int64{1, 1, 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world) {
				_, key := w.key(w.member, "n8n")
				w.clock.add(time.Millisecond)
				w.left() // deletes what the world has recorded
				w.addOld(key.ID, row.age, row.n)
				p := w.replica(row.retention)
				must(t, 0, p.prune(w.ctx))
				if got := w.left(); got != row.left {
					t.Errorf("%v rows are left, want %v", got, row.left)
				}
				if log := p.log.String(); !strings.Contains(log, row.log) || strings.Count(log, "\n") != min(1, len(row.log)) {
					t.Errorf("the log is %q, want one line with %q", log, row.log)
				}
				if _, err := w.store.Key(w.ctx, key.ID, w.clock.read()); err != nil {
					t.Errorf("the key is gone: %v", err)
				}
			})
		})
	}
}

// TestSessionsAreDeletedAfterTheirEnd: a session that was revoked before its expiry is deleted
// thirty days after that.
func TestSessionsAreDeletedAfterTheirEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		revoked := w.signedIn(w.member)
		must(t, 0, w.RevokeSession(w.ctx, revoked, revoked.SessionID))
		w.signIn(w.member, "")
		for _, step := range []struct {
			wait time.Duration
			want string
		}{
			{app.SessionRetention, ""},
			{time.Hour, "sessions=1"}, // the revoked one
			{memo.SessionLifetime - time.Hour, ""},
			{time.Hour, "sessions=1"}, // the one that expired
		} {
			w.clock.add(step.wait)
			p := w.replica(app.Retention{})
			must(t, 0, p.prune(w.ctx))
			if !strings.Contains(p.log.String(), step.want) || step.want == "" && p.log.Len() > 0 {
				t.Errorf("after %v: the log is %q, want %q", step.wait, p.log.String(), step.want)
			}
		}
	})
}

// TestReplicasPruneTogether: what several replicas delete at the same time is deleted once, and
// one that is stopped in between leaves the rest to the next.
func TestReplicasPruneTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, key := w.key(w.member, "n8n")
		w.addOld(key.ID, days(50), 5*app.PruneBatch)
		r := app.Retention{Audit: days(40), Usage: days(40)}
		if more, err := app.PruneStep(w.ctx, w.replica(r).Pruning); !more || err != nil {
			t.Fatalf("a step of many deletes everything (%v)", err)
		}
		var replicas sync.WaitGroup
		for range 3 {
			replicas.Go(func() {
				if err := w.replica(r).prune(w.ctx); err != nil {
					t.Errorf("a replica failed: %v", err)
				}
			})
		}
		replicas.Wait()
		must(t, 0, w.replica(r).prune(w.ctx)) // the others may have skipped rows that were locked
		if got := w.left(); got != [3]int64{} {
			t.Errorf("%v rows are left, want none", got)
		}
	})
}
