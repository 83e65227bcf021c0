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
	beat    = 250 * time.Millisecond
	silence = 5
)

// pulse knows whether PostgreSQL answers. When it stops to, every connection is
// cut, so that whoever waits on one hears so at once, and no new one is made until
// it answers again. A deadline for each statement would have to be longer than
// the longest search, and a server that stands still takes connections as before.
//
// An error from the server cuts nothing: one that has no connection to spare, or
// is starting up, says so itself to everybody who asks.
type pulse struct {
	cfg  *pgx.ConnConfig // of a connection of its own
	dial pgconn.DialFunc

	down atomic.Bool // the last question got no answer but an error
	slow atomic.Bool // it took longer than a beat, or does so far

	mu    sync.Mutex
	away  bool
	conns map[*cut]struct{}
}

// errSilent ends what waits for a PostgreSQL that does not answer.
var errSilent = errors.New("store: PostgreSQL does not answer")

// newPulse takes over how cfg connects.
func newPulse(cfg *pgx.ConnConfig) *pulse {
	p := &pulse{cfg: cfg.Copy(), dial: cfg.DialFunc, conns: map[*cut]struct{}{}}
	cfg.DialFunc = p.connect
	return p
}

// cut is a connection that the pulse may close under its user.
type cut struct {
	net.Conn
	pulse *pulse
}

func (c *cut) Close() error {
	c.pulse.mu.Lock()
	delete(c.pulse.conns, c)
	c.pulse.mu.Unlock()
	return c.Conn.Close()
}

func (p *pulse) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if p.isAway() {
		return nil, errSilent
	}
	conn, err := p.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &cut{conn, p}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		conn.Close()
		return nil, errSilent
	}
	p.conns[c] = struct{}{}
	return c, nil
}

func (p *pulse) isAway() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away
}

// set notes whether PostgreSQL is silent, and cuts what waits if it is.
func (p *pulse) set(away bool) {
	p.mu.Lock()
	p.away = away
	conns := p.conns
	if away {
		p.conns = map[*cut]struct{}{}
	}
	p.mu.Unlock()
	if away {
		for c := range conns {
			c.Conn.Close()
		}
	}
}

// watch asks until ctx ends.
func (p *pulse) watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	var own *pgx.Conn
	for {
		select {
		case <-ctx.Done():
			hangUp(own)
			return
		case <-tick.C:
		}
		var err error
		own, err = p.ask(ctx, own)
		if ctx.Err() != nil {
			hangUp(own)
			return
		}
		_, says := errors.AsType[*pgconn.PgError](err)
		p.set(err != nil && !says)
		switch down := p.down.Swap(err != nil); {
		case !down && says:
			log.Error("PostgreSQL takes no more connections of ours: calls get 503 where they need one", "error", err)
		case !down && err != nil:
			log.Error("PostgreSQL does not answer: calls get 503 until it does", "error", err)
		case down && err == nil:
			log.Info("PostgreSQL answers again")
		}
	}
}

// ask hears whether the server says anything within its turns. It returns the
// connection for the next time, or nil.
func (p *pulse) ask(ctx context.Context, own *pgx.Conn) (*pgx.Conn, error) {
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
		hangUp(own) // it alone may have been ended, or the server started anew
		own, err := pgx.ConnectConfig(ctx, p.cfg)
		if err == nil {
			err = own.Ping(ctx)
		}
		if err != nil {
			hangUp(own)
			own = nil
		}
		asked <- reply{own, err}
	}()
	turns := silence
	if p.isAway() { // nobody waits for it now, and each host that is named has its time
		turns += int(p.cfg.ConnectTimeout/beat) * (1 + len(p.cfg.Fallbacks))
	}
	for turn := range turns {
		select {
		case r := <-asked:
			if turn == 0 {
				p.slow.Store(false)
			}
			return r.own, r.err
		case <-time.After(beat):
			p.slow.Store(true)
		}
	}
	cancel()
	go func() { hangUp((<-asked).own) }()
	return nil, errSilent
}

// hangUp closes a connection without a farewell, which a silent server would be
// waited for.
func hangUp(c *pgx.Conn) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx)
}
