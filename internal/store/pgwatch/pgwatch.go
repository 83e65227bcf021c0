// Package pgwatch notices within 1.5 seconds that a PostgreSQL server does not answer, and then
// ends everyone's wait for it.
//
// # Why a monitor
//
// A caller should wait for an unavailable database no longer than two seconds. A server that
// refuses or resets connections fails by itself, and the kernel notices a host that no longer
// acknowledges data. Neither notices a server that is unresponsive: its kernel accepts connections
// and acknowledges every query, and no reply ever comes. A machine whose disk hangs behaves like
// that, and so does a stopped process, or a proxy that has lost its server.
//
// Only time reveals such a server, and a timeout is the wrong measure of it: the timeout of a
// statement must be longer than the longest search, which is many times two seconds. So one
// separate connection sends an empty query several times a second. The reply depends on nothing
// but the server, so a missing one means that no query is answered.
//
// # What it does
//
// [New] takes over the DialFunc of a configuration, so that the monitor knows each connection that
// is opened with it. [Monitor.Run] starts a check every quarter of a second. There are three
// results:
//
//   - A reply. The server is available. It is slow if the reply took longer than a quarter of a
//     second ([Monitor.IsSlow]), and also from that moment of a check that is still running.
//   - An error from PostgreSQL, such as "too many connections" or "the database system is starting
//     up". New connections get the same error, so the server counts as failing
//     ([Monitor.IsFailing]). No connection is closed, because those that are open may work.
//   - No reply, or no connection. The server is unresponsive, and failing. All connections are
//     closed, so that everyone who waits for one gets an error at once, and attempts to open one
//     fail at once, until a check succeeds.
//
// A check may take five intervals of a quarter of a second. They are counted, and not the time
// measured, so that a pause of this machine counts as one interval and does not close connections.
// While the server is unresponsive, a check has longer, because no caller waits for it: it may try
// each host of the configuration for the whole of its ConnectTimeout.
package pgwatch

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	checkInterval     = 250 * time.Millisecond // from the start of one check to the start of the next
	maxCheckIntervals = 5
)

// Monitor watches one PostgreSQL server.
type Monitor struct {
	cfg  *pgx.ConnConfig // for the monitor's own connection
	dial pgconn.DialFunc

	failing atomic.Bool // the last check failed
	slow    atomic.Bool // the last check took longer than checkInterval, or this one has

	mu           sync.Mutex
	unresponsive bool
	conns        map[*watchedConn]struct{} // those that are open
}

var errUnresponsive = errors.New("pgwatch: PostgreSQL does not answer")

// New returns a monitor, and changes cfg so that the monitor knows all connections that are
// opened with it. The monitor has no effect until it runs.
func New(cfg *pgx.ConnConfig) *Monitor {
	m := &Monitor{cfg: cfg.Copy(), dial: cfg.DialFunc, conns: map[*watchedConn]struct{}{}}
	cfg.DialFunc = m.connect
	return m
}

// IsFailing reports whether the last check failed: PostgreSQL did not answer, or answered with an
// error.
func (m *Monitor) IsFailing() bool { return m.failing.Load() }

// IsSlow reports whether the last check took a quarter of a second or more.
func (m *Monitor) IsSlow() bool { return m.slow.Load() }

// watchedConn is a connection that the monitor may close while it is in use.
type watchedConn struct {
	net.Conn
	monitor *Monitor
}

func (c *watchedConn) Close() error {
	c.monitor.mu.Lock()
	delete(c.monitor.conns, c)
	c.monitor.mu.Unlock()
	return c.Conn.Close()
}

// connect is the DialFunc of the connections that the monitor watches.
func (m *Monitor) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if m.isUnresponsive() {
		return nil, errUnresponsive
	}
	conn, err := m.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unresponsive {
		conn.Close()
		return nil, errUnresponsive
	}
	c := &watchedConn{conn, m}
	m.conns[c] = struct{}{}
	return c, nil
}

func (m *Monitor) isUnresponsive() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unresponsive
}

// setUnresponsive records whether PostgreSQL is unresponsive. If it is, it closes all
// connections.
func (m *Monitor) setUnresponsive(unresponsive bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unresponsive = unresponsive
	if unresponsive {
		for c := range m.conns {
			c.Conn.Close()
		}
		clear(m.conns)
	}
}

// Run checks PostgreSQL until ctx ends, and logs changes.
func (m *Monitor) Run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	var conn *pgx.Conn
	defer func() { closeNow(conn) }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		conn, err = m.check(ctx, conn)
		if ctx.Err() != nil {
			return
		}
		_, answered := errors.AsType[*pgconn.PgError](err) // with an error
		m.setUnresponsive(err != nil && !answered)
		switch wasFailing := m.failing.Swap(err != nil); {
		case !wasFailing && answered:
			log.Error("PostgreSQL refuses connections: requests that need a new one get 503", "error", err)
		case !wasFailing && err != nil:
			log.Error("PostgreSQL does not answer: requests get 503 until it does", "error", err)
		case wasFailing && err == nil:
			log.Info("PostgreSQL answers again")
		}
	}
}

// check pings PostgreSQL over conn, or over a new connection if conn is nil or broken. It returns
// errUnresponsive if there is no answer in time. The returned connection, which may be nil, is for
// the next check.
func (m *Monitor) check(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type reply struct {
		conn *pgx.Conn
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		conn, err := m.ping(ctx, conn)
		replies <- reply{conn, err}
	}()
	intervals := maxCheckIntervals
	if m.isUnresponsive() {
		intervals += int(m.cfg.ConnectTimeout/checkInterval) * (1 + len(m.cfg.Fallbacks))
	}
	for i := range intervals {
		select {
		case r := <-replies:
			if i == 0 {
				m.slow.Store(false)
			}
			return r.conn, r.err
		case <-time.After(checkInterval):
			m.slow.Store(true)
		}
	}
	go func() { closeNow((<-replies).conn) }() // ping ends soon, because check cancels its context
	return nil, errUnresponsive
}

// ping pings PostgreSQL, and returns the connection that did.
func (m *Monitor) ping(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
	if conn != nil && conn.Ping(ctx) == nil {
		return conn, nil
	}
	closeNow(conn) // it may have been closed, or the server restarted: try a new one
	conn, err := pgx.ConnectConfig(ctx, m.cfg)
	if err == nil {
		err = conn.Ping(ctx)
	}
	if err != nil {
		closeNow(conn)
		return nil, err
	}
	return conn, nil
}

// closeNow closes a connection at once. It does not send the message that announces the end of
// the session, because that could block on an unresponsive server.
func closeNow(c *pgx.Conn) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx)
}
