package store

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"memoai.tech/memo/internal/store/pgwatch"
)

// Limits of connections to PostgreSQL.
const (
	maxConns     = 20
	connLifetime = 30 * time.Minute // so that a failover by DNS is noticed
	connIdleTime = 5 * time.Minute
)

// Timeouts on PostgreSQL, which docs/operations.md#deadlines explains.
const (
	connectTimeout      = 5 * time.Second         // of a command, for each host in the URL
	serveConnectTimeout = 1200 * time.Millisecond // of a server, for all hosts in the URL together

	// How long a host may acknowledge nothing.
	ackTimeout      = 10 * time.Second // of a command
	serveAckTimeout = 1500 * time.Millisecond

	// The others are for a server only.
	statementTimeout = 30 * time.Second
	// idleInTransaction and lockTimeout limit how long replicas wait for the locks of one
	// that hangs in a transaction.
	idleInTransaction = 5 * time.Second
	lockTimeout       = time.Second
	// commitTimeout limits the wait for a synchronous standby that does not confirm. It is no
	// setting of the connection: PostgreSQL would end the wait and report success.
	commitTimeout = 1500 * time.Millisecond
)

func openPostgres(cfg Config, now func() time.Time) (*Store, error) {
	if u, err := url.Parse(cfg.URL); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("store: --database must be a URL such as postgres://user:password@host:5432/memo")
	}
	pg, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("store: --database: %w", err)
	}
	setTimeouts(pg, cfg)
	if pg.ValidateConnect == nil {
		// A standby may not know yet that a key was revoked.
		pg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	// Searches need this cache (see unprepared), even if the URL turns it off.
	pg.DescriptionCacheCapacity = max(pg.DescriptionCacheCapacity, 64)
	monitor := pgwatch.New(pg)
	open := func(conns int) *preparingPool {
		db := stdlib.OpenDB(*pg)
		db.SetConnMaxIdleTime(connIdleTime)
		db.SetConnMaxLifetime(connLifetime)
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		return &preparingPool{db: db}
	}
	conns := cmp.Or(cfg.MaxConns, maxConns)
	auth := open(min(authConns, max(1, conns-1)))
	data := open(max(1, conns-authConns))
	s := newStore(dialectPostgres, data.db, auth, data, now)
	s.monitor, s.serving, s.urgent = monitor, cfg.Serving, auth.db
	return s, nil
}

// setTimeouts sets the timeouts of connections. Those in the URL take precedence.
func setTimeouts(pg *pgx.ConnConfig, cfg Config) {
	connect, ack := connectTimeout, ackTimeout
	if cfg.Serving {
		connect, ack = serveConnectTimeout/time.Duration(countHosts(pg)), serveAckTimeout
		for name, timeout := range map[string]time.Duration{
			"statement_timeout": cmp.Or(cfg.StatementTimeout, statementTimeout), "lock_timeout": lockTimeout,
			"idle_in_transaction_session_timeout": idleInTransaction,
		} {
			if _, set := pg.RuntimeParams[name]; !set {
				pg.RuntimeParams[name] = strconv.FormatInt(timeout.Milliseconds(), 10)
			}
		}
	}
	pg.ConnectTimeout = cmp.Or(pg.ConnectTimeout, connect)
	dialer := &net.Dialer{
		// For connections on which nothing is sent.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: time.Second, Count: 3},
		Control:         limitUnacknowledged(ack),
	}
	pg.DialFunc = dialer.DialContext
}

// countHosts counts the hosts in the URL. pg may list a host twice: with TLS and without.
func countHosts(pg *pgx.ConnConfig) int {
	hosts := map[string]bool{pg.Host + " " + strconv.Itoa(int(pg.Port)): true}
	for _, f := range pg.Fallbacks {
		hosts[f.Host+" "+strconv.Itoa(int(f.Port))] = true
	}
	return len(hosts)
}
