package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
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
	// Serving says that callers wait for the database, as they do for a server. On PostgreSQL
	// a connection, a statement, a lock, a transaction and a commit then have the timeouts of
	// docs/operations.md#deadlines. Migrations and commands may take long and have none of
	// them, except for a connection.
	Serving bool
	// StatementTimeout is the timeout of each statement if Serving is set, rounded down to
	// milliseconds; 0 means 30 s.
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
	if s.serving { // migrate over connections without timeouts
		cfg.Serving = false
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

// createPrivate creates a file that only its owner can read. It fails if the file
// exists.
func createPrivate(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}
