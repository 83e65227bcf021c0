package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Adding a migration: a file of the next number in BOTH folders, with an Up
// part only; its tables and columns in copy.go, where backups and restores list
// them. A released file is never changed, but for its comments.
//
//go:embed migrations
var migrations embed.FS

// migrate brings the schema to the newest version that this program knows.
// Several processes may do it at once: each migration is applied once.
func (s *Store) migrate(ctx context.Context) error {
	p, err := s.migrations()
	if err != nil {
		return err
	}
	// goose has no lock for SQLite. A migration that another process finished
	// first fails here and is found done on the next look.
	for try := 0; ; try++ {
		have, want, err := p.GetVersions(ctx)
		switch {
		case err == nil && have > want:
			return fmt.Errorf("store: the database has schema %d, and this program knows %d: it was made by a newer memo. "+
				"Start that one, or restore a backup into a new place", have, want)
		case err == nil && have == want:
			return nil
		case err == nil:
			_, err = p.Up(ctx)
		}
		if err == nil {
			return nil
		}
		if _, away := errors.AsType[*pgconn.ConnectError](err); away {
			return fmt.Errorf("store: PostgreSQL cannot be reached: %w", err)
		}
		if try == 20 || ctx.Err() != nil {
			return fmt.Errorf("store: the schema cannot be brought up to date: %w", classifyError(err))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// migrations are those of the database that is open.
func (s *Store) migrations() (*goose.Provider, error) {
	folder, kind, opts := "migrations/sqlite", goose.DialectSQLite3, []goose.ProviderOption{}
	if s.dialect == dialectPostgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // every second, for five minutes
		if err != nil {
			return nil, err
		}
		folder, kind = "migrations/postgres", goose.DialectPostgres
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(kind, s.write, files, append(opts, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	return p, nil
}
