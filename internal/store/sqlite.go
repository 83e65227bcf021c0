package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	driver "modernc.org/sqlite"
	"zombiezen.com/go/sqlite"
)

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
	settings := append([]string{"cache_size(-16000)", "mmap_size(268435456)", "temp_store(MEMORY)"}, untrusted...)
	busyTimeout := fmt.Sprintf("busy_timeout(%d)", fileLockTimeout.Milliseconds())
	reading := append([]string{"query_only(1)"}, settings...)
	writing := append([]string{"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}, settings...)
	dsn := func(pragmas ...string) string {
		q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{busyTimeout}, pragmas...)}
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
	write, checkpointer, snapshots := open(writing...), open(writing...), open(reading...)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	checkpointer.SetMaxOpenConns(1)
	pool := func(conns int) *sqlitePool {
		return newSQLitePool(func() (*sqlite.Conn, error) { return openReader(path, len(untrusted) > 0, reading) }, conns)
	}
	s := newStore(dialectSQLite, write, pool(authConns), pool(max(8, runtime.GOMAXPROCS(0)*4)), now)
	s.snapshots = snapshots
	s.turns, s.wal = new(writeQueue), &walCheckpointer{db: checkpointer, autoCheckpointPages: autoCheckpointDefault}
	write.SetMaxOpenConns(1)
	// The first connection switches the file to WAL mode, before anything reads it. If several processes
	// do so at once, SQLite refuses all but one without waiting.
	if err := waitForLock(context.Background(), write.Ping); err != nil {
		s.Close()
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	return s, nil
}

// openReader opens a connection for a sqlitePool, which does not wait for locks. The path is not read
// as a URL.
func openReader(path string, untrusted bool, pragmas []string) (*sqlite.Conn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err == nil {
		c.SetBusyTimeout(0)
	}
	if err == nil && untrusted {
		err = c.SetDefensive(true)
	}
	for _, pragma := range pragmas {
		if err == nil {
			err = runPragma(c, pragma)
		}
	}
	if err != nil && c != nil {
		_ = c.Close()
	}
	return c, err
}

func runPragma(c *sqlite.Conn, pragma string) error {
	s, _, err := c.PrepareTransient("PRAGMA " + pragma)
	if err != nil {
		return err
	}
	_, err = s.Step()
	return errors.Join(err, s.Finalize())
}

// sqliteCode returns the result code of an error of SQLite, which comes from database/sql or from the
// statement API. For another error it is ResultOK or ResultError, which say nothing.
func sqliteCode(err error) sqlite.ResultCode {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return sqlite.ResultCode(e.Code())
	}
	return sqlite.ErrCode(err)
}
