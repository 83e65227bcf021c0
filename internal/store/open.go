package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Config says where the data is.
type Config struct {
	// Dir holds everything when URL is empty: SQLite, in DIR/memo.db.
	Dir string
	// URL of a PostgreSQL database: postgres://…
	URL string
	// Now is the clock; nil means the system's.
	Now func() time.Time
	// MaxConns bounds the connections to PostgreSQL; 0 means 20. Up to four of
	// them are for authorisation and for taking access away, and nothing else.
	MaxConns int
	// StatementTimeout bounds each statement on PostgreSQL, and with it the waiting
	// for locks, the idling in a transaction and the commit; 0, for commands, which
	// may take long, bounds nothing. It is cut to milliseconds; the URL has the last
	// word. Migrations are not bound.
	StatementTimeout time.Duration
	// Indexing is called with the number of texts that were put into the search index,
	// of how many, where a newer version or a restore makes the index again.
	Indexing Progress
}

// Missing is why there is no embedded database yet; nil where there is one, and
// for PostgreSQL.
func (cfg Config) Missing() error {
	if cfg.URL != "" {
		return nil
	}
	_, err := os.Stat(filepath.Join(cfg.Dir, FileName))
	return err
}

// FileName is the name of the SQLite database in Config.Dir.
const FileName = "memo.db"

// Open opens the database and brings its schema up to date. Dir is made if it
// is missing, and only its owner can read it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := openStore(cfg)
	if err != nil {
		return nil, err
	}
	migrating := s
	if s.commitTime > 0 { // its bounds are for calls; a migration may take long
		cfg.StatementTimeout = 0
		if migrating, err = openStore(cfg); err != nil {
			s.Close()
			return nil, err
		}
		defer migrating.Close()
	}
	if err := migrating.migrate(ctx); err != nil {
		s.Close()
		return nil, err
	}
	s.makeReserve(ctx, s.write)
	s.indexing, migrating.indexing = cfg.Indexing, cfg.Indexing
	if err := migrating.indexQueued(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func openStore(cfg Config) (*Store, error) {
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	if cfg.URL != "" {
		return openPostgres(cfg, now)
	}
	if cfg.Dir == "" {
		return nil, errors.New("store: name a directory (--data) or a PostgreSQL database (--database)")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: the data directory cannot be made: %w", err)
	}
	path := filepath.Join(cfg.Dir, FileName)
	if f, err := createPrivate(path); err == nil {
		giveToOwner(f)
		f.Close()
	}
	r := newDiskReserve(cfg.Dir)
	s, err := openSQLite(path, now)
	if isDiskFull(err) { // a restart on a full disk needs some 32 kB beside the database
		r.free(reserveSize)
		s, err = openSQLite(path, now)
	}
	if err != nil {
		return nil, err
	}
	s.diskReserve, s.priority = r, openPriority(path+"-urgent")
	return s, nil
}

// authConns is how many connections authorisation has for itself.
const authConns = 4

// Bounds of a connection to PostgreSQL, where the URL does not say others.
const (
	maxConns       = 20
	connectTimeout = 5 * time.Second         // of a command
	serveTimeout   = 1200 * time.Millisecond // of a server, for all the hosts that the URL names, while a caller waits
	connLifetime   = 30 * time.Minute        // then it is made anew, after a failover where the name leads now
	// A replica that stands still in the middle of a transaction must not keep the
	// others waiting for its locks.
	idleInTransaction = 5 * time.Second
	lockTimeout       = time.Second
	// Nor must a standby that confirms nothing.
	commitTimeout = 1500 * time.Millisecond
)

func openPostgres(cfg Config, now func() time.Time) (*Store, error) {
	if u, err := url.Parse(cfg.URL); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("store: --database takes a URL such as postgres://user:password@host:5432/memo")
	}
	pg, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("store: --database: %w", err)
	}
	if pg.ConnectTimeout == 0 {
		pg.ConnectTimeout = connectTimeout
		if cfg.StatementTimeout > 0 {
			pg.ConnectTimeout = serveTimeout / time.Duration(countHosts(pg))
		}
	}
	if pg.ValidateConnect == nil {
		// A standby may not know yet that a key was revoked.
		pg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if cfg.StatementTimeout > 0 {
		for name, most := range map[string]time.Duration{
			"statement_timeout": cfg.StatementTimeout, "lock_timeout": lockTimeout,
			"idle_in_transaction_session_timeout": idleInTransaction,
		} {
			if _, said := pg.RuntimeParams[name]; !said {
				pg.RuntimeParams[name] = strconv.FormatInt(most.Milliseconds(), 10)
			}
		}
	}
	// Searches need it, whatever the URL says.
	pg.DescriptionCacheCapacity = max(pg.DescriptionCacheCapacity, 64)
	pulse := newHealthMonitor(pg)
	open := func(conns int) *pool {
		db := stdlib.OpenDB(*pg)
		db.SetConnMaxIdleTime(5 * time.Minute)
		db.SetConnMaxLifetime(connLifetime)
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		return &pool{db: db}
	}
	conns := cmp.Or(cfg.MaxConns, maxConns)
	access := open(min(authConns, max(1, conns-1)))
	data := open(max(1, conns-authConns))
	s := newStore(dialectPostgres, data.db, access, data, now)
	s.health = pulse
	if cfg.StatementTimeout > 0 {
		s.commitTime = commitTimeout
	}
	return s, nil
}

// countHosts counts what the URL names; a host may be tried twice, with TLS and
// without.
func countHosts(pg *pgx.ConnConfig) int {
	hosts := map[string]bool{pg.Host + " " + strconv.Itoa(int(pg.Port)): true}
	for _, f := range pg.Fallbacks {
		hosts[f.Host+" "+strconv.Itoa(int(f.Port))] = true
	}
	return len(hosts)
}

// createPrivate makes a file that only its owner reads; there must be none.
func createPrivate(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// openSQLite opens a database file, which is made readable for its owner alone
// before SQLite first writes to it; its WAL takes over the same mode. The pragmas
// named in untrusted are for a file that somebody else may have made.
func openSQLite(path string, now func() time.Time, untrusted ...string) (*Store, error) {
	path, err := filepath.Abs(path) // a relative one would be a host in a file: URL
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if f, err := createPrivate(path); err == nil {
		f.Close()
	} else if !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("store: the database cannot be made: %w", err)
	}
	dsn := func(pragmas ...string) string {
		pragmas = append(pragmas, untrusted...)
		q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			"cache_size(-16000)", "mmap_size(268435456)", "temp_store(MEMORY)",
		}, pragmas...)}
		if len(untrusted) > 0 {
			q.Set("_defensive", "1")
		}
		return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
	}
	open := func(pragmas ...string) *sql.DB {
		if err == nil {
			var db *sql.DB
			if db, err = sql.Open("sqlite", dsn(pragmas...)); err == nil {
				return db
			}
		}
		return nil
	}
	write, access, read, copying := open(), open("query_only(1)"), open("query_only(1)"), open()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	copying.SetMaxOpenConns(1)
	s := newStore(dialectSQLite, write, newPool(access, authConns), newPool(read, max(8, runtime.GOMAXPROCS(0)*4)), now)
	s.turns, s.wal = new(writeQueue), &walCheckpointer{db: copying, autoCheckpointPages: checkpointAlways}
	write.SetMaxOpenConns(1)
	// The first connection puts the file into WAL mode, before any reader comes.
	if err := write.Ping(); err != nil {
		s.Close()
		return nil, fmt.Errorf("store: %s cannot be opened: %w", path, err)
	}
	return s, nil
}
