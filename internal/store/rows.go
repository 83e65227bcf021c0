package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"memoai.tech/memo"
)

// toMillis is a moment as it is kept.
func toMillis(t time.Time) int64 { return t.UnixMilli() }

// fromMillis is its reverse, in UTC.
func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// nullMillis keeps a moment that may be missing.
func nullMillis(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: toMillis(*t), Valid: true}
}

func fromNullMillis(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := fromMillis(ms.Int64)
	return &t
}

// nullText keeps an optional text as NULL, so that partial indexes leave it out.
func nullText(o memo.Optional) sql.NullString {
	return sql.NullString{String: string(o), Valid: o != ""}
}

// queryAll reads all rows of a query. It never returns a nil slice.
func queryAll[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T,
	error,
) {
	out := []T{}
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, classifyError(err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, classifyError(err)
		}
		out = append(out, v)
	}
	return out, classifyError(rows.Err())
}

// queryOne reads a single row; none is [memo.NotFound] of what.
func queryOne[T any](row scanner, scan func(scanner) (T, error), what string) (T, error) {
	v, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return v, memo.NotFound(what)
	}
	return v, classifyError(err)
}

// execCount runs a conditional UPDATE or DELETE and reports how many rows it met.
func (r reader) execCount(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := r.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, classifyError(err)
	}
	n, err := res.RowsAffected()
	return n, classifyError(err)
}
