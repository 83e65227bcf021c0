package store

import (
	"context"
	"database/sql"
	"sync/atomic"
)

// StatementCount counts the statements that a store runs outside transactions, over the connections
// of authorisation and over the others, and its write transactions.
type StatementCount struct{ Auth, Data, Writes atomic.Int64 }

// CountStatements starts to count the statements of s. It is for tests, and must be called before s
// is used by several goroutines.
func (s *Store) CountStatements() *StatementCount {
	n := new(StatementCount)
	s.reader.q, s.dataReader.q = countingQuerier{s.reader.q, &n.Auth}, countingQuerier{s.dataReader.q, &n.Data}
	s.statements = n
	return n
}

// countingQuerier counts the statements that it runs.
type countingQuerier struct {
	querier
	n *atomic.Int64
}

func (c countingQuerier) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	c.n.Add(1)
	return c.querier.QueryContext(ctx, query, args...)
}

func (c countingQuerier) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	c.n.Add(1)
	return c.querier.QueryRowContext(ctx, query, args...)
}

func (c countingQuerier) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.n.Add(1)
	return c.querier.ExecContext(ctx, query, args...)
}
