package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

// Status is the status report of a database, for memo doctor.
type Status struct {
	Server      string        // name and version of the database software
	Latency     time.Duration // of one query, the fastest of three
	Schema      int64         // version of the schema; 0 before the first migration
	KnownSchema int64         // version of the newest schema that this program knows
	Embedded    bool          // the database is SQLite

	// These are set for SQLite only.

	Free          int64 // free bytes on the file system, -1 if not known
	Size          int64 // bytes of the database file and its WAL
	ReserveBytes  int64 // current size of the disk reserve in bytes
	ReserveTarget int64 // size that the disk reserve should have

	// These are set for PostgreSQL only.

	ClockOffset    time.Duration // how far PostgreSQL's clock is ahead of ours
	Connections    int           // open connections of the server
	MaxConnections int           // the server's max_connections
	UnsafeSettings []string      // settings with which a crash can lose acknowledged commits
	Host           string        // host name, or directory of the Unix socket
	Encrypted      bool          // the connection uses TLS
}

// ReadStatus examines a database. It changes nothing and does not migrate the schema.
func ReadStatus(ctx context.Context, cfg Config) (Status, error) {
	if err := cfg.CheckExists(); err != nil {
		return Status{}, fmt.Errorf("store: there is no database in %s; set its directory with --data: %w", cfg.Dir, err)
	}
	reserved := newDiskReserve(cfg.Dir).size()
	s, err := openStore(cfg)
	if err != nil {
		return Status{}, err
	}
	defer s.Close()
	if reserved > 0 {
		defer s.fillReserve(ctx, s.write) // on a full disk, openStore frees it
	}
	c := Status{Embedded: s.dialect == dialectSQLite}
	for range 3 { // the first includes connecting, and another may be slow by chance
		start := time.Now()
		if err := s.Ping(ctx); err != nil {
			return c, err
		}
		if took := time.Since(start); c.Latency == 0 || took < c.Latency {
			c.Latency = took
		}
	}
	if c.KnownSchema, err = newestMigration(); err != nil {
		return c, err
	}
	// Before the first migration the table does not exist, and Schema remains 0.
	if err := s.write.QueryRowContext(ctx,
		`SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&c.Schema); isUnavailable(err) {
		return c, classifyError(err)
	}
	if c.Embedded {
		err = s.readFileStatus(ctx, cfg, &c)
	} else {
		err = s.readServerStatus(ctx, cfg, &c)
	}
	return c, err // in "return c, s.read…(&c)", c could be copied before the call
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
	c.Free, _ = diskSpace(cfg.Dir)
	if wal, err := os.Stat(filepath.Join(cfg.Dir, FileName+"-wal")); err == nil {
		c.Size += wal.Size()
	}
	c.ReserveBytes, c.ReserveTarget = s.diskReserve.size(), reserveSize
	return nil
}

func (s *Store) readServerStatus(ctx context.Context, cfg Config, c *Status) error {
	var version, unsafeSettings string
	var micros int64
	start := time.Now()
	if err := s.q.QueryRowContext(ctx, `SELECT current_setting('server_version'),
		(extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
		(SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database), current_setting('max_connections')::int,
		(SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM pg_settings
			WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off')`).
		Scan(&version, &micros, &c.Connections, &c.MaxConnections, &unsafeSettings); err != nil {
		return classifyError(err)
	}
	middle := start.Add(time.Since(start) / 2) // the best estimate of when PostgreSQL read its clock
	c.Server, c.ClockOffset = "PostgreSQL "+version, time.UnixMicro(micros).Sub(middle)
	c.UnsafeSettings = strings.Fields(unsafeSettings)
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

// newestMigration returns the number of the newest migration.
func newestMigration() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/sqlite/*.sql") // in the order of their numbers
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(files[len(files)-1])
}
