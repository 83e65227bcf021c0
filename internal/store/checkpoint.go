package store

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// walCheckpointer copies commits from the WAL into the database file. SQLite does that at the
// end of whichever commit finds the WAL too long, which would make a revocation
// wait for the 100 MB of somebody's import. While the database is served, another
// connection does it in the background, and does not block writers.
type walCheckpointer struct {
	db    *sql.DB // one connection
	dirty atomic.Bool
	// checkpointing is held for the time of a checkpoint, and by a transaction that
	// needs the room which a checkpoint would take (see reserve).
	checkpointing sync.Mutex
	// autoCheckpointPages is the length of the WAL at which the writer itself copies, because
	// the background is too slow. Only who has the turn to write reads or sets it.
	autoCheckpointPages int
}

const (
	checkpointEvery  = time.Second
	checkpointAlways = 1_000  // pages: SQLite's own default
	checkpointServed = 16_384 // pages: 64 MB
)

// noteCommit notes that there is something to copy.
func (w *walCheckpointer) noteCommit() {
	if w != nil {
		w.dirty.Store(true)
	}
}

// checkpoints copies until ctx ends.
func (s *Store) checkpoints(ctx context.Context, log *slog.Logger) {
	if s.wal == nil || s.setCheckpoint(ctx, checkpointServed) != nil {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = s.setCheckpoint(context.WithoutCancel(ctx), checkpointAlways)
			return
		case <-tick.C:
		}
		if err := s.checkpoint(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "commits could not be copied from the WAL into the database", "error", err)
		}
	}
}

// checkpoint copies what it can without making anybody wait. On a full disk the
// room is for taking access away, so nothing is copied then.
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

// setCheckpoint says after how many pages the writer copies.
func (s *Store) setCheckpoint(ctx context.Context, pages int) error {
	done, err := s.turns.wait(ctx, false)
	if err != nil {
		return err
	}
	defer done()
	s.wal.autoCheckpointPages = pages
	_, err = s.write.ExecContext(ctx, pragmaCheckpoint(pages))
	return err
}
