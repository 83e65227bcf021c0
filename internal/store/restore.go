package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
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
}

// Restore replaces everything by what the backup holds, in one transaction. No
// key comes back to life: whatever ended one in the present database ends it
// in the restored one, and a key that the present database does not know is
// deactivated, unless keepUnknown.
func (s *Store) Restore(ctx context.Context, b *Backup, keepUnknown bool, progress Progress) (r Restored, err error) {
	from := b.store
	err = s.Write(ctx, func(to *Tx) error {
		ends, err := to.keyEnds(ctx)
		if err != nil {
			return err
		}
		disabled, err := list(ctx, to.q, scanID, `SELECT id FROM users WHERE disabled_at IS NOT NULL`)
		if err != nil {
			return err
		}
		if err := to.empty(ctx); err != nil {
			return err
		}
		if err := copyTables(ctx, from.read.db, to, progress); err != nil {
			return err
		}
		if err := to.reindex(ctx, from.read.db); err != nil {
			return err
		}
		for _, id := range disabled {
			if err := to.exec(ctx, `UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL`, id, millis(to.Now)); err != nil {
				return err
			}
		}
		if err := to.exec(ctx, `UPDATE workspaces SET content_version = CASE WHEN content_version >= $1 THEN content_version + 1 ELSE $1 END`, millis(to.Now)); err != nil {
			return err
		}
		if r, err = to.endKeys(ctx, ends, keepUnknown); err != nil {
			return err
		}
		return to.Record(ctx, memo.Event{
			Action: memo.ActionRestored, Actor: "operator", Subject: b.name,
			Detail: fmt.Sprintf("%d keys: %d ends carried over, %d deactivated", r.Keys, r.CarriedOver, r.Deactivated),
		})
	})
	return r, err
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

// reindex makes every transcription findable again.
func (t *Tx) reindex(ctx context.Context, from querier) error {
	rows, err := from.QueryContext(ctx, `SELECT t.seq, t.workspace_id, t.item, x.segments FROM transcriptions t JOIN transcripts x ON x.seq = t.seq`)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var workspaceID string
		var item, said []byte
		if err := rows.Scan(&seq, &workspaceID, &item, &said); err != nil {
			return classify(err)
		}
		var d memo.Transcription
		var segments []memo.Segment
		if err := errors.Join(json.Unmarshal(item, &d), json.Unmarshal(said, &segments)); err != nil {
			return fmt.Errorf("store: transcription %d: %w", seq, err)
		}
		if err := t.index(ctx, seq, workspaceID, d, segments); err != nil {
			return err
		}
	}
	return classify(rows.Err())
}

// keyEnd is what the present database knows of a key.
type keyEnd struct {
	hash                          []byte
	revoked, deactivated, expires sql.NullInt64
	deactivatedBy                 string
	exposed                       sql.NullInt64
}

func (t *Tx) keyEnds(ctx context.Context) ([]keyEnd, error) {
	return list(ctx, t.q, func(row scanner) (e keyEnd, err error) {
		err = row.Scan(&e.hash, &e.revoked, &e.deactivated, &e.deactivatedBy, &e.expires, &e.exposed)
		return e, err
	}, `SELECT hash, revoked_at, deactivated_at, deactivated_by, expires_at, exposed_at FROM api_keys`)
}

// endKeys carries the known ends over to the restored keys and deactivates
// the keys that nobody can speak for.
func (t *Tx) endKeys(ctx context.Context, ends []keyEnd, keepUnknown bool) (r Restored, err error) {
	count := func(query string, args ...any) (n int64) {
		if err == nil {
			err = classify(t.q.QueryRowContext(ctx, query, args...).Scan(&n))
		}
		return n
	}
	r.Transcriptions = count(`SELECT count(*) FROM transcriptions`)
	r.Keys = count(`SELECT count(*) FROM api_keys`)
	before := count(`SELECT count(*) FROM api_keys WHERE `+living+`$1`, millis(t.Now))
	for _, e := range ends {
		if err != nil {
			return r, err
		}
		err = t.exec(ctx, `UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2), deactivated_at = coalesce(deactivated_at, $3),
			deactivated_by = CASE WHEN deactivated_by = '' THEN $4 ELSE deactivated_by END, exposed_at = coalesce(exposed_at, $6),
			expires_at = CASE WHEN CAST($5 AS BIGINT) IS NULL OR expires_at <= $5 THEN expires_at ELSE $5 END
			WHERE hash = $1`, e.hash, e.revoked, e.deactivated, e.deactivatedBy, e.expires, e.exposed)
	}
	r.CarriedOver = before - count(`SELECT count(*) FROM api_keys WHERE `+living+`$1`, millis(t.Now))
	if keepUnknown || err != nil {
		return r, err
	}
	known := make(map[string]bool, len(ends))
	for _, e := range ends {
		known[string(e.hash)] = true
	}
	restored, err := t.keyEnds(ctx)
	for _, e := range restored {
		if err != nil {
			return r, err
		}
		if !known[string(e.hash)] {
			var n int64
			n, err = t.changed(ctx, `UPDATE api_keys SET deactivated_at = $1, deactivated_by = $3 WHERE hash = $2 AND `+living+`$1`,
				millis(t.Now), e.hash, "a backup was restored without a record of what had been revoked since")
			r.Deactivated += n
		}
	}
	return r, err
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
