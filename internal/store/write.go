package store

import (
	"context"
	"database/sql"
	"time"

	"memoai.tech/memo"
)

// Tx is a write transaction. Now is the time at which it began.
type Tx struct {
	reader
	Now time.Time

	session string               // the id of the session that LockSession has locked, or empty
	counts  map[countGroup]int64 // changes, see addToCounts
	events  []webhookEvent       // see QueueEvent
}

// Purpose is why a transaction is urgent. Its value is the share of the disk reserve, in bytes,
// that the transaction may use when the disk is full.
type Purpose int64

const (
	// EndAccess is to end the access of other users. It may use the whole disk reserve.
	EndAccess Purpose = reserveSize
	// SignIn is to sign in, because an OWNER must be signed in to end access.
	SignIn Purpose = reserveSize / 2
	// EndOwnAccess is for users who end only their own access. A user who does this in a loop
	// leaves enough of the disk reserve for others.
	EndOwnAccess Purpose = reserveSize / 4

	notUrgent Purpose = 0
)

// Write runs f in a transaction, and commits it unless f returns an error. If the commit fails,
// Write returns KindUnavailable, and the changes may or may not have been made.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error {
	return s.writeFor(ctx, notUrgent, f)
}

// WriteUrgent is Write for transactions that have one of the purposes, and only for those. They go
// before all other waiting transactions. On a full disk f runs a second time, with the disk
// reserve.
func (s *Store) WriteUrgent(ctx context.Context, p Purpose, f func(*Tx) error) error {
	return s.writeFor(ctx, p, f)
}

func (s *Store) writeFor(ctx context.Context, p Purpose, f func(*Tx) error) error {
	urgent := p != notUrgent
	if s.statements != nil {
		s.statements.Writes.Add(1)
	}
	done, err := s.waitForTurn(ctx, urgent)
	if err != nil {
		return classifyError(err)
	}
	defer done()
	db := s.write
	if urgent {
		db = s.urgent
	}
	err = s.writeOnce(ctx, db, p, f)
	if s.diskReserve != nil && urgent && isDiskFull(err) {
		return s.writeWithReserve(ctx, p, f)
	}
	return err
}

// waitForTurn waits until this transaction may write. The caller must call done to end
// its turn. On PostgreSQL it does not wait, because row locks order the writers.
func (s *Store) waitForTurn(ctx context.Context, urgent bool) (done func(), err error) {
	if s.turns == nil {
		return func() {}, nil
	}
	endTurn, err := s.turns.wait(ctx, urgent)
	if err != nil {
		return nil, err
	}
	if !urgent {
		s.urgentLock.waitForUrgent(ctx)
		return endTurn, nil
	}
	release := s.urgentLock.acquireUrgent(ctx)
	return func() { release(); endTurn() }, nil
}

// txBeginner is a *sql.DB, or one connection of it.
type txBeginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// writeOnce runs f in a transaction and commits it. If it is not urgent, it first refills
// the disk reserve, and fails without a commit if there is too little space for that.
func (s *Store) writeOnce(ctx context.Context, db txBeginner, p Purpose, f func(*Tx) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return classifyError(err)
	}
	defer tx.Rollback() // does nothing after the commit
	// The clock is read after BeginTx, so that on SQLite the times that this transaction
	// writes are not before those of the previous one.
	t := &Tx{reader: reader{q: s.txQuerier(tx), dialect: s.dialect}, Now: s.Now()}
	err = f(t)
	if err == nil {
		err = t.writeCounts(ctx)
	}
	if err == nil {
		err = t.writeDeliveries(ctx)
	}
	if err != nil {
		return classifyError(err)
	}
	if p == notUrgent {
		if err := s.diskReserve.refill(); err != nil {
			return err
		}
	}
	if s.serving {
		defer time.AfterFunc(commitTimeout, cancel).Stop()
	}
	if err := tx.Commit(); err != nil {
		return &memo.Error{
			Kind: memo.KindUnavailable, RetryAfter: time.Second, Err: err,
			Message: "The database did not confirm the change: it may or may not have happened. " +
				"Check before you try again.",
		}
	}
	s.wal.noteCommit()
	return nil
}

// forUpdate returns the end of a SELECT that locks its rows until the transaction ends. Other
// transactions that lock or change these rows wait. Those that only refer to them do not: FOR UPDATE
// would make every insertion of a row with a foreign key to them wait as well. On SQLite only one
// transaction writes at a time, so the SELECT is enough.
func (t *Tx) forUpdate() string {
	if t.dialect == dialectPostgres {
		return " FOR NO KEY UPDATE"
	}
	return ""
}

// lock locks the rows of a SELECT of ids, see forUpdate. It returns false if there are none.
func (t *Tx) lock(ctx context.Context, query string, args ...any) (bool, error) {
	ids, err := queryAll(ctx, t.q, scanID, query+t.forUpdate(), args...)
	return len(ids) > 0, err
}

// skipLocked returns the end of a SELECT of rows that the transaction changes. On
// PostgreSQL the SELECT then leaves out rows that another transaction has locked:
// replicas do the same background work, and a transaction that does not wait for rows
// cannot cause a deadlock.
func (t *Tx) skipLocked() string {
	if t.dialect == dialectPostgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}
