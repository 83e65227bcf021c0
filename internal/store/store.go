// Package store keeps everything in SQL, written once for SQLite and
// PostgreSQL. It holds no rule of who may do what: package app asks the rules
// and calls the store, within one transaction where it writes.
//
// On SQLite one connection writes next to a pool that reads; a write transaction
// is immediate, so two processes on one file take turns. An acknowledged commit
// is on the disk (synchronous=FULL): a power cut must not bring a revoked key
// back. On PostgreSQL transactions are READ COMMITTED, and what must not happen
// at the same time is serialised by updating the same row.
//
// On both, authorisation has its own connections, and a transaction that takes
// access away goes before all others ([Store.WriteUrgent]).
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
	// Outside a transaction, each call sees the latest commit. Authorisation and
	// what manages access read over connections of their own, so that no search
	// or export of anybody can make a revocation wait.
	reader

	authPool   *pool // of the embedded reader
	dataReader reader
	dataPool   *pool // of data
	write      *sql.DB
	now        func() time.Time
	// commitTime bounds a commit on PostgreSQL; 0 does not.
	commitTime time.Duration

	health *healthMonitor // nil on SQLite

	// These are nil on PostgreSQL, and the last two also for the file of a backup.
	turns       *writeQueue
	wal         *walCheckpointer
	diskReserve *diskReserve
	priority    *writeLock // nil also where its file cannot be opened

	indexing Progress // Config.Indexing
}

func newStore(d dialect, write *sql.DB, access, read *pool, now func() time.Time) *Store {
	return &Store{
		reader: reader{q: access, dialect: d}, dataReader: reader{q: read, dialect: d},
		write: write, authPool: access, dataPool: read, now: now,
	}
}

// Close closes the database.
func (s *Store) Close() error {
	s.priority.close()
	err := errors.Join(s.authPool.close(), s.dataPool.close())
	if s.wal != nil {
		err = errors.Join(err, s.wal.db.Close(), s.write.Close())
	}
	return err
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return classifyError(s.q.QueryRowContext(s.quick(ctx), `SELECT 1`).Scan(&one))
}

// Watch looks after the database until ctx ends. It asks PostgreSQL all the time
// whether it answers: while it does not, every call fails with KindUnavailable
// within two seconds. On SQLite it copies commits from the WAL into the database.
func (s *Store) Watch(ctx context.Context, log *slog.Logger) {
	if s.health != nil {
		s.health.run(ctx, log)
		return
	}
	s.checkpoints(ctx, log)
}

// IsUnavailable reports that PostgreSQL does not answer, or with nothing but errors, as
// far as Watch knows.
func (s *Store) IsUnavailable() bool { return s.health != nil && s.health.failing.Load() }

// IsSlow reports that PostgreSQL takes a quarter of a second and more for one
// question, as far as Watch knows.
func (s *Store) IsSlow() bool { return s.health != nil && s.health.slow.Load() }

// IsEmbedded reports that the database is SQLite.
func (s *Store) IsEmbedded() bool { return s.dialect == dialectSQLite }

// Now returns the store's clock, cut to milliseconds.
func (s *Store) Now() time.Time { return memo.TruncateToMillis(s.now()) }

// quick marks ctx for a read of a few rows by an index, which is not cancelled.
// PostgreSQL may be far away, so there the context stays as it is.
func (s *Store) quick(ctx context.Context) context.Context {
	if s.dialect == dialectPostgres {
		return ctx
	}
	return uncancelled{ctx}
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

// classifyError turns what a database says when it is away, full or busy into
// KindUnavailable, so that callers hear 503 and not 500. Errors of the domain
// pass unchanged.
func classifyError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*memo.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok &&
		(strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "54")) {
		return &memo.Error{
			Kind: memo.KindInvalid, Message: "holds something that the database cannot keep: " + e.Message,
			Err: err,
		}
	}
	if !isUnavailable(err) {
		return err
	}
	return &memo.Error{
		Kind: memo.KindUnavailable, Message: "The database does not answer. Try again in a moment.",
		RetryAfter: 2 * time.Second, Err: err,
	}
}

func isUnavailable(err error) bool {
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
	for _, broken := range []error{
		sql.ErrConnDone, driver.ErrBadConn, net.ErrClosed, io.ErrUnexpectedEOF,
		context.DeadlineExceeded, errUnresponsive,
	} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return pgconn.SafeToRetry(err)
}
