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

// Condition is what there is to know about a database, for memo doctor.
type Condition struct {
	Server   string        // the name and version of its software
	Took     time.Duration // of one question, the quickest of three
	Schema   int64         // of the database; 0 where there is none yet
	Known    int64         // the schema that this program makes
	Embedded bool          // SQLite; what follows is of one kind or the other

	Free int64 // bytes on the file system of the embedded database, -1 where that cannot be told
	Size int64 // bytes of its file and its log
	Kept int64 // bytes that are kept free for taking access away on a full disk
	Keep int64 // as many as there should be

	Ahead       time.Duration // PostgreSQL's clock, as compared with ours
	Connections int           // that it has
	Most        int           // that it may have
	Forgetful   []string      // settings with which a crash loses what was acknowledged
	Host        string        // or the directory of a Unix socket
	Encrypted   bool          // the line to it
}

// Examine looks at a database and changes nothing, the schema neither.
func Examine(ctx context.Context, cfg Config) (Condition, error) {
	if err := cfg.Missing(); err != nil {
		return Condition{}, fmt.Errorf("store: there is no database in %s; name its directory with --data: %w", cfg.Dir, err)
	}
	kept := newReserve(cfg.Dir).size()
	s, err := open(cfg)
	if err != nil {
		return Condition{}, err
	}
	defer s.Close()
	if kept > 0 {
		defer s.makeReserve(ctx, s.write) // to open a database on a full disk takes some of it
	}
	c := Condition{Embedded: s.dialect == dialectSQLite}
	for range 3 { // the first connects, and a busy machine may be late once
		begun := time.Now()
		if err := s.Ping(ctx); err != nil {
			return c, err
		}
		if took := time.Since(begun); c.Took == 0 || took < c.Took {
			c.Took = took
		}
	}
	if c.Known, err = newestMigration(); err != nil {
		return c, err
	}
	// Before the first migration there is no such table, and the database says so.
	if err := s.write.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&c.Schema); isAway(err) {
		return c, classify(err)
	}
	if c.Embedded {
		err = s.examineFile(ctx, cfg, &c)
	} else {
		err = s.examineServer(ctx, cfg, &c)
	}
	return c, err // not in one line: c may be copied before it is filled in
}

func (s *Store) examineFile(ctx context.Context, cfg Config, c *Condition) error {
	var version string
	if err := s.q.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return classify(err)
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
	c.Kept, c.Keep = s.reserve.size(), reserveSize
	return nil
}

func (s *Store) examineServer(ctx context.Context, cfg Config, c *Condition) error {
	var version, forgetful string
	var micros int64
	begun := time.Now()
	if err := s.q.QueryRowContext(ctx, `SELECT current_setting('server_version'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
		(SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database), current_setting('max_connections')::int,
		(SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM pg_settings
			WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off')`).
		Scan(&version, &micros, &c.Connections, &c.Most, &forgetful); err != nil {
		return classify(err)
	}
	middle := begun.Add(time.Since(begun) / 2) // it read its clock somewhere on the way
	c.Server, c.Ahead = "PostgreSQL "+version, time.UnixMicro(micros).Sub(middle)
	c.Forgetful = strings.Fields(forgetful)
	pg, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return err
	}
	c.Host = pg.Host
	err = s.q.QueryRowContext(ctx, `SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&c.Encrypted)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return classify(err)
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
