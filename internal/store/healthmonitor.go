package store

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

// A check of PostgreSQL starts every checkInterval. If there is no answer within
// maxCheckIntervals, PostgreSQL is unresponsive. This takes 1.5 seconds at most; a caller should
// not wait longer than two. Intervals are counted, and not the time measured, so that a pause of
// this machine counts as one interval.
const (
	checkInterval     = 250 * time.Millisecond
	maxCheckIntervals = 5
)

// healthMonitor checks whether PostgreSQL answers. When it does not, the monitor closes all
// connections, so that their callers get an error at once, and allows no new ones until
// PostgreSQL answers again. Timeouts are not enough: the statement timeout must be longer than
// the longest search, and an unresponsive server still accepts connections.
//
// If PostgreSQL answers with an error, the monitor closes no connection. A server that has no
// free connections or is starting up returns such an error to everyone who connects.
type healthMonitor struct {
	cfg  *pgx.ConnConfig // for the monitor's connection
	dial pgconn.DialFunc

	failing atomic.Bool // the last check failed
	slow    atomic.Bool // the last check took longer than checkInterval, or this one has

	mu           sync.Mutex
	unresponsive bool
	conns        map[*watchedConn]struct{}
}

// errUnresponsive is the error for new connections while PostgreSQL does not answer.
var errUnresponsive = errors.New("store: PostgreSQL does not answer")

// newHealthMonitor returns a monitor, and changes cfg so that the monitor knows all connections
// that are opened with it.
func newHealthMonitor(cfg *pgx.ConnConfig) *healthMonitor {
	m := &healthMonitor{cfg: cfg.Copy(), dial: cfg.DialFunc, conns: map[*watchedConn]struct{}{}}
	cfg.DialFunc = m.connect
	return m
}

// watchedConn is a connection that the monitor may close while it is in use.
type watchedConn struct {
	net.Conn
	monitor *healthMonitor
}

func (c *watchedConn) Close() error {
	c.monitor.mu.Lock()
	delete(c.monitor.conns, c)
	c.monitor.mu.Unlock()
	return c.Conn.Close()
}

// connect is the DialFunc of the connections that the monitor watches.
func (m *healthMonitor) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if m.isUnresponsive() {
		return nil, errUnresponsive
	}
	conn, err := m.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &watchedConn{conn, m}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unresponsive {
		conn.Close()
		return nil, errUnresponsive
	}
	m.conns[c] = struct{}{}
	return c, nil
}

func (m *healthMonitor) isUnresponsive() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unresponsive
}

// setUnresponsive records whether PostgreSQL is unresponsive. If it is, it closes all
// connections.
func (m *healthMonitor) setUnresponsive(unresponsive bool) {
	m.mu.Lock()
	m.unresponsive = unresponsive
	conns := m.conns
	if unresponsive {
		m.conns = map[*watchedConn]struct{}{}
	}
	m.mu.Unlock()
	if unresponsive {
		for c := range conns {
			c.Conn.Close()
		}
	}
}

// run checks PostgreSQL until ctx ends, and logs changes.
func (m *healthMonitor) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	var conn *pgx.Conn
	for {
		select {
		case <-ctx.Done():
			closeNow(conn)
			return
		case <-tick.C:
		}
		var err error
		conn, err = m.check(ctx, conn)
		if ctx.Err() != nil {
			closeNow(conn)
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

// check pings PostgreSQL over conn, or over a new connection if conn is nil or broken. It
// returns errUnresponsive if there is no answer in time. The returned connection, which may
// be nil, is for the next check.
func (m *healthMonitor) check(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type reply struct {
		conn *pgx.Conn
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		if conn != nil && conn.Ping(ctx) == nil {
			replies <- reply{conn, nil}
			return
		}
		closeNow(conn) // it may have been closed, or the server restarted: try a new one
		conn, err := pgx.ConnectConfig(ctx, m.cfg)
		if err == nil {
			err = conn.Ping(ctx)
		}
		if err != nil {
			closeNow(conn)
			conn = nil
		}
		replies <- reply{conn, err}
	}()
	intervals := maxCheckIntervals
	if m.isUnresponsive() { // callers get errors at once, so there is time to try each host
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
	cancel()
	go func() { closeNow((<-replies).conn) }()
	return nil, errUnresponsive
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
