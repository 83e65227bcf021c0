package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"
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
