// Package store reads and writes the database: SQLite or PostgreSQL, with the same
// SQL wherever possible. It does not decide who may do what: package app applies
// the rules and calls the store, in one transaction if it writes.
//
// On SQLite, one connection writes and a pool of connections reads. Write
// transactions are immediate, so two processes on one file take turns. A commit is
// on the disk when it is acknowledged (synchronous=FULL), so that a power cut cannot
// make a revoked key active again. On PostgreSQL, transactions are READ COMMITTED;
// operations that must not overlap are serialised by locking the same row.
//
// On both, authorisation has its own connections, and a transaction that ends
// access runs before all others ([Store.WriteUrgent]).
//
// If a commit fails, its outcome is unknown, and the error says so.
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
	"zombiezen.com/go/sqlite"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store/pgwatch"
)

type dialect uint8

const (
	dialectSQLite dialect = iota
	dialectPostgres
)

// Store is an open database with an up-to-date schema.
type Store struct {
	// The embedded reader is for authorisation and for managing access. It has its own
	// connections, so that a search or an export cannot delay a revocation. Each read
	// outside a transaction sees the latest commit.
	reader

	authPool   readPool // used by the embedded reader
	dataReader reader   // for everything else
	dataPool   readPool // used by dataReader
	write      *sql.DB
	urgent     *sql.DB // for transactions that end access; on SQLite the same as write
	snapshots  *sql.DB // for transactions that read everything; on PostgreSQL the same as write
	now        func() time.Time

	// On SQLite these are nil and false.
	monitor *pgwatch.Monitor
	serving bool // Config.Serving

	// All four are nil on PostgreSQL, and the last two also for a backup file.
	turns       *writeQueue
	wal         *walCheckpointer
	diskReserve *diskReserve
	urgentLock  *urgentLock // also nil if its file cannot be opened

	indexing   Progress        // Config.Indexing
	statements *StatementCount // nil, but in tests
}

func newStore(d dialect, write *sql.DB, auth, data readPool, now func() time.Time) *Store {
	return &Store{
		reader: reader{q: auth, dialect: d}, dataReader: reader{q: data, dialect: d},
		write: write, urgent: write, snapshots: write, authPool: auth, dataPool: data, now: now,
	}
}

// Close closes the database.
func (s *Store) Close() error {
	s.urgentLock.close()
	err := errors.Join(s.authPool.close(), s.dataPool.close())
	if s.wal != nil {
		err = errors.Join(err, s.wal.db.Close(), s.snapshots.Close(), s.write.Close())
	}
	return err
}

// Ping returns an error if the database does not answer.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return classifyError(s.q.QueryRowContext(s.quick(ctx), `SELECT 1`).Scan(&one))
}

// Watch runs the background work of the database until ctx ends. On PostgreSQL it
// checks several times a second whether the server answers; while it does not, every
// call fails with KindUnavailable within two seconds. On SQLite it copies commits
// from the WAL into the database file.
func (s *Store) Watch(ctx context.Context, log *slog.Logger) {
	if s.monitor != nil {
		s.monitor.Run(ctx, log)
		return
	}
	s.runCheckpoints(ctx, log)
}

// IsUnavailable reports whether PostgreSQL failed the last check of Watch: it did not
// answer, or answered with an error.
func (s *Store) IsUnavailable() bool { return s.monitor != nil && s.monitor.IsFailing() }

// IsSlow reports whether PostgreSQL took a quarter of a second or more for the last
// check of Watch.
func (s *Store) IsSlow() bool { return s.monitor != nil && s.monitor.IsSlow() }

// IsEmbedded reports whether the database is SQLite.
func (s *Store) IsEmbedded() bool { return s.dialect == dialectSQLite }

// Now returns the time by the store's clock, rounded down to milliseconds.
func (s *Store) Now() time.Time { return memo.TruncateToMillis(s.now()) }

// quick marks ctx for a read of a few rows by an index, which is too fast to be worth
// cancelling. It returns ctx unchanged on PostgreSQL, because the network may be slow.
func (s *Store) quick(ctx context.Context) context.Context {
	if s.dialect == dialectPostgres {
		return ctx
	}
	return uncancelled{ctx}
}

func (r reader) exec(ctx context.Context, query string, args ...any) error {
	_, err := r.q.ExecContext(ctx, query, args...)
	return err
}

// reader runs queries inside a transaction or outside one.
type reader struct {
	q       querier
	dialect dialect
}

// classifyError returns KindUnavailable for an error that says that the database is
// unavailable, full or busy, so that the response is 503 and not 500, and KindInvalid
// for a value that PostgreSQL cannot store. It returns all other errors unchanged.
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
			Kind: memo.KindInvalid, Message: "contains something that the database cannot store: " + e.Message,
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
	switch sqliteCode(err).ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultFull, sqlite.ResultIOErr, sqlite.ResultCantOpen,
		sqlite.ResultReadOnly, sqlite.ResultInterrupt:
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true // even a wrong password: it may have been changed on the server
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		// 08, 53, 57 and 58: a failure of the connection, a lack of resources, an
		// intervention by an operator, a system error. 40 and 55P03: a serialisation
		// failure, a deadlock or a lock timeout, after which a retry may succeed. 25006: a
		// read-only standby. 25P03 and 25P04: a timeout of a transaction.
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
		context.DeadlineExceeded,
	} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return pgconn.SafeToRetry(err)
}
