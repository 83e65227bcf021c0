package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Status is what there is to know about a database, for memo doctor.
type Status struct {
	Server      string        // the name and version of its software
	Latency     time.Duration // of one question, the quickest of three
	Schema      int64         // of the database; 0 where there is none yet
	KnownSchema int64         // the schema that this program makes
	Embedded    bool          // SQLite; what follows is of one kind or the other

	Free          int64 // bytes on the file system of the embedded database, -1 where that cannot be told
	Size          int64 // bytes of its file and its log
	ReserveBytes  int64 // bytes that are kept free for taking access away on a full disk
	ReserveTarget int64 // as many as there should be

	ClockOffset    time.Duration // PostgreSQL's clock, as compared with ours
	Connections    int           // that it has
	MaxConnections int           // that it may have
	UnsafeSettings []string      // settings with which a crash loses what was acknowledged
	Host           string        // or the directory of a Unix socket
	Encrypted      bool          // the line to it
}

// ReadStatus looks at a database and changes nothing, the schema neither.
func ReadStatus(ctx context.Context, cfg Config) (Status, error) {
	if err := cfg.Missing(); err != nil {
		return Status{}, fmt.Errorf("store: there is no database in %s; name its directory with --data: %w", cfg.Dir, err)
	}
	kept := newDiskReserve(cfg.Dir).size()
	s, err := openStore(cfg)
	if err != nil {
		return Status{}, err
	}
	defer s.Close()
	if kept > 0 {
		defer s.makeReserve(ctx, s.write) // to open a database on a full disk takes some of it
	}
	c := Status{Embedded: s.dialect == dialectSQLite}
	for range 3 { // the first connects, and a busy machine may be late once
		begun := time.Now()
		if err := s.Ping(ctx); err != nil {
			return c, err
		}
		if took := time.Since(begun); c.Latency == 0 || took < c.Latency {
			c.Latency = took
		}
	}
	if c.KnownSchema, err = newestMigration(); err != nil {
		return c, err
	}
	// Before the first migration there is no such table, and the database says so.
	if err := s.write.QueryRowContext(ctx,
		`SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&c.Schema); isUnavailable(err) {
		return c, classifyError(err)
	}
	if c.Embedded {
		err = s.readFileStatus(ctx, cfg, &c)
	} else {
		err = s.readServerStatus(ctx, cfg, &c)
	}
	return c, err // not in one line: c may be copied before it is filled in
}

func (s *Store) readFileStatus(ctx context.Context, cfg Config, c *Status) error {
	var version string
	if err := s.q.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return classifyError(err)
	}
	c.Server = "SQLite " + version
	info, err := os.Stat(filepath.Join(cfg.Dir, FileName))
	if err != nil {
		return err
	}
	c.Size = info.Size()
	c.Free, _ = diskRoom(cfg.Dir)
	if wal, err := os.Stat(filepath.Join(cfg.Dir, FileName+"-wal")); err == nil {
		c.Size += wal.Size()
	}
	c.ReserveBytes, c.ReserveTarget = s.diskReserve.size(), reserveSize
	return nil
}

func (s *Store) readServerStatus(ctx context.Context, cfg Config, c *Status) error {
	var version, forgetful string
	var micros int64
	begun := time.Now()
	if err := s.q.QueryRowContext(ctx, `SELECT current_setting('server_version'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
		(SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database), current_setting('max_connections')::int,
		(SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM pg_settings
			WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off')`).
		Scan(&version, &micros, &c.Connections, &c.MaxConnections, &forgetful); err != nil {
		return classifyError(err)
	}
	middle := begun.Add(time.Since(begun) / 2) // it read its clock somewhere on the way
	c.Server, c.ClockOffset = "PostgreSQL "+version, time.UnixMicro(micros).Sub(middle)
	c.UnsafeSettings = strings.Fields(forgetful)
	pg, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return err
	}
	c.Host = pg.Host
	err = s.q.QueryRowContext(ctx, `SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&c.Encrypted)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return classifyError(err)
	}
	return nil
}

// newestMigration is the number that the newest file of a migration begins with.
func newestMigration() (newest int64, err error) {
	files, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	for _, f := range files {
		number, _, _ := strings.Cut(path.Base(f), "_")
		n, bad := strconv.ParseInt(number, 10, 64)
		if bad != nil {
			return 0, bad
		}
		newest = max(newest, n)
	}
	return newest, err
}
