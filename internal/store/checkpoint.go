package store

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// walCheckpointer makes checkpoints: it copies commits from the WAL into the database file. By
// default, SQLite does this at the end of the commit that makes the WAL too long, so a revocation
// could wait for 100 MB of another user's import. While a server uses the database, a separate
// connection does it in the background, without blocking writers.
type walCheckpointer struct {
	db    *sql.DB // one connection
	dirty atomic.Bool
	// checkpointing is locked during a checkpoint, and by a transaction that runs with the
	// disk reserve, because a checkpoint could use up that space.
	checkpointing sync.Mutex
	// autoCheckpointPages is the length of the WAL at which a commit makes a checkpoint
	// itself. In a server this happens only if the background checkpoints fall behind. It is
	// guarded by the turn to write.
	autoCheckpointPages int
}

const (
	checkpointEvery       = time.Second
	autoCheckpointDefault = 1_000  // pages: the default of SQLite
	autoCheckpointServer  = 16_384 // pages: 64 MB
)

// noteCommit records that a commit must be copied.
func (w *walCheckpointer) noteCommit() {
	if w != nil {
		w.dirty.Store(true)
	}
}

// runCheckpoints makes a checkpoint every second until ctx ends.
func (s *Store) runCheckpoints(ctx context.Context, log *slog.Logger) {
	if s.wal == nil || s.setAutoCheckpoint(ctx, autoCheckpointServer) != nil {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = s.setAutoCheckpoint(context.WithoutCancel(ctx), autoCheckpointDefault)
			return
		case <-tick.C:
		}
		if err := s.checkpoint(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "WAL checkpoint failed", "error", err)
		}
	}
}

// checkpoint copies what it can without blocking readers or writers. It does nothing while the
// disk reserve is not full, because all free space is then needed for ending access.
func (s *Store) checkpoint(ctx context.Context) error {
	w := s.wal
	if !w.dirty.Load() || s.diskReserve != nil && !s.diskReserve.isFull() {
		return nil
	}
	w.checkpointing.Lock()
	defer w.checkpointing.Unlock()
	w.dirty.Store(false)
	var busy, all, copied int
	return w.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &all, &copied)
}

// setAutoCheckpoint sets the length of the WAL at which a commit makes a checkpoint itself.
func (s *Store) setAutoCheckpoint(ctx context.Context, pages int) error {
	done, err := s.turns.wait(ctx, false)
	if err != nil {
		return err
	}
	defer done()
	s.wal.autoCheckpointPages = pages
	_, err = s.write.ExecContext(ctx, pragmaAutoCheckpoint(pages))
	return err
}
