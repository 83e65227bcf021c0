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

// RestoreReport says what a restore did to the keys of the backup.
type RestoreReport struct {
	Transcriptions   int64 `json:"transcriptions"`
	Keys             int64 `json:"keys"`
	CarriedOver      int64 `json:"carried_over"` // dead in the present database, and so in the restored one
	Deactivated      int64 `json:"deactivated"`  // not known to the present database, so nobody can say whether they were revoked
	MembershipsEnded int64 `json:"members_left"` // memberships of the backup that have ended since, and stay so

	// Ownerless are the ids of workspaces that have no OWNER who may sign in:
	// those of the backup have lost that since, and later ones are not in it.
	Ownerless []string `json:"ownerless"`
}

// Restore replaces everything by what the backup holds, in one transaction. The
// search index is made after it; the next start continues it if it is cut short. No
// key comes back to life: whatever ended one in the present database ends it
// in the restored one, and a key that the present database does not know is
// deactivated, unless keepUnknown. Nobody who has lost access since gets it
// back, nor do old passwords work.
func (s *Store) Restore(ctx context.Context, b *BackupFile, keepUnknown bool, progress Progress) (r RestoreReport,
	err error,
) {
	from := b.store
	err = s.Write(ctx, func(to *Tx) error {
		if err := to.lockAll(ctx); err != nil {
			return err
		}
		ends, err := to.keyRevocations(ctx)
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
		if err := copyTables(ctx, plainQuerier{from.dataPool.db}, to, progress); err != nil {
			return err
		}
		if err := to.exec(ctx, `INSERT INTO search_pending SELECT seq FROM transcriptions`); err != nil {
			return err
		}
		if err := to.exec(ctx,
			`UPDATE workspaces SET content_version = CASE WHEN content_version >= $1 THEN content_version + 1 ELSE $1 END`,
			toMillis(to.Now)); err != nil {
			return err
		}
		if r, err = to.carryOverKeys(ctx, ends, keepUnknown); err != nil {
			return err
		}
		if r.MembershipsEnded, err = to.carryOverAccess(ctx, people); err != nil {
			return err
		}
		if r.Ownerless, err = to.ownerless(ctx); err != nil {
			return err
		}
		return to.Record(ctx, memo.AuditEvent{
			Action: memo.ActionRestored, Actor: "operator", Subject: b.name,
			Detail: fmt.Sprintf("%d keys: %d ends carried over, %d deactivated; %d members who had left", r.Keys, r.CarriedOver,
				r.Deactivated, r.MembershipsEnded),
		})
	})
	if err != nil {
		return r, err
	}
	return r, s.indexQueued(ctx)
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
	for _, table := range slices.Backward(backupTables) {
		if err := t.exec(ctx, `DELETE FROM `+table.name); err != nil {
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
	names := make([]string, len(backupTables))
	for i, table := range backupTables {
		names[i] = table.name
	}
	return t.exec(ctx, `LOCK TABLE `+strings.Join(names, ", ")+` IN EXCLUSIVE MODE`)
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
