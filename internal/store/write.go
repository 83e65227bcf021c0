package store

import (
	"context"
	"database/sql"
	"time"

	"memoai.tech/memo"
)

// Tx is a write transaction. Now is fixed when it begins.
type Tx struct {
	reader
	Now time.Time
}

// writePriority says how a transaction is treated while others wait to write, and when
// the disk is full.
type writePriority struct {
	urgent bool  // it goes before those that are not
	share  int64 // bytes of the reserve that it may use
}

// Write runs f in a transaction and commits it, unless f returns an error.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error {
	return s.writeWith(ctx, writePriority{}, f)
}

// WriteUrgent is Write for what takes access away from others, and for nothing
// else. It goes before every other transaction that waits, and succeeds on a full
// disk, for which f runs once more.
func (s *Store) WriteUrgent(ctx context.Context, f func(*Tx) error) error {
	return s.writeWith(ctx, writePriority{urgent: true, share: reserveSize}, f)
}

// WriteOwnRevocation is WriteUrgent for users who end their own access, by signing out
// or revoking a key of theirs. They get a quarter of the room that is reserved on
// a full disk: what one user does in a loop must leave enough for the others.
func (s *Store) WriteOwnRevocation(ctx context.Context, f func(*Tx) error) error {
	return s.writeWith(ctx, writePriority{urgent: true, share: reserveSize / 4}, f)
}

// WriteSignIn is WriteUrgent for signing in, without which nobody can take access
// away. On a full disk it gets half of the reserved room.
func (s *Store) WriteSignIn(ctx context.Context, f func(*Tx) error) error {
	return s.writeWith(ctx, writePriority{urgent: true, share: reserveSize / 2}, f)
}

func (s *Store) writeWith(ctx context.Context, p writePriority, f func(*Tx) error) error {
	done, err := s.waitForTurn(ctx, p.urgent)
	if err != nil {
		return classifyError(err)
	}
	defer done()
	db := s.write
	if s.dialect == dialectPostgres && p.urgent {
		db = s.authPool.db
	}
	err = s.writeOnce(ctx, db, p.share, f)
	if s.diskReserve != nil && p.share > 0 && isDiskFull(err) {
		return s.writeWithReserve(ctx, p.share, f)
	}
	return err
}

// waitForTurn waits until this transaction may write. PostgreSQL orders writers itself.
func (s *Store) waitForTurn(ctx context.Context, urgent bool) (done func(), err error) {
	if s.turns == nil {
		return func() {}, nil
	}
	next, err := s.turns.wait(ctx, urgent)
	if err != nil {
		return nil, err
	}
	if !urgent {
		s.priority.waitForUrgent(ctx)
		return next, nil
	}
	release := s.priority.acquireUrgent(ctx)
	return func() { release(); next() }, nil
}

// txBeginner is the database, or its one connection that writes.
type txBeginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// writeOnce runs f in a transaction and commits it. Without a share of the reserve
// it commits nothing while the reserve is not whole.
func (s *Store) writeOnce(ctx context.Context, db txBeginner, share int64, f func(*Tx) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return classifyError(err)
	}
	defer tx.Rollback() // does nothing after the commit
	// The clock is read once the transaction has its turn: what it writes is
	// not older than what the one before it wrote.
	t := &Tx{reader: reader{q: plainQuerier{tx}, dialect: s.dialect}, Now: s.Now()}
	if err := f(t); err != nil {
		return classifyError(err)
	}
	if share == 0 {
		if err := s.diskReserve.refill(); err != nil {
			return err
		}
	}
	if s.commitTime > 0 {
		defer time.AfterFunc(s.commitTime, cancel).Stop()
	}
	if err := tx.Commit(); err != nil {
		return &memo.Error{
			Kind: memo.KindUnavailable, RetryAfter: time.Second, Err: err,
			Message: "The database did not confirm the change: it may or may not have happened. " +
				"Look before you try again.",
		}
	}
	s.wal.noteCommit()
	return nil
}

// skipLocked ends a SELECT of rows that the transaction changes. On PostgreSQL it
// leaves out those that another transaction has locked: several servers may do the
// same work, and one that waits for no row cannot be part of a deadlock.
func (t *Tx) skipLocked() string {
	if t.dialect == dialectPostgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}
