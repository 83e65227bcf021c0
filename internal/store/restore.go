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

	"zombiezen.com/go/sqlite"

	"memoai.tech/memo"
)

// RestoreReport counts what a restore did.
type RestoreReport struct {
	Transcriptions   int64 `json:"transcriptions"`
	Keys             int64 `json:"keys"`
	CarriedOver      int64 `json:"carried_over"` // keys that were active in the backup and had ended since
	Deactivated      int64 `json:"deactivated"`  // keys that the replaced database did not know
	MembershipsEnded int64 `json:"members_left"` // memberships of the backup that had ended since

	// Ownerless lists the ids of workspaces without an OWNER who can sign in: each OWNER
	// in the backup has since been removed, disabled or made a MEMBER.
	Ownerless []string `json:"ownerless"`
}

// Restore replaces all data with that of the backup, in one transaction, and then builds the
// search index; if that is interrupted, the next start continues. No key becomes
// active again: a key that is inactive in the replaced database is inactive in the
// restored one, and a key that the replaced database does not know is deactivated, unless
// keepUnknown is set. Users who have lost access since the backup do not get it back, and
// passwords are the current ones.
func (s *Store) Restore(
	ctx context.Context, b *BackupFile, keepUnknown bool, progress Progress,
) (r RestoreReport, err error) {
	from := b.store
	err = s.Write(ctx, func(to *Tx) error {
		if err := to.lockAll(ctx); err != nil {
			return err
		}
		currentKeys, err := to.keyRecords(ctx)
		if err != nil {
			return err
		}
		currentAccess, err := to.readAccess(ctx)
		if err != nil {
			return err
		}
		if err := to.deleteAll(ctx); err != nil {
			return err
		}
		if err := copyTables(ctx, plainQuerier{from.snapshots}, to, progress); err != nil {
			return err
		}
		if err := to.exec(ctx, `INSERT INTO search_pending SELECT seq FROM transcriptions`); err != nil {
			return err
		}
		if err := to.exec(ctx, `UPDATE workspaces SET
			content_version = CASE WHEN content_version >= $1 THEN content_version + 1 ELSE $1 END,
			changes_epoch = CASE WHEN content_version >= $1 THEN content_version + 1 ELSE $1 END`,
			toMillis(to.Now)); err != nil {
			return err
		}
		if r, err = to.carryOverKeys(ctx, currentKeys, keepUnknown); err != nil {
			return err
		}
		if r.MembershipsEnded, err = to.carryOverAccess(ctx, currentAccess); err != nil {
			return err
		}
		if r.Ownerless, err = to.ownerless(ctx); err != nil {
			return err
		}
		return to.Record(ctx, memo.AuditEvent{
			Action: memo.ActionRestored, Actor: "operator", Subject: b.name,
			Details: memo.EventDetails{Restored: &memo.RestoreCounts{
				Keys: r.Keys, KeysEnded: r.CarriedOver, KeysUnknown: r.Deactivated, MembershipsEnded: r.MembershipsEnded,
			}},
		})
	})
	if err != nil {
		return r, err
	}
	return r, s.indexQueued(ctx)
}

// deleteAll deletes all rows of all tables.
func (t *Tx) deleteAll(ctx context.Context) error {
	clearIndex := `DELETE FROM transcription_search`
	if t.dialect == dialectSQLite {
		clearIndex = `INSERT INTO search_index (search_index) VALUES ('delete-all')`
	}
	if err := t.exec(ctx, clearIndex); err != nil {
		return err
	}
	for _, table := range slices.Backward(tables) {
		if err := t.exec(ctx, `DELETE FROM `+table.name); err != nil {
			return err
		}
	}
	return nil
}

// lockAll locks all tables until the transaction ends. Otherwise a key or a membership
// that ends during the restore could become active again. Commands wait for the locks;
// requests get 503 after the lock timeout. It does nothing on SQLite, which runs one write
// transaction at a time.
func (t *Tx) lockAll(ctx context.Context) error {
	if t.dialect != dialectPostgres {
		return nil
	}
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = table.name
	}
	return t.exec(ctx, `LOCK TABLE `+strings.Join(names, ", ")+` IN EXCLUSIVE MODE`)
}

// SetAside renames an unreadable database in dir and its WAL files, so that a new one can
// be created in its place. It returns the new path.
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

// IsUnreadable reports whether err says that the file is not a SQLite database or is
// damaged.
func IsUnreadable(err error) bool {
	code := sqliteCode(err).ToPrimary()
	return code == sqlite.ResultNotADB || code == sqlite.ResultCorrupt
}
