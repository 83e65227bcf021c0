package store

import (
	"context"
	"database/sql"
	"sync"
)

// querier runs statements: a pool of connections, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) scanner
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// rows is the result of a query. It must be closed.
type rows interface {
	scanner
	Next() bool
	Err() error
	Close() error
}

// scanner is a single row, or the current row of several.
type scanner interface{ Scan(dest ...any) error }

// pool is a set of connections and the statements prepared on them. If the context of
// a caller ends, the caller stops waiting for a free connection; this is also true of
// a quick read, whose statement is not cancelled once it runs.
type pool struct {
	db    *sql.DB
	slots chan struct{} // one for each connection; if nil, database/sql waits for a free one
	stmts sync.Map      // SQL text → *sql.Stmt; a few hundred: constants and combinations of filters
}

// newPool limits db to n connections, all of which stay open.
func newPool(db *sql.DB, n int) *pool {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return &pool{db: db, slots: make(chan struct{}, n)}
}

// uncancelled marks the context of a read of a few rows by an index, whose statement
// is not cancelled. If a context can end, database/sql and the SQLite driver each
// start a goroutine for every statement, which takes as long as such a read.
type uncancelled struct{ context.Context }

func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	ctx, release, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	s, err := p.stmt(ctx, query)
	if err != nil {
		release()
		return nil, err
	}
	r, err := s.QueryContext(ctx, args...)
	if err != nil {
		release()
		return nil, err
	}
	return &pooledRows{r, sync.OnceFunc(release)}, nil
}

func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	ctx, release, err := p.acquire(ctx)
	if err != nil {
		return failedRow{err}
	}
	s, err := p.stmt(ctx, query)
	if err != nil {
		release()
		return failedRow{err}
	}
	return pooledRow{s.QueryRowContext(ctx, args...), release}
}

func (p *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.db.ExecContext(ctx, query, args...)
}

// acquire waits for a free connection. It returns the context for the statement, and
// a function that returns the connection to the pool.
func (p *pool) acquire(ctx context.Context) (context.Context, func(), error) {
	if p.slots == nil {
		return ctx, func() {}, nil
	}
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx, nil, ctx.Err()
		}
	}
	if q, ok := ctx.(uncancelled); ok {
		ctx = context.WithoutCancel(q.Context)
	}
	return ctx, p.release, nil
}

func (p *pool) release() { <-p.slots }

func (p *pool) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
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

func (p *pool) close() error {
	p.stmts.Range(func(_, s any) bool { s.(*sql.Stmt).Close(); return true })
	return p.db.Close()
}

// pooledRows returns its connection to the pool when it is closed.
type pooledRows struct {
	*sql.Rows
	release func()
}

func (r *pooledRows) Close() error {
	defer r.release()
	return r.Rows.Close()
}

// pooledRow returns its connection to the pool when it is scanned. It must be scanned.
type pooledRow struct {
	row     *sql.Row
	release func()
}

func (r pooledRow) Scan(dest ...any) error {
	defer r.release()
	return r.row.Scan(dest...)
}

// failedRow is the row of a query that could not be run.
type failedRow struct{ err error }

func (f failedRow) Scan(...any) error { return f.err }

// plainQuerier runs statements on a transaction or a database without preparing them.
type plainQuerier struct {
	db interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
}

func (d plainQuerier) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	r, err := d.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (d plainQuerier) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	return d.db.QueryRowContext(ctx, query, args...)
}

func (d plainQuerier) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return d.db.ExecContext(ctx, query, args...)
}
