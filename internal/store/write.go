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

// purpose says how a transaction is treated while others wait to write, and when
// the disk is full.
type purpose struct {
	urgent bool  // it goes before those that are not
	share  int64 // bytes of the reserve that it may use
}

// Write runs f in a transaction and commits it, unless f returns an error.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error {
	return s.writeFor(ctx, purpose{}, f)
}

// WriteUrgent is Write for what takes access away from others, and for nothing
// else. It goes before every other transaction that waits, and succeeds on a full
// disk, for which f runs once more.
func (s *Store) WriteUrgent(ctx context.Context, f func(*Tx) error) error {
	return s.writeFor(ctx, purpose{urgent: true, share: reserveSize}, f)
}

// WriteOwnEnd is WriteUrgent for users who end their own access, by signing out
// or revoking a key of theirs. They get a quarter of the room that is reserved on
// a full disk: what one user does in a loop must leave enough for the others.
func (s *Store) WriteOwnEnd(ctx context.Context, f func(*Tx) error) error {
	return s.writeFor(ctx, purpose{urgent: true, share: reserveSize / 4}, f)
}

// WriteSignIn is WriteUrgent for signing in, without which nobody can take access
// away. On a full disk it gets half of the reserved room.
func (s *Store) WriteSignIn(ctx context.Context, f func(*Tx) error) error {
	return s.writeFor(ctx, purpose{urgent: true, share: reserveSize / 2}, f)
}

func (s *Store) writeFor(ctx context.Context, p purpose, f func(*Tx) error) error {
	done, err := s.turn(ctx, p.urgent)
	if err != nil {
		return classify(err)
	}
	defer done()
	db := s.write
	if s.dialect == dialectPostgres && p.urgent {
		db = s.access.db
	}
	err = s.writeOnce(ctx, db, p.share, f)
	if s.reserve != nil && p.share > 0 && isFull(err) {
		return s.writeWithReserve(ctx, p.share, f)
	}
	return err
}

// turn waits until this transaction may write. PostgreSQL orders writers itself.
func (s *Store) turn(ctx context.Context, urgent bool) (done func(), err error) {
	if s.turns == nil {
		return func() {}, nil
	}
	next, err := s.turns.take(ctx, urgent)
	if err != nil {
		return nil, err
	}
	if !urgent {
		s.priority.yield(ctx)
		return next, nil
	}
	release := s.priority.claim(ctx)
	return func() { release(); next() }, nil
}

// beginner is the database, or its one connection that writes.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// writeOnce runs f in a transaction and commits it. Without a share of the reserve
// it commits nothing while the reserve is not whole.
func (s *Store) writeOnce(ctx context.Context, db beginner, share int64, f func(*Tx) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	defer tx.Rollback() // does nothing after the commit
	// The clock is read once the transaction has its turn: what it writes is
	// not older than what the one before it wrote.
	t := &Tx{reader: reader{q: direct{tx}, dialect: s.dialect}, Now: s.Now()}
	if err := f(t); err != nil {
		return classify(err)
	}
	if share == 0 {
		if err := s.reserve.take(); err != nil {
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
	s.wal.committed()
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
