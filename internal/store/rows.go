package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
)

// toMillis returns t as it is stored: in milliseconds since 1970.
func toMillis(t time.Time) int64 { return t.UnixMilli() }

// fromMillis is the inverse of toMillis. The result is in UTC.
func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// nullMillis is toMillis for an optional time, which is stored as NULL if it is nil.
func nullMillis(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: toMillis(*t), Valid: true}
}

// into is a target of Scan that converts the value of a column. For NULL it does nothing. The
// targets below are structs of one pointer, so that making one allocates nothing.
type into[S any] interface {
	sql.Scanner
	set(S)
}

// scanInto is the Scan of a target.
func scanInto[S any](t into[S], v any) error {
	var n sql.Null[S]
	if err := n.Scan(v); err != nil || !n.Valid {
		return err
	}
	t.set(n.V)
	return nil
}

// timeInto reads a time, and leaves it zero for NULL.
func timeInto(t *time.Time) timeTarget { return timeTarget{t} }

type timeTarget struct{ t *time.Time }

func (t timeTarget) set(ms int64)     { *t.t = fromMillis(ms) }
func (t timeTarget) Scan(v any) error { return scanInto[int64](t, v) }

// optionalTimeInto reads a time, and leaves it nil for NULL.
func optionalTimeInto(t **time.Time) optionalTimeTarget { return optionalTimeTarget{t} }

type optionalTimeTarget struct{ t **time.Time }

func (t optionalTimeTarget) set(ms int64)     { *t.t = new(fromMillis(ms)) }
func (t optionalTimeTarget) Scan(v any) error { return scanInto[int64](t, v) }

// presenceInto reads whether there is a time, and leaves the value for NULL.
func presenceInto(present *bool) presenceTarget { return presenceTarget{present} }

type presenceTarget struct{ present *bool }

func (t presenceTarget) set(int64)        { *t.present = true }
func (t presenceTarget) Scan(v any) error { return scanInto[int64](t, v) }

// optionalIntInto reads a number, and leaves it nil for NULL.
func optionalIntInto(n **int) optionalIntTarget { return optionalIntTarget{n} }

type optionalIntTarget struct{ n **int }

func (t optionalIntTarget) set(n int64)      { *t.n = new(int(n)) }
func (t optionalIntTarget) Scan(v any) error { return scanInto[int64](t, v) }

// textInto reads a text, and leaves it empty for NULL.
func textInto[T ~string](o *T) textTarget[T] { return textTarget[T]{o} }

type textTarget[T ~string] struct{ o *T }

func (t textTarget[T]) set(s string)     { *t.o = T(s) }
func (t textTarget[T]) Scan(v any) error { return scanInto[string](t, v) }

// jsonInto reads a value that is stored as JSON, and leaves it as it is for NULL.
func jsonInto[T any](v *T) jsonTarget[T] { return jsonTarget[T]{v} }

type jsonTarget[T any] struct{ v *T }

func (t jsonTarget[T]) Scan(v any) error {
	if v == nil {
		return nil
	}
	var s sql.Null[string]
	if err := s.Scan(v); err != nil {
		return err
	}
	return json.Unmarshal([]byte(s.V), t.v)
}

// nullText returns an optional text as it is stored: NULL if it is empty, so that partial indexes
// do not contain it.
func nullText(o memo.Optional) sql.NullString {
	return sql.NullString{String: string(o), Valid: o != ""}
}

// queryAll reads all rows of a query. It never returns a nil slice.
func queryAll[T any](
	ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any,
) ([]T, error) {
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

// queryOne scans a single row. If there is no row, it returns [memo.NotFound] with noun.
func queryOne[T any](row scanner, scan func(scanner) (T, error), noun string) (T, error) {
	v, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return v, memo.NotFound(noun)
	}
	return v, classifyError(err)
}

// execCount runs a statement and returns the number of rows that it changed.
func (r reader) execCount(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := r.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, classifyError(err)
	}
	n, err := res.RowsAffected()
	return n, classifyError(err)
}
