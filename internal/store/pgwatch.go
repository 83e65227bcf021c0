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

// How often PostgreSQL is asked whether it answers, and for how many such turns
// it may be silent. Turns are counted, not seconds: a machine that stood still
// itself wakes up within one of them. Together they leave who is waiting for an
// answer well under two seconds.
const (
	checkInterval   = 250 * time.Millisecond
	maxMissedChecks = 5
)

// healthMonitor knows whether PostgreSQL answers. When it stops to, every connection is
// cut, so that whoever waits on one hears so at once, and no new one is made until
// it answers again. A deadline for each statement would have to be longer than
// the longest search, and a server that stands still takes connections as before.
//
// An error from the server cuts nothing: one that has no connection to spare, or
// is starting up, says so itself to everybody who asks.
type healthMonitor struct {
	cfg  *pgx.ConnConfig // of a connection of its own
	dial pgconn.DialFunc

	failing atomic.Bool // the last question got no answer but an error
	slow    atomic.Bool // it took longer than a beat, or does so far

	mu           sync.Mutex
	unresponsive bool
	conns        map[*watchedConn]struct{}
}

// errUnresponsive ends what waits for a PostgreSQL that does not answer.
var errUnresponsive = errors.New("store: PostgreSQL does not answer")

// newHealthMonitor takes over how cfg connects.
func newHealthMonitor(cfg *pgx.ConnConfig) *healthMonitor {
	p := &healthMonitor{cfg: cfg.Copy(), dial: cfg.DialFunc, conns: map[*watchedConn]struct{}{}}
	cfg.DialFunc = p.connect
	return p
}

// watchedConn is a connection that the pulse may close under its user.
type watchedConn struct {
	net.Conn
	pulse *healthMonitor
}

func (c *watchedConn) Close() error {
	c.pulse.mu.Lock()
	delete(c.pulse.conns, c)
	c.pulse.mu.Unlock()
	return c.Conn.Close()
}

func (p *healthMonitor) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if p.isAway() {
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

func (p *healthMonitor) isAway() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unresponsive
}

// setUnresponsive notes whether PostgreSQL is silent, and cuts what waits if it is.
func (p *healthMonitor) setUnresponsive(away bool) {
	p.mu.Lock()
	p.unresponsive = away
	conns := p.conns
	if away {
		p.conns = map[*watchedConn]struct{}{}
	}
	p.mu.Unlock()
	if away {
		for c := range conns {
			c.Conn.Close()
		}
	}
}

// run asks until ctx ends.
func (p *healthMonitor) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	var own *pgx.Conn
	for {
		select {
		case <-ctx.Done():
			closeNow(own)
			return
		case <-tick.C:
		}
		var err error
		own, err = p.check(ctx, own)
		if ctx.Err() != nil {
			closeNow(own)
			return
		}
		_, says := errors.AsType[*pgconn.PgError](err)
		p.setUnresponsive(err != nil && !says)
		switch down := p.failing.Swap(err != nil); {
		case !down && says:
			log.Error("PostgreSQL takes no more connections of ours: calls get 503 where they need one", "error", err)
		case !down && err != nil:
			log.Error("PostgreSQL does not answer: calls get 503 until it does", "error", err)
		case down && err == nil:
			log.Info("PostgreSQL answers again")
		}
	}
}

// check hears whether the server says anything within its turns. It returns the
// connection for the next time, or nil.
func (p *healthMonitor) check(ctx context.Context, own *pgx.Conn) (*pgx.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type reply struct {
		own *pgx.Conn
		err error
	}
	asked := make(chan reply, 1)
	go func() {
		if own != nil && own.Ping(ctx) == nil {
			asked <- reply{own, nil}
			return
		}
		closeNow(own) // it alone may have been ended, or the server started anew
		own, err := pgx.ConnectConfig(ctx, p.cfg)
		if err == nil {
			err = own.Ping(ctx)
		}
		if err != nil {
			closeNow(own)
			own = nil
		}
		asked <- reply{own, err}
	}()
	turns := maxMissedChecks
	if p.isAway() { // nobody waits for it now, and each host that is named has its time
		turns += int(p.cfg.ConnectTimeout/checkInterval) * (1 + len(p.cfg.Fallbacks))
	}
	for turn := range turns {
		select {
		case r := <-asked:
			if turn == 0 {
				p.slow.Store(false)
			}
			return r.own, r.err
		case <-time.After(checkInterval):
			p.slow.Store(true)
		}
	}
	cancel()
	go func() { closeNow((<-asked).own) }()
	return nil, errUnresponsive
}

// closeNow closes a connection without a farewell, which a silent server would be
// waited for.
func closeNow(c *pgx.Conn) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx)
}
