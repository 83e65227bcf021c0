package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"zombiezen.com/go/sqlite"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// endless is a query that never ends.
const endless = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n`

func readers(t *testing.T) (*Store, *sqlitePool) {
	t.Helper()
	s := mustOpen(t, Config{Dir: t.TempDir()})
	return s, s.dataPool.(*sqlitePool)
}

func TestDeadlineInterruptsRead(t *testing.T) {
	_, p := readers(t)
	for range 3 { // the connection is used again
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		var n int
		err := p.QueryRowContext(ctx, endless).Scan(&n)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || memo.KindOf(classifyError(err)) != memo.KindUnavailable {
			t.Fatalf("got %v, want the error of the context, which is unavailable", err)
		}
		if err := p.QueryRowContext(t.Context(), `SELECT 7`).Scan(&n); err != nil || n != 7 {
			t.Fatalf("the next query returns %d, %v", n, err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.QueryRowContext(canceled, `SELECT 1`).Scan(new(int)); !errors.Is(err, context.Canceled) {
		t.Errorf("a query with an ended context returns %v", err)
	}
	if err := p.QueryRowContext(uncancelled{canceled}, `SELECT 1`).Scan(new(int)); err != nil {
		t.Errorf("a quick query with an ended context returns %v", err)
	}
	if len(p.idle) != 1 {
		t.Errorf("%d connections for queries one after another", len(p.idle))
	}
}

// TestWaitForLockEndsWithContext: a read waits for a lock until its context ends, also if it is not
// interrupted, and whether or not its statement was prepared before.
func TestWaitForLockEndsWithContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollback.db") // without a WAL, a writer can lock out readers
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE users (id)`)
	p := newSQLitePool(func() (*sqlite.Conn, error) { return openReader(path, false, []string{"cache_size(-100)"}) }, 1)
	defer p.close()
	read := func(ctx context.Context) error {
		return p.QueryRowContext(ctx, `SELECT count(*) FROM users`).Scan(new(int))
	}
	for range 2 {
		exec(`BEGIN EXCLUSIVE`)
		for _, mark := range []func(context.Context) context.Context{
			func(ctx context.Context) context.Context { return ctx },
			func(ctx context.Context) context.Context { return uncancelled{ctx} },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			if err := read(mark(ctx)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a read of a locked database: %v, want the error of its context", err)
			}
			cancel()
		}
		got := make(chan error)
		go func() { got <- read(t.Context()) }()
		exec(`COMMIT`)
		if err := <-got; err != nil {
			t.Errorf("a read that may have waited for a lock: %v", err)
		}
	}
}

// TestReadsSeeTheLastCommit: no connection remains in a read transaction.
func TestReadsSeeTheLastCommit(t *testing.T) {
	s, p := readers(t)
	var open []rows
	for range cap(p.slots) { // so that every connection is used
		r, err := p.QueryContext(t.Context(), `SELECT id FROM users`)
		if err != nil {
			t.Fatal(err)
		}
		r.Next()
		open = append(open, r)
	}
	for _, r := range open {
		r.Close()
		r.Close() // the second does nothing, although the connection may be in use again
	}
	if len(p.idle) != cap(p.slots) || len(p.slots) != 0 {
		t.Fatalf("%d connections are idle and %d in use", len(p.idle), len(p.slots))
	}
	for i := range cap(p.slots) {
		if _, err := s.write.Exec(`INSERT INTO users (id, email, name, created_at) VALUES ($1, $1, '', 0)`,
			fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := p.QueryRowContext(t.Context(), `SELECT count(*) FROM users`).Scan(&n); err != nil || n != i+1 {
			t.Errorf("a read sees %d users, want %d (%v)", n, i+1, err)
		}
		p.idle = append(p.idle[len(p.idle)-1:], p.idle[:len(p.idle)-1]...)
	}
	if _, err := s.write.Exec(`ALTER TABLE users ADD COLUMN color TEXT`); err != nil {
		t.Fatal(err)
	}
	if err := p.QueryRowContext(t.Context(), `SELECT count(*) FROM users`).Scan(new(int)); err != nil {
		t.Errorf("a prepared statement fails after a change of the schema: %v", err)
	}
}

// TestScansAsDatabaseSQL: the pool reads the same values as database/sql does.
func TestScansAsDatabaseSQL(t *testing.T) {
	s, p := readers(t)
	type targets struct {
		Text      string
		Named     memo.Status
		Int       int
		Int64     int64
		Unsigned  uint32
		Bool      bool
		Float     float64
		Bytes     []byte
		NullInt   sql.NullInt64
		NullText  sql.NullString
		NullFloat sql.NullFloat64
		Any       any
		Time      time.Time
		Optional  *time.Time
		Into      memo.Optional
	}
	read := func(q querier, query string, args ...any) (v targets, failed bool) {
		err := q.QueryRowContext(t.Context(), query, args...).Scan(&v.Text, &v.Named, &v.Int, &v.Int64, &v.Unsigned, &v.Bool,
			&v.Float, &v.Bytes, &v.NullInt, &v.NullText, &v.NullFloat, &v.Any, timeInto(&v.Time), optionalTimeInto(&v.Optional),
			textInto(&v.Into))
		return v, err != nil
	}
	for _, columns := range []string{
		`'é', 'completed', 1, -9223372036854775808, 4294967295, 1, 1.5, x'00ff', 7, 't', 2.5, 'any', 1700000000000, 1, 'o'`,
		`'', '', 0, 0, 0, 0, 0.0, x'', NULL, NULL, NULL, NULL, NULL, NULL, NULL`,
		`5, 6, 1, 1, 1, 0, 3, 'text as bytes', 0, '', 0, x'01', 0, 0, ''`,
		`NULL, '', 0, 0, 0, 0, 0, '', 0, '', 0, 1, 0, 0, ''`,
		`'', '', 'x', 0, 0, 0, 0, '', 0, '', 0, 1, 0, 0, ''`,
		`'', '', 0, NULL, 0, 0, 0, '', 0, '', 0, 1, 0, 0, ''`,
		`'', '', 0, 0, 4294967296, 0, 0, '', 0, '', 0, 1, 0, 0, ''`,
		`'', '', 0, 0, -1, 0, 0, '', 0, '', 0, 1, 0, 0, ''`,
		`'', '', 0, 0, 0, NULL, 0, '', 0, '', 0, 1.5, 0, 0, ''`,
		`'', '', 0, 0, 0, 0, NULL, '', 0, '', 0, 1, 0, 0, ''`,
		`'', '', 0, 0, 0, 0, 0, NULL, 0, '', 0, 1, 0, 0, ''`,
		`'', '', 0, 0, 0, 0, 0, '', 'x', '', 0, 1, 0, 0, ''`,
		`'', '', 0, 0, 0, 0, 0, '', 0, '', 0, 1, 'x', 0, ''`,
		`'', '', 0, 0, 0, 0, 0, '', 0, '', 0, 1, 0, 0`,
	} {
		want, wantFailed := read(plainQuerier{s.write}, `SELECT `+columns)
		got, failed := read(p, `SELECT `+columns)
		if failed != wantFailed {
			t.Errorf("%s: failed is %v, with database/sql %v", columns, failed, wantFailed)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" && !failed {
			t.Errorf("%s: %s", columns, diff)
		}
	}
	args := []any{
		"text", memo.StatusCompleted, 1, int64(-1), true,
		[]byte{0, 1},
		1.5, nil,
		sql.NullInt64{},
		sql.NullString{String: "s", Valid: true},
		[]byte(nil),
	}
	const query = `SELECT printf('%s|%s|%d|%d|%d|%s|%s|%s|%s|%s|%s', typeof($10), $2, $3, $4, $5, hex($6), $7, typeof($8),
		typeof($9), $1, typeof($11))`
	var want, got string
	if err := s.write.QueryRow(query, args...).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if err := p.QueryRowContext(t.Context(), query, args...).Scan(&got); err != nil || got != want {
		t.Errorf("got %q, %v, with database/sql %q", got, err, want)
	}
	if err := p.QueryRowContext(t.Context(), `SELECT $1, $2`, 1).Scan(&got, &want); err == nil {
		t.Error("a query with too few arguments succeeds")
	}
	if err := p.QueryRowContext(t.Context(), `DELETE FROM users`).Scan(&got); err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("a connection that reads can write: %v", err)
	}
	if err := p.QueryRowContext(t.Context(), `SELECT 1 WHERE false`).Scan(&got); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("no row: %v", err)
	}
}

