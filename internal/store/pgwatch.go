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

// A check of PostgreSQL starts every checkInterval, and PostgreSQL is unresponsive if it
// does not answer within maxMissedChecks intervals. Together that is well under two
// seconds, which is the longest that a caller should wait. Intervals are counted, instead
// of the time measured, because a pause of our own machine then counts as one interval.
const (
	checkInterval   = 250 * time.Millisecond
	maxMissedChecks = 5
)

// healthMonitor checks whether PostgreSQL answers. When it does not, the monitor closes
// all connections, so that their callers get an error at once, and allows no new ones until
// PostgreSQL answers again. Timeouts are not enough: that of a statement must be longer than
// the longest search, and an unresponsive server still accepts connections.
//
// If PostgreSQL answers with an error, no connection is closed. A server that has no free
// connections or is starting up returns that error to every caller who connects.
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

// newHealthMonitor returns a monitor, and changes cfg so that the monitor knows all
// connections that are made with it.
func newHealthMonitor(cfg *pgx.ConnConfig) *healthMonitor {
	p := &healthMonitor{cfg: cfg.Copy(), dial: cfg.DialFunc, conns: map[*watchedConn]struct{}{}}
	cfg.DialFunc = p.connect
	return p
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

func (p *healthMonitor) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if p.isUnresponsive() {
		return nil, errUnresponsive
	}
	conn, err := p.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &watchedConn{conn, p}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unresponsive {
		conn.Close()
		return nil, errUnresponsive
	}
	p.conns[c] = struct{}{}
	return c, nil
}

func (p *healthMonitor) isUnresponsive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unresponsive
}

// setUnresponsive records whether PostgreSQL is unresponsive. If it is, it closes all
// connections.
func (p *healthMonitor) setUnresponsive(unresponsive bool) {
	p.mu.Lock()
	p.unresponsive = unresponsive
	conns := p.conns
	if unresponsive {
		p.conns = map[*watchedConn]struct{}{}
	}
	p.mu.Unlock()
	if unresponsive {
		for c := range conns {
			c.Conn.Close()
		}
	}
}

// run checks PostgreSQL until ctx ends, and logs changes.
func (p *healthMonitor) run(ctx context.Context, log *slog.Logger) {
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
		conn, err = p.check(ctx, conn)
		if ctx.Err() != nil {
			closeNow(conn)
			return
		}
		_, answered := errors.AsType[*pgconn.PgError](err) // with an error
		p.setUnresponsive(err != nil && !answered)
		switch wasFailing := p.failing.Swap(err != nil); {
		case !wasFailing && answered:
			log.Error("PostgreSQL refuses connections: calls that need a new one get 503", "error", err)
		case !wasFailing && err != nil:
			log.Error("PostgreSQL does not answer: calls get 503 until it does", "error", err)
		case wasFailing && err == nil:
			log.Info("PostgreSQL answers again")
		}
	}
}

// check pings PostgreSQL over conn, or over a new connection if conn is nil or broken. It
// returns errUnresponsive if there is no answer in time. The returned connection, which may
// be nil, is for the next check.
func (p *healthMonitor) check(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
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
		conn, err := pgx.ConnectConfig(ctx, p.cfg)
		if err == nil {
			err = conn.Ping(ctx)
		}
		if err != nil {
			closeNow(conn)
			conn = nil
		}
		replies <- reply{conn, err}
	}()
	intervals := maxMissedChecks
	if p.isUnresponsive() { // callers get errors at once, so there is time to try each host
		intervals += int(p.cfg.ConnectTimeout/checkInterval) * (1 + len(p.cfg.Fallbacks))
	}
	for i := range intervals {
		select {
		case r := <-replies:
			if i == 0 {
				p.slow.Store(false)
			}
			return r.conn, r.err
		case <-time.After(checkInterval):
			p.slow.Store(true)
		}
	}
	cancel()
	go func() { closeNow((<-replies).conn) }()
	return nil, errUnresponsive
}

// closeNow closes a connection at once, without the message that ends it in order, which
// could block on an unresponsive server.
func closeNow(c *pgx.Conn) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx)
}
