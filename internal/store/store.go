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
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"memoai.tech/memo"
)

// Config says where the data is.
type Config struct {
	// Dir holds everything when URL is empty: SQLite, in DIR/memo.db.
	Dir string
	// URL of a PostgreSQL database: postgres://…
	URL string
	// Now is the clock; nil means the system's.
	Now func() time.Time
	// MaxConns bounds the connections to PostgreSQL; 0 means 20.
	MaxConns int
}

// FileName is the name of the SQLite database in Config.Dir.
const FileName = "memo.db"

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
}

// Open opens the database and brings its schema up to date. Dir is made if it
// is missing, and only its owner can read it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := open(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func open(cfg Config) (*Store, error) {
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	if cfg.URL != "" {
		return openPostgres(cfg, now)
	}
	if cfg.Dir == "" {
		return nil, errors.New("store: name a directory (--data) or a PostgreSQL database (--database)")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: the data directory cannot be made: %w", err)
	}
	return openSQLite(filepath.Join(cfg.Dir, FileName), now)
}

func openPostgres(cfg Config, now func() time.Time) (*Store, error) {
	if u, err := url.Parse(cfg.URL); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("store: --database takes a URL such as postgres://user:password@host:5432/memo")
	}
	db, err := sql.Open("pgx", cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("store: --database: %w", err)
	}
	conns := cfg.MaxConns
	if conns == 0 {
		conns = 20
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return newStore(dialectPostgres, db, db, now), nil
}

// openSQLite opens a database file, which is made readable for its owner alone
// before SQLite first writes to it; its WAL takes over the same mode.
func openSQLite(path string, now func() time.Time) (*Store, error) {
	path, err := filepath.Abs(path) // a relative one would be a host in a file: URL
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("store: the database cannot be made: %w", err)
		}
	}
	dsn := func(pragmas ...string) string {
		q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			"cache_size(-16000)", "mmap_size(268435456)", "temp_store(MEMORY)",
		}, pragmas...)}
		return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
	}
	write, err := sql.Open("sqlite", dsn())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	write.SetMaxOpenConns(1)
	// The first connection puts the file into WAL mode, before any reader comes.
	if err := write.Ping(); err != nil {
		write.Close()
		return nil, fmt.Errorf("store: %s cannot be opened: %w", path, err)
	}
	read, err := sql.Open("sqlite", dsn("query_only(1)"))
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("store: %w", err)
	}
	readers := max(4, runtime.GOMAXPROCS(0)*2)
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return newStore(dialectSQLite, write, read, now), nil
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
	Now time.Time
}

// Write runs f in a transaction and commits it, unless f returns an error.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	defer tx.Rollback() // does nothing after the commit
	// The clock is read once the transaction has its turn: what it writes is
	// not older than what the one before it wrote.
	if err := f(&Tx{reader{q: tx, dialect: s.dialect}, s.Now()}); err != nil {
		return classify(err)
	}
	if err := tx.Commit(); err != nil {
		return &memo.Error{
			Kind: memo.KindUnavailable, RetryAfter: time.Second, Err: err,
			Message: "The database did not confirm the change: it may or may not have happened. Look before you try again.",
		}
	}
	return nil
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
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Classes: connection, resources, operator intervention, system error;
		// serialisation failures and deadlocks can be tried again.
		for _, class := range []string{"08", "53", "57", "58", "40", "25006"} {
			if strings.HasPrefix(e.Code, class) {
				return true
			}
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	return errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err)
}
