// Package store keeps everything in SQL, written once for SQLite and
// PostgreSQL. It holds no rule of who may do what: package app asks the rules
// and calls the store, within one transaction where it writes.
//
// On SQLite one connection writes beside a pool that reads; a write transaction
// is immediate, so two processes on one file take turns. An acknowledged commit
// is on the disk (synchronous=FULL): a power cut must not bring a revoked key
// back. On PostgreSQL transactions are READ COMMITTED, and what must not happen
// at the same time is serialised by updating the same row.
//
// An error on commit is an unknown outcome and is reported as such.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"memoai.tech/memo"
)

type dialect uint8

const (
	dialectSQLite dialect = iota
	dialectPostgres
)

// Store is an open database whose schema is the one this program knows.
type Store struct {
	reader // outside a transaction, each call sees the latest commit

	dialect dialect
	write   *sql.DB
	read    *prepared
	now     func() time.Time
	// commitTime bounds a commit; 0 does not.
	commitTime time.Duration

	pulse   *pulse   // nil on SQLite
	reserve *reserve // of an SQLite file that is served; nil otherwise
}

func newStore(d dialect, write, read *sql.DB, now func() time.Time) *Store {
	p := &prepared{db: read}
	return &Store{reader: reader{q: p, dialect: d}, dialect: d, write: write, read: p, now: now}
}

// Close closes the database.
func (s *Store) Close() error {
	s.read.close()
	return errors.Join(s.read.db.Close(), s.write.Close())
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return classify(s.q.QueryRowContext(ctx, `SELECT 1`).Scan(&one))
}

// Watch asks PostgreSQL all the time whether it answers, until ctx ends. While it
// does not, every call fails with KindUnavailable within two seconds. SQLite is a
// file.
func (s *Store) Watch(ctx context.Context, log *slog.Logger) {
	if s.pulse != nil {
		s.pulse.watch(ctx, log)
	}
}

// IsAway reports that PostgreSQL does not answer, or with nothing but errors, as
// far as Watch knows.
func (s *Store) IsAway() bool { return s.pulse != nil && s.pulse.down.Load() }

// IsSlow reports that PostgreSQL takes a quarter of a second and more for one
// question, as far as Watch knows.
func (s *Store) IsSlow() bool { return s.pulse != nil && s.pulse.slow.Load() }

// Now returns the store's clock, cut to what it keeps.
func (s *Store) Now() time.Time { return memo.Millis(s.now()) }

// uncancelled frees a read of a few rows by an index from being cancelled.
// For a context that can end, database/sql and the driver of SQLite start a
// goroutine each for every statement, which costs as much as such a read.
// PostgreSQL may be far away, so there the context stays.
func (s *Store) uncancelled(ctx context.Context) context.Context {
	if s.dialect == dialectPostgres {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// Tx is a write transaction. Now is fixed when it begins.
type Tx struct {
	reader
	Now   time.Time
	share int64 // bytes of the reserve that it may use
}

// Write runs f in a transaction and commits it, unless f returns an error. f may
// run twice, see [Tx.UseReserve].
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error {
	share, err := s.writeOnce(ctx, s.write, f)
	if s.reserve != nil && share > 0 && isFull(err) {
		return s.writeWithReserve(ctx, share, f)
	}
	return err
}

// writeOnce also returns how much of the reserve f asked for.
func (s *Store) writeOnce(ctx context.Context, db beginner, f func(*Tx) error) (share int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, classify(err)
	}
	defer tx.Rollback() // does nothing after the commit
	// The clock is read once the transaction has its turn: what it writes is
	// not older than what the one before it wrote.
	t := &Tx{reader: reader{q: tx, dialect: s.dialect}, Now: s.Now()}
	if err := f(t); err != nil {
		return t.share, classify(err)
	}
	if t.share == 0 {
		if err := s.reserve.take(); err != nil {
			return 0, err
		}
	}
	if s.commitTime > 0 {
		defer time.AfterFunc(s.commitTime, cancel).Stop()
	}
	if err := tx.Commit(); err != nil {
		return t.share, &memo.Error{
			Kind: memo.KindUnavailable, RetryAfter: time.Second, Err: err,
			Message: "The database did not confirm the change: it may or may not have happened. Look before you try again.",
		}
	}
	return t.share, nil
}

// exec runs a statement that must succeed.
func (r reader) exec(ctx context.Context, query string, args ...any) error {
	_, err := r.q.ExecContext(ctx, query, args...)
	return err
}

// reader holds the reads, which work within a transaction and outside one.
type reader struct {
	q       querier
	dialect dialect
}

// querier is a transaction, or the pool with its prepared statements.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// prepared keeps a prepared statement for every text it has seen. The texts
// are constants of this package and the combinations of list filters, so there
// are a few hundred at the most.
type prepared struct {
	db    *sql.DB
	stmts sync.Map // text → *sql.Stmt
}

func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := p.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := p.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if old, loaded := p.stmts.LoadOrStore(query, s); loaded {
		s.Close()
		return old.(*sql.Stmt), nil
	}
	return s, nil
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return p.db.QueryRowContext(ctx, query, args...) // carries the same error in its Row
	}
	return s.QueryRowContext(ctx, args...)
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.db.ExecContext(ctx, query, args...)
}

func (p *prepared) close() {
	p.stmts.Range(func(_, s any) bool { s.(*sql.Stmt).Close(); return true })
}

// classify turns what a database says when it is away, full or busy into
// KindUnavailable, so that callers hear 503 and not 500. Errors of the domain
// pass unchanged.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*memo.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "54")) {
		return &memo.Error{Kind: memo.KindInvalid, Message: "holds something that the database cannot keep: " + e.Message, Err: err}
	}
	if !isAway(err) {
		return err
	}
	return &memo.Error{
		Kind: memo.KindUnavailable, Message: "The database does not answer. Try again in a moment.",
		RetryAfter: 2 * time.Second, Err: err,
	}
}

func isAway(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT:
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true // whatever it says: its password may have been changed under us
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Classes: connection, resources, operator intervention, system error;
		// serialisation failures, deadlocks and locks that are held for long can be
		// tried again. A standby is read-only, and a transaction that stood still is ended.
		for _, class := range []string{"08", "53", "57", "58", "40", "25006", "25P03", "25P04", "55P03"} {
			if strings.HasPrefix(e.Code, class) {
				return true
			}
		}
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, broken := range []error{sql.ErrConnDone, driver.ErrBadConn, net.ErrClosed, io.ErrUnexpectedEOF, context.DeadlineExceeded, errSilent} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return pgconn.SafeToRetry(err)
}
