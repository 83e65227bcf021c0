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

// scanner is a single row, or the current row of several. A single row must be scanned once.
type scanner interface{ Scan(dest ...any) error }

// readPool is a set of connections that read.
type readPool interface {
	querier
	close() error
}

// preparingPool is a readPool of PostgreSQL. It prepares every statement once.
type preparingPool struct {
	db    *sql.DB
	stmts sync.Map // SQL text → *sql.Stmt; a few hundred: constants and combinations of filters
}

func (p *preparingPool) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (p *preparingPool) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(ctx, args...)
}

func (p *preparingPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.db.ExecContext(ctx, query, args...)
}

func (p *preparingPool) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
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

func (p *preparingPool) close() error {
	p.stmts.Range(func(_, s any) bool { s.(*sql.Stmt).Close(); return true })
	return p.db.Close()
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
