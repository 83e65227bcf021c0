package store

import (
	"context"
	"database/sql"
)

// txQuerier returns the querier of a transaction.
func (s *Store) txQuerier(tx *sql.Tx) querier {
	if s.dialect == dialectPostgres { // pgx prepares statements itself
		return plainQuerier{tx}
	}
	return plainQuerier{&preparingTx{tx, map[string]*sql.Stmt{}}}
}

// preparingTx prepares each statement that a transaction runs more than once, because compiling the
// statements of an import takes SQLite almost as long as running them. The rows of a statement must
// be read before it is run again.
type preparingTx struct {
	*sql.Tx
	stmts map[string]*sql.Stmt // nil for a statement that was run once
}

// stmt returns the prepared statement, or nil if it is run for the first time or cannot be prepared.
func (t *preparingTx) stmt(ctx context.Context, query string) *sql.Stmt {
	stmt, again := t.stmts[query]
	if again && stmt == nil {
		stmt, _ = t.PrepareContext(ctx, query) // closed at the end of the transaction
	}
	t.stmts[query] = stmt
	return stmt
}

func (t *preparingTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := t.stmt(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, query, args...)
}

func (t *preparingTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := t.stmt(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return t.Tx.QueryRowContext(ctx, query, args...)
}

func (t *preparingTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := t.stmt(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, query, args...)
}
