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

// To add a migration, add a file with the next number to BOTH folders, with an Up
// part only, and list its tables and columns in backup.go for backups and restores. Never
// change a released file, except its comments.
//
//go:embed migrations
var migrations embed.FS

// migrate brings the schema to the newest version that this program knows. It fails if
// the schema is newer. Several processes may call it at the same time; each migration
// is applied once.
func (s *Store) migrate(ctx context.Context) error {
	p, err := s.migrations()
	if err != nil {
		return err
	}
	// goose has no lock for SQLite. If another process applies a migration first, it fails here,
	// and the next attempt finds it applied.
	for attempt := 0; ; attempt++ {
		have, want, err := p.GetVersions(ctx)
		switch {
		case err == nil && have > want:
			return fmt.Errorf("store: the database has schema %d, which a newer memo made; this one knows schemas up to %d. "+
				"Run the newer memo, or restore a backup into an empty database", have, want)
		case err == nil && have == want:
			return nil
		case err == nil:
			_, err = p.Up(ctx)
		}
		if err == nil {
			return nil
		}
		if _, failed := errors.AsType[*pgconn.ConnectError](err); failed {
			return fmt.Errorf("store: connect to PostgreSQL: %w", err)
		}
		if attempt == 20 || ctx.Err() != nil {
			return fmt.Errorf("store: migrate the schema: %w", classifyError(err))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// migrations returns the migrations for the dialect of this database.
func (s *Store) migrations() (*goose.Provider, error) {
	folder, gooseDialect, opts := "migrations/sqlite", goose.DialectSQLite3, []goose.ProviderOption{}
	if s.dialect == dialectPostgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // every second, for five minutes
		if err != nil {
			return nil, err
		}
		folder, gooseDialect = "migrations/postgres", goose.DialectPostgres
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(gooseDialect, s.write, files, append(opts, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	return p, nil
}
