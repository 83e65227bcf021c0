package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"memoai.tech/memo"
)

// Restored says what a restore did to the keys of the backup.
type Restored struct {
	Transcriptions int64 `json:"transcriptions"`
	Keys           int64 `json:"keys"`
	CarriedOver    int64 `json:"carried_over"` // dead in the present database, and so in the restored one
	Deactivated    int64 `json:"deactivated"`  // not known to the present database, so nobody can say whether they were revoked
	MembersLeft    int64 `json:"members_left"` // memberships of the backup that have ended since, and stay so

	// Ownerless are the ids of workspaces that have no OWNER who may sign in:
	// those of the backup have lost that since, and later ones are not in it.
	Ownerless []string `json:"ownerless"`
}

// Restore replaces everything by what the backup holds, in one transaction. The
// search index is made after it; the next start goes on where that ends early. No
// key comes back to life: whatever ended one in the present database ends it
// in the restored one, and a key that the present database does not know is
// deactivated, unless keepUnknown. Nobody who has lost access since gets it
// back, nor do old passwords work.
func (s *Store) Restore(ctx context.Context, b *Backup, keepUnknown bool, progress Progress) (r Restored, err error) {
	from := b.store
	err = s.Write(ctx, func(to *Tx) error {
		if err := to.lockAll(ctx); err != nil {
			return err
		}
		ends, err := to.keyEnds(ctx)
		if err != nil {
			return err
		}
		people, err := to.standing(ctx)
		if err != nil {
			return err
		}
		if err := to.empty(ctx); err != nil {
			return err
		}
		if err := copyTables(ctx, direct{from.read.db}, to, progress); err != nil {
			return err
		}
		if err := to.exec(ctx, `INSERT INTO search_pending SELECT seq FROM transcriptions`); err != nil {
			return err
		}
		if err := to.exec(ctx, `UPDATE workspaces SET content_version = CASE WHEN content_version >= $1 THEN content_version + 1 ELSE $1 END`, millis(to.Now)); err != nil {
			return err
		}
		if r, err = to.endKeys(ctx, ends, keepUnknown); err != nil {
			return err
		}
		if r.MembersLeft, err = to.endAccess(ctx, people); err != nil {
			return err
		}
		if r.Ownerless, err = to.ownerless(ctx); err != nil {
			return err
		}
		return to.Record(ctx, memo.Event{
			Action: memo.ActionRestored, Actor: "operator", Subject: b.name,
			Detail: fmt.Sprintf("%d keys: %d ends carried over, %d deactivated; %d members who had left", r.Keys, r.CarriedOver, r.Deactivated, r.MembersLeft),
		})
	})
	if err != nil {
		return r, err
	}
	return r, s.indexPending(ctx)
}

// Backup is a backup that was found good.
type Backup struct {
	name  string
	dir   string
	store *Store
}

// OpenBackup opens a copy of a backup, so that bringing an old one up to date
// does not change the file. It fails when the file is no backup.
func OpenBackup(ctx context.Context, path string, now func() time.Time) (*Backup, error) {
	dir, err := os.MkdirTemp("", "memo-restore-")
	if err != nil {
		return nil, err
	}
	b := &Backup{name: filepath.Base(path), dir: dir}
	work := filepath.Join(dir, FileName)
	if err = copyFile(path, work); err == nil {
		b.store, err = openSQLite(work, now)
	}
	var tables int
	if err == nil {
		err = b.store.write.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name IN ('api_keys', 'goose_db_version')`).Scan(&tables)
	}
	if err == nil && tables != 2 {
		err = errors.New("it holds no Memo database")
	}
	if err == nil {
		err = b.store.migrate(ctx)
	}
	if isFull(err) || orFull(err) != nil {
		b.Close()
		return nil, fmt.Errorf("there is no room for a copy of the backup in %s: make some, or name another directory in TMPDIR", os.TempDir())
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("%s is not a backup that can be restored: %w. Name a file that 'memo backup' wrote", path, err)
	}
	return b, nil
}

// Close drops the copy.
func (b *Backup) Close() {
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

// empty deletes every row.
func (t *Tx) empty(ctx context.Context) error {
	search := `DELETE FROM transcription_search`
	if t.dialect == dialectSQLite {
		search = `INSERT INTO transcription_search (transcription_search) VALUES ('delete-all')`
	}
	if err := t.exec(ctx, search); err != nil {
		return err
	}
	for _, table := range slices.Backward(slices.Concat(copied, uncopied)) {
		if err := t.exec(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	return nil
}

// lockAll keeps others from changing a row until everything is replaced, or what
// they end meanwhile would come back: commands wait, calls get 503 after their
// time. SQLite runs one transaction at a time.
func (t *Tx) lockAll(ctx context.Context) error {
	if t.dialect != dialectPostgres {
		return nil
	}
	return t.exec(ctx, `LOCK TABLE `+strings.Join(slices.Concat(copied, uncopied), ", ")+` IN EXCLUSIVE MODE`)
}

// SetAside renames a database in dir that cannot be read, with what belongs to
// it, so that a new one can be made in its place. It returns the new name.
func SetAside(dir string, now time.Time) (string, error) {
	path := filepath.Join(dir, FileName)
	aside := path + ".unreadable-" + now.UTC().Format("20060102T150405Z")
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("store: %w", err)
		}
	}
	return aside, nil
}

// IsUnreadable reports whether err says that the file is no database, or a
// damaged one.
func IsUnreadable(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_NOTADB || e.Code()&0xff == sqlite3.SQLITE_CORRUPT)
}
