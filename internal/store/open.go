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

// Config says which database to open, and how.
type Config struct {
	// Dir is the data directory of the embedded database, SQLite in DIR/memo.db.
	// It is used if URL is empty.
	Dir string
	// URL of a PostgreSQL database: postgres://…
	URL string
	// Now is the clock; nil means the system clock.
	Now func() time.Time
	// MaxConns is the maximum number of connections to PostgreSQL; 0 means 20. Up to
	// four of them are reserved for authorisation and for ending access.
	MaxConns int
	// StatementTimeout is the timeout of each statement on PostgreSQL, rounded down to
	// milliseconds. If it is set, waiting for a lock, idling in a transaction and
	// committing have fixed timeouts as well. Parameters in the URL take precedence.
	// If it is 0, as for commands, which may take long, none of these timeouts is set.
	// Migrations never have them.
	StatementTimeout time.Duration
	// Indexing is called with the number of indexed texts while the search index is
	// rebuilt, after an upgrade or a restore.
	Indexing Progress
}

// CheckExists returns an error if the embedded database does not exist or cannot be
// found. It returns nil for PostgreSQL.
func (cfg Config) CheckExists() error {
	if cfg.URL != "" {
		return nil
	}
	_, err := os.Stat(filepath.Join(cfg.Dir, FileName))
	return err
}

// FileName is the name of the SQLite database in Config.Dir.
const FileName = "memo.db"

// Open opens the database and migrates its schema. If Dir does not exist, it is
// created so that only its owner can read it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := openStore(cfg)
	if err != nil {
		return nil, err
	}
	migrating := s
	if s.commitTimeout > 0 { // migrate over connections without timeouts
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
	s.fillReserve(ctx, s.write)
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
		return nil, errors.New("store: set a data directory (--data) or a PostgreSQL database (--database)")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: create the data directory: %w", err)
	}
	path := filepath.Join(cfg.Dir, FileName)
	if f, err := createPrivate(path); err == nil {
		giveToOwner(f)
		f.Close()
	}
	reserve := newDiskReserve(cfg.Dir)
	s, err := openSQLite(path, now)
	if isDiskFull(err) { // opening the database needs about 32 kB next to it
		reserve.free(reserveSize)
		s, err = openSQLite(path, now)
	}
	if err != nil {
		return nil, err
	}
	s.diskReserve, s.urgentLock = reserve, openUrgentLock(path+"-urgent")
	return s, nil
}

// authConns is how many connections are reserved for authorisation.
const authConns = 4

// Defaults for connections to PostgreSQL.
const (
	maxConns       = 20
	connectTimeout = 5 * time.Second         // of a command, for each host in the URL
	serveTimeout   = 1200 * time.Millisecond // of a server to connect, for all hosts in the URL together
	connLifetime   = 30 * time.Minute        // limited so that a failover by DNS is noticed
	// idleInTransaction and lockTimeout limit how long replicas wait for the locks of one
	// that hangs in a transaction.
	idleInTransaction = 5 * time.Second
	lockTimeout       = time.Second
	// commitTimeout limits the wait for a synchronous standby that does not confirm.
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
		for name, timeout := range map[string]time.Duration{
			"statement_timeout": cfg.StatementTimeout, "lock_timeout": lockTimeout,
			"idle_in_transaction_session_timeout": idleInTransaction,
		} {
			if _, set := pg.RuntimeParams[name]; !set {
				pg.RuntimeParams[name] = strconv.FormatInt(timeout.Milliseconds(), 10)
			}
		}
	}
	// Searches need this cache (see unprepared), even if the URL turns it off.
	pg.DescriptionCacheCapacity = max(pg.DescriptionCacheCapacity, 64)
	monitor := newHealthMonitor(pg)
	open := func(conns int) *pool {
		db := stdlib.OpenDB(*pg)
		db.SetConnMaxIdleTime(5 * time.Minute)
		db.SetConnMaxLifetime(connLifetime)
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		return &pool{db: db}
	}
	conns := cmp.Or(cfg.MaxConns, maxConns)
	auth := open(min(authConns, max(1, conns-1)))
	data := open(max(1, conns-authConns))
	s := newStore(dialectPostgres, data.db, auth, data, now)
	s.health = monitor
	if cfg.StatementTimeout > 0 {
		s.commitTimeout = commitTimeout
	}
	return s, nil
}

// countHosts counts the hosts in the URL. pg may list a host twice: with TLS and without.
func countHosts(pg *pgx.ConnConfig) int {
	hosts := map[string]bool{pg.Host + " " + strconv.Itoa(int(pg.Port)): true}
	for _, f := range pg.Fallbacks {
		hosts[f.Host+" "+strconv.Itoa(int(f.Port))] = true
	}
	return len(hosts)
}

// createPrivate creates a file that only its owner can read. It fails if the file
// exists.
func createPrivate(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// openSQLite opens a database file. If the file does not exist, it is created so that
// only its owner can read it; SQLite gives its WAL the same mode. untrusted holds additional
// pragmas for a file of unknown origin.
func openSQLite(path string, now func() time.Time, untrusted ...string) (*Store, error) {
	path, err := filepath.Abs(path) // in a file: URL, a relative path would be read as a host
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if f, err := createPrivate(path); err == nil {
		f.Close()
	} else if !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("store: create the database: %w", err)
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
	write, auth, data, checkpointer := open(), open("query_only(1)"), open("query_only(1)"), open()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	checkpointer.SetMaxOpenConns(1)
	s := newStore(dialectSQLite, write, newPool(auth, authConns), newPool(data, max(8, runtime.GOMAXPROCS(0)*4)), now)
	s.turns, s.wal = new(writeQueue), &walCheckpointer{db: checkpointer, autoCheckpointPages: autoCheckpointDefault}
	write.SetMaxOpenConns(1)
	// The first connection switches the file to WAL mode, before anything reads it.
	if err := write.Ping(); err != nil {
		s.Close()
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	return s, nil
}
