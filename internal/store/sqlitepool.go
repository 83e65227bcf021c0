package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
)

// sqlitePool is a readPool of SQLite. It uses the statement API of SQLite, because the rows,
// arguments and goroutines of database/sql take longer than a read by an index.
//
// If the context of a caller ends, the caller stops waiting for a free connection or a lock, and its
// query is interrupted unless it is marked with [uncancelled].
type sqlitePool struct {
	open  func() (*sqlite.Conn, error)
	slots chan struct{} // one for each connection in use

	mu     sync.Mutex
	idle   []*sqliteConn // the last was used last; it is taken first, because its page cache is warm
	closed bool
}

// newSQLitePool returns a pool of at most n connections, each of which is opened when it is needed.
func newSQLitePool(open func() (*sqlite.Conn, error), n int) *sqlitePool {
	return &sqlitePool{open: open, slots: make(chan struct{}, n)}
}

// uncancelled marks the context of a read of a few rows by an index, which is not interrupted,
// because the goroutine that watches the context takes as long as such a read.
type uncancelled struct{ context.Context }

// errPoolClosed is the error of a query after close. It is an internal error, like that of a closed
// database of database/sql.
var errPoolClosed = errors.New("store: the database is closed")

// errReadOnly is the error of a change over a connection that only reads.
var errReadOnly = errors.New("store: this connection only reads")

func (p *sqlitePool) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	r, err := p.query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (p *sqlitePool) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	r, err := p.query(ctx, query, args)
	if err != nil {
		return failedRow{err}
	}
	return (*sqliteRow)(r)
}

func (p *sqlitePool) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errReadOnly
}

// query prepares a query. It runs when its first row is read.
func (p *sqlitePool) query(ctx context.Context, query string, args []any) (*sqliteRows, error) {
	c, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	r := &sqliteRows{pool: p, conn: c, ctx: ctx}
	if _, quick := ctx.(uncancelled); !quick && ctx.Done() != nil {
		r.interrupts = true
		c.conn.SetInterrupt(ctx.Done())
	}
	err = waitForLock(ctx, func() (err error) { r.stmt, err = c.prepare(query); return err })
	if err == nil {
		err = r.stmt.bind(args)
	}
	if err != nil {
		err = r.cause(err)
		r.Close()
		return nil, err
	}
	return r, nil
}

// acquire waits for a free connection.
func (p *sqlitePool) acquire(ctx context.Context) (*sqliteConn, error) {
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.slots
		return nil, errPoolClosed
	}
	if last := len(p.idle) - 1; last >= 0 {
		c := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c := &sqliteConn{stmts: map[string]*sqliteStmt{}}
	if err := waitForLock(ctx, func() (err error) { c.conn, err = p.open(); return err }); err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

// fileLockTimeout is how long a statement waits for a lock on the database file.
const fileLockTimeout = 10 * time.Second

// waitForLock calls f again while it fails because another connection has locked the database, until
// ctx ends or fileLockTimeout has passed. Readers meet a lock only when another process opens or closes the
// database. They do not use SQLite's own wait, because that does not end with ctx.
func waitForLock(ctx context.Context, f func() error) error {
	err := f()
	if !isLocked(err) {
		return err
	}
	timeout := time.After(fileLockTimeout)
	for delay := time.Millisecond; isLocked(err); delay = min(2*delay, 100*time.Millisecond) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return err
		case <-time.After(delay):
			err = f()
		}
	}
	return err
}

func isLocked(err error) bool {
	return err != nil && sqliteCode(err).ToPrimary() == sqlite.ResultBusy
}

func (p *sqlitePool) release(c *sqliteConn) {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if closed {
		_ = c.conn.Close()
	}
	<-p.slots
}

// close closes the connections. One that is in use is closed when its query ends.
func (p *sqlitePool) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	var err error
	for _, c := range idle {
		err = errors.Join(err, c.conn.Close())
	}
	return err
}

// sqliteConn is a connection with its prepared statements.
type sqliteConn struct {
	conn  *sqlite.Conn
	stmts map[string]*sqliteStmt // by SQL text
}

// maxStatements is how many statements a connection keeps prepared.
const maxStatements = 500

// prepare returns the prepared statement for a query. It does not call Conn.Prepare for a statement
// that exists: that would clear the arguments, after which SQLite compiles the statement again.
func (c *sqliteConn) prepare(query string) (*sqliteStmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		for _, s := range c.stmts {
			_ = s.Finalize()
		}
		clear(c.stmts)
	}
	stmt, err := c.conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	s := &sqliteStmt{Stmt: stmt, columns: stmt.ColumnCount(), args: make([]int, stmt.BindParamCount())}
	for i := range s.args {
		name := stmt.BindParamName(i + 1)
		n, err := strconv.Atoi(name[min(1, len(name)):])
		if err != nil {
			_ = stmt.Finalize()
			return nil, fmt.Errorf("store: parameter %q is not a number: %s", name, query)
		}
		s.args[i] = n - 1
	}
	c.stmts[query] = s
	return s, nil
}

// sqliteRows are the rows of a query. They occupy a connection until they are closed.
type sqliteRows struct {
	pool       *sqlitePool
	conn       *sqliteConn // nil after Close
	stmt       *sqliteStmt
	ctx        context.Context
	interrupts bool // the end of ctx interrupts the query
	row        bool // there is a current row
	done       bool // there are no more rows
	err        error
}

func (r *sqliteRows) Next() bool {
	if r.done || r.conn == nil {
		return false
	}
	row, err := r.stmt.Step()
	if !r.row && isLocked(err) {
		err = waitForLock(r.ctx, func() (err error) { row, err = r.stmt.Step(); return err })
	}
	if err != nil {
		r.err = r.cause(err)
	}
	r.row, r.done = row, !row
	return row
}

// cause returns the error of the context if that interrupted the query.
func (r *sqliteRows) cause(err error) error {
	if r.interrupts && r.ctx.Err() != nil && sqlite.ErrCode(err) == sqlite.ResultInterrupt {
		return r.ctx.Err()
	}
	return err
}

func (r *sqliteRows) Err() error { return r.err }

func (r *sqliteRows) Scan(dest ...any) error {
	if !r.row || r.conn == nil {
		return errors.New("store: Scan without a row")
	}
	return r.stmt.scan(dest)
}

// Close ends the query, which also ends its read transaction, and returns the connection to the pool.
func (r *sqliteRows) Close() error {
	if r.conn == nil {
		return nil
	}
	if r.stmt != nil {
		_ = r.stmt.Reset() // its error is that of the last Step
	}
	if r.interrupts {
		r.conn.conn.SetInterrupt(nil)
	}
	r.pool.release(r.conn)
	r.conn = nil
	return nil
}

// sqliteRow is the result of a query for one row.
type sqliteRow sqliteRows

func (r *sqliteRow) Scan(dest ...any) error {
	all := (*sqliteRows)(r)
	defer all.Close()
	if !all.Next() {
		if all.err != nil {
			return all.err
		}
		return sql.ErrNoRows
	}
	return all.Scan(dest...)
}