func TestPoolLimitsConnectionsAndStatements(t *testing.T) {
	_, p := readers(t)
	for i := range maxStatements + 10 {
		if err := p.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d`, i)).Scan(new(int)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.idle[0].stmts); n > maxStatements {
		t.Errorf("a connection has %d prepared statements", n)
	}
	used, err := p.QueryContext(t.Context(), `SELECT 1`)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if !used.Next() {
		t.Errorf("a query that runs ends when the pool is closed: %v", used.Err())
	}
	used.Close()
	if err := p.QueryRowContext(t.Context(), `SELECT 1`).Scan(new(int)); !errors.Is(err, errPoolClosed) {
		t.Errorf("a query in a closed pool returns %v", err)
	}
}

func TestStatementsPerCall(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		h := newHarness(t, cfg, 1)
		if err := add(h.Store); err != nil {
			t.Fatal(err)
		}
		access, refresh := credential.NewAccessToken().Hash(), credential.NewRefreshToken().Hash()
		if err := h.Write(t.Context(), func(tx *Tx) error {
			return tx.AddAppTokens(t.Context(), keyID(0), access, refresh, time.Now(), time.Now())
		}); err != nil {
			t.Fatal(err)
		}
		counted := h.CountStatements()
		filter := Filter{WorkspaceID: workspace, Status: memo.StatusCompleted}
		newest := Order{By: ByCreated, Descending: true}
		items, err := h.List(t.Context(), filter, newest, Range{Limit: 21})
		if err != nil || len(items) != 1 {
			t.Fatalf("%d items: %v", len(items), err)
		}
		for _, call := range []struct {
			name       string
			auth, data int64
			run        func() error
		}{
			{"authorise", 1, 0, func() error { _, _, err := h.ReadKeyState(t.Context(), h.keys[0].Hash()); return err }},
			{"authorise an app", 1, 0, func() error {
				if k, ok, err := h.ReadTokenState(t.Context(), access); err != nil || !ok || k.KeyID != keyID(0) {
					return fmt.Errorf("the state is %+v, %v, %w", k, ok, err)
				}
				return nil
			}},
			{"list", 0, 1, func() error { _, err := h.List(t.Context(), filter, newest, Range{Limit: 21}); return err }},
			{"count", 0, 1, func() error { _, err := h.Count(t.Context(), filter); return err }},
			{"get, with its reports", 0, 2, func() error {
				_, err := h.Transcription(t.Context(), wholeWorkspace, items[0].ID, func(int64) error { return nil })
				return err
			}},
		} {
			auth, data := counted.Auth.Load(), counted.Data.Load()
			err := call.run()
			if auth, data = counted.Auth.Load()-auth, counted.Data.Load()-data; err != nil || auth != call.auth ||
				data != call.data {
				t.Errorf("%s: %d statements over the connections of authorisation and %d over the others, want %d and %d (%v)",
					call.name, auth, data, call.auth, call.data, err)
			}
		}
	})
}
