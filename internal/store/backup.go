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

// BackupFile is a backup that was found good.
type BackupFile struct {
	name  string
	dir   string
	store *Store
}

// untrusted are the settings that SQLite has for a file of unknown origin: what
// its schema holds may call no function with an effect, and its pages are
// checked before they are used.
var untrusted = []string{"trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)"}

// OpenBackup opens a copy of a backup, so that bringing an old one up to date
// does not change the file. It fails when the file is not a backup, or has
// anything in its schema that memo did not make.
func OpenBackup(ctx context.Context, path string, now func() time.Time) (*BackupFile, error) {
	dir, err := os.MkdirTemp("", "memo-restore-")
	if err != nil {
		return nil, err
	}
	b := &BackupFile{name: filepath.Base(path), dir: dir}
	work := filepath.Join(dir, FileName)
	if err = copyFile(path, work); err == nil {
		b.store, err = openSQLite(work, now, untrusted...)
	}
	if err == nil {
		err = b.checkSchema(ctx)
	}
	if err == nil {
		err = b.checkPages(ctx)
	}
	if err == nil {
		err = b.store.migrate(ctx)
	}
	if isDiskFull(err) || asDiskFull(err) != nil {
		b.Close()
		return nil, fmt.Errorf("there is no room for a copy of the backup in %s: make some, or name another directory "+
			"in TMPDIR", os.TempDir())
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("%s is not a backup that can be restored: %w. Name a file that 'memo backup' wrote", path, err)
	}
	return b, nil
}

// Close removes the copy.
func (b *BackupFile) Close() {
	if b.store != nil {
		b.store.Close()
	}
	os.RemoveAll(b.dir)
}

// copyFile copies a regular file to a new one for its owner alone.
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

// object is a table, an index, a view or a trigger of an SQLite file.
type object struct {
	kind   string
	table  string // which it belongs to
	stored bool   // it has pages of its own: a virtual table and a view have none
	sql    string // what made it, without comments
}

// objects reads the schema of an SQLite file, and nothing that the schema could
// compute.
func (s *Store) objects(ctx context.Context) (map[string]object, error) {
	all := map[string]object{}
	_, err := queryAll(ctx, plainQuerier{s.write}, func(row scanner) (name string, err error) {
		var o object
		err = row.Scan(&name, &o.kind, &o.table, &o.stored, &o.sql)
		o.sql = withoutComments(o.sql)
		all[name] = o
		return name, err
	}, `SELECT name, type, tbl_name, coalesce(rootpage, 0) > 0, coalesce(sql, '') FROM sqlite_master`)
	return all, err
}

// versions is the table in which the migrations are recorded.
const versions = "goose_db_version"

// checkSchema compares the schema of the copy with the one that the migrations
// make, up to the last that the copy records.
func (b *BackupFile) checkSchema(ctx context.Context) error {
	have, err := b.store.objects(ctx)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(have))
	for _, name := range names {
		if o := have[name]; o.kind != "table" && o.kind != "index" {
			return fmt.Errorf("it holds a %s, %.60q, and a backup has none", have[name].kind, name)
		}
	}
	for _, name := range []string{versions, "api_keys"} {
		if o := have[name]; o.kind != "table" || !o.stored {
			return errors.New("it holds no Memo database")
		}
	}
	var version int64
	row := b.store.write.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`)
	if err := row.Scan(&version); err != nil {
		return err
	}
	known, err := newestMigration()
	if err != nil || version > known {
		return errors.Join(err, b.store.migrate(ctx)) // which says that a newer memo made it
	}
	want, err := schemaOf(ctx, filepath.Join(b.dir, "schema.db"), version)
	if err != nil {
		return err
	}
	for _, name := range names {
		o := have[name]
		switch w, ok := want[name]; {
		case !ok:
			return fmt.Errorf("it holds the %s %.60q, which memo does not make", o.kind, name)
		case o != w:
			return fmt.Errorf("its %s %q is not the one that memo makes", o.kind, name)
		}
	}
	for name, w := range want {
		if _, ok := have[name]; !ok {
			return fmt.Errorf("it has no %s %q", w.kind, name)
		}
	}
	return nil
}

// checkPages finds a file that is damaged.
func (b *BackupFile) checkPages(ctx context.Context) error {
	var found string
	if err := b.store.write.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("it is damaged: %s", strings.ToValidUTF8(found, "�"))
	}
	return nil
}

// schemaOf is the schema that the migrations make up to a version.
func schemaOf(ctx context.Context, path string, version int64) (map[string]object, error) {
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

// withoutComments is a statement of SQL with a space for each comment and each
// run of white space, so that a comment of a migration can be reworded. What is
// quoted stays as it is.
func withoutComments(sql string) string {
	var b strings.Builder
	space := func() {
		if s := b.String(); !strings.HasSuffix(s, " ") {
			b.WriteByte(' ')
		}
	}
	past := func(n int, end string) int { // the index after the next end from n on
		if i := strings.Index(sql[n:], end); i >= 0 {
			return n + i + len(end)
		}
		return len(sql)
	}
	for sql != "" {
		n := 1
		switch c := sql[0]; {
		case strings.HasPrefix(sql, "--"):
			n = past(2, "\n")
			space()
		case strings.HasPrefix(sql, "/*"):
			n = past(2, "*/")
			space()
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			space()
		case strings.IndexByte("'\"`[", c) >= 0:
			n = past(1, map[byte]string{'\'': "'", '"': `"`, '`': "`", '[': "]"}[c])
			b.WriteString(sql[:n])
		default:
			b.WriteByte(c)
		}
		sql = sql[n:]
	}
	return strings.TrimSpace(b.String())
}
