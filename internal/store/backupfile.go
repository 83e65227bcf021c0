package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// BackupFile is an open, migrated copy of a backup that has passed all checks.
type BackupFile struct {
	name  string // of the original file
	dir   string // temporary directory of the copy
	store *Store
}

// untrustedPragmas are settings of SQLite for a file of unknown origin: the schema of the file
// cannot call functions with side effects, and pages are checked before they are used.
var untrustedPragmas = []string{"trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)"}

// OpenBackup checks a backup and opens a migrated copy of it. It does not change the file. It
// returns an error if the file is not a backup, is damaged, or has anything in its schema that
// memo did not create.
func OpenBackup(ctx context.Context, path string, now func() time.Time) (*BackupFile, error) {
	dir, err := os.MkdirTemp("", "memo-restore-")
	if err != nil {
		return nil, err
	}
	b := &BackupFile{name: filepath.Base(path), dir: dir}
	copied := filepath.Join(dir, FileName)
	if err = copyFile(path, copied); err == nil {
		b.store, err = openSQLite(copied, now, untrustedPragmas...)
	}
	if err == nil {
		err = b.checkSchema(ctx)
	}
	if err == nil {
		err = b.store.checkPages(ctx)
	}
	if err == nil {
		err = b.store.migrate(ctx)
	}
	if isDiskFull(err) || asDiskFull(err) != nil {
		b.Close()
		return nil, fmt.Errorf("not enough disk space for a copy of the backup in %s: free some space, "+
			"or set TMPDIR to another directory", os.TempDir())
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("%s cannot be restored: %w. Use a file that 'memo backup' wrote", path, err)
	}
	return b, nil
}

// Close closes and removes the copy.
func (b *BackupFile) Close() {
	if b.store != nil {
		b.store.Close()
	}
	os.RemoveAll(b.dir)
}

// copyFile copies a regular file to a new file that only its owner can read.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(errors.New("it is not a regular file"), err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return errors.Join(err, out.Close())
}

// schemaObject is a table, an index, a view or a trigger in a SQLite file.
type schemaObject struct {
	kind   string
	table  string // the table that it belongs to
	stored bool   // it has pages of its own; views, triggers and virtual tables have none
	sql    string // the statement that created it, without comments
}

// objects returns the objects in the schema of a SQLite file, by name. It reads only sqlite_master, so it
// runs nothing that is defined in the file.
func (s *Store) objects(ctx context.Context) (map[string]schemaObject, error) {
	all := map[string]schemaObject{}
	_, err := queryAll(ctx, plainQuerier{s.write}, func(row scanner) (name string, err error) {
		var o schemaObject
		err = row.Scan(&name, &o.kind, &o.table, &o.stored, &o.sql)
		o.sql = withoutComments(o.sql)
		all[name] = o
		return name, err
	}, `SELECT name, type, tbl_name, coalesce(rootpage, 0) > 0, coalesce(sql, '') FROM sqlite_master`)
	return all, err
}

// migrationsTable is the table in which goose records the applied migrations.
const migrationsTable = "goose_db_version"

// checkSchema returns an error if the schema of the copy differs from the one that the
// migrations create, up to the last migration that the copy records.
func (b *BackupFile) checkSchema(ctx context.Context) error {
	have, err := b.store.objects(ctx)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(have))
	for _, name := range names {
		if o := have[name]; o.kind != "table" && o.kind != "index" {
			return fmt.Errorf("it contains a %s, %.60q, and a backup has none", o.kind, name)
		}
	}
	for _, name := range []string{migrationsTable, "api_keys"} {
		if o := have[name]; o.kind != "table" || !o.stored {
			return errors.New("it is not a Memo database")
		}
	}
	var version int64
	row := b.store.write.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`)
	if err := row.Scan(&version); err != nil {
		return err
	}
	known, err := newestMigration()
	if err != nil || version > known {
		return errors.Join(err, b.store.migrate(ctx)) // migrate returns the error for a newer schema
	}
	want, err := schemaOf(ctx, filepath.Join(b.dir, "schema.db"), version)
	if err != nil {
		return err
	}
	for _, name := range names {
		o := have[name]
		switch w, ok := want[name]; {
		case !ok:
			return fmt.Errorf("it contains the %s %.60q, which memo does not create", o.kind, name)
		case o != w:
			return fmt.Errorf("its %s %q differs from the one that memo creates", o.kind, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := have[name]; !ok {
			return fmt.Errorf("it has no %s %q", want[name].kind, name)
		}
	}
	return nil
}

// schemaOf returns the schema that the migrations up to version create. It creates a database
// at path for this.
func schemaOf(ctx context.Context, path string, version int64) (map[string]schemaObject, error) {
	s, err := openSQLite(path, time.Now)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p, err := s.migrations()
	if err != nil {
		return nil, err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return nil, err
	}
	return s.objects(ctx)
}

// withoutComments replaces each run of comments and white space in an SQL statement with one
// space, so that two statements are equal even if the comments of a migration were reworded. It
// does not change quoted text.
func withoutComments(sql string) string {
	var b strings.Builder
	space := func() {
		if s := b.String(); !strings.HasSuffix(s, " ") {
			b.WriteByte(' ')
		}
	}
	indexAfter := func(n int, end string) int { // the index after the first end at or after n
		if i := strings.Index(sql[n:], end); i >= 0 {
			return n + i + len(end)
		}
		return len(sql)
	}
	for sql != "" {
		n := 1
		switch c := sql[0]; {
		case strings.HasPrefix(sql, "--"):
			n = indexAfter(2, "\n")
			space()
		case strings.HasPrefix(sql, "/*"):
			n = indexAfter(2, "*/")
			space()
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			space()
		case strings.IndexByte("'\"`[", c) >= 0:
			n = indexAfter(1, map[byte]string{'\'': "'", '"': `"`, '`': "`", '[': "]"}[c])
			b.WriteString(sql[:n])
		default:
			b.WriteByte(c)
		}
		sql = sql[n:]
	}
	return strings.TrimSpace(b.String())
}
