package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	driver "modernc.org/sqlite"
	"zombiezen.com/go/sqlite"
)

// A backup of a SQLite database is a copy of its pages, which is 20 times faster than copying rows.
// What a backup must not contain is deleted from the copy before the file gets its name.

// stepPages is how many pages are copied at a time: 4 MB.
const stepPages = 1024

// maxRestarts is how often SQLite may start a copy again because the database has changed meanwhile.
// After that the copy holds a snapshot, so that it ends; the WAL grows until then.
const maxRestarts = 2

// errRestarted is the error of a copy that the writers of the database do not let end.
var errRestarted = errors.New("store: the database changes too often to copy it in steps")

// copyPages copies the database to a new file, at most rate bytes per second; 0 means as fast as
// possible. Others can read and write meanwhile.
func (s *Store) copyPages(ctx context.Context, path string, rate int64, progress Progress) error {
	f, err := createPrivate(path)
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	f.Close()
	conn, err := s.snapshots.Conn(ctx)
	if err != nil {
		return classifyError(err)
	}
	defer conn.Close()
	err = copyInSteps(ctx, conn, path, rate, maxRestarts, progress)
	if !errors.Is(err, errRestarted) {
		return err
	}
	// SQLite takes a snapshot at the first read of a transaction.
	for _, query := range []string{`BEGIN`, `SELECT 1 FROM sqlite_master LIMIT 1`} {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			return classifyError(err)
		}
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
	return copyInSteps(ctx, conn, path, rate, 0, progress)
}

// copyInSteps copies the database of a connection. It returns errRestarted after restarts restarts, unless
// that is 0.
func copyInSteps(
	ctx context.Context, conn *sql.Conn, path string, rate int64, restarts int, progress Progress,
) error {
	return conn.Raw(func(c any) (err error) {
		b, err := c.(interface {
			NewBackup(path string) (*driver.Backup, error)
		}).NewBackup(path)
		if err != nil {
			return fmt.Errorf("store: backup: %w", err)
		}
		defer func() { err = errors.Join(err, b.Finish()) }()
		start, copied, left, seen := time.Now(), int64(0), 0, 0
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			more, err = b.Step(stepPages)
			if sqliteCode(err).ToPrimary() == sqlite.ResultBusy {
				time.Sleep(10 * time.Millisecond)
				more = true
				continue
			}
			if err != nil {
				return fmt.Errorf("store: backup: %w", err)
			}
			if more && left > 0 && b.Remaining() >= left {
				if seen++; restarts > 0 && seen >= restarts {
					return errRestarted
				}
			}
			left = b.Remaining()
			if progress != nil {
				progress(int64(b.PageCount()-left), int64(b.PageCount()))
			}
			if copied += stepPages * pageSize; rate > 0 {
				sleep(ctx, time.Until(start.Add(time.Duration(float64(copied)/float64(rate)*float64(time.Second)))))
			}
		}
		return nil
	})
}

// pageSize is the size of the pages of a database, in bytes.
const pageSize = 4096

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// deleteExcluded deletes the rows that are not part of a backup. Their bytes are overwritten.
func (s *Store) deleteExcluded(ctx context.Context) error {
	if _, err := s.write.ExecContext(ctx, `PRAGMA secure_delete = ON`); err != nil {
		return classifyError(err)
	}
	return s.Write(ctx, func(tx *Tx) error {
		for _, table := range tables {
			if table.excluded && !table.derived {
				if err := tx.exec(ctx, `DELETE FROM `+table.name); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// checkPages returns an error if a page of the file is damaged.
func (s *Store) checkPages(ctx context.Context) error {
	var result string
	if err := s.write.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("it is damaged: %s", strings.ToValidUTF8(result, "�"))
	}
	return nil
}

// check returns an error if the file is damaged: a page, or an index that does not have as many
// entries as its table has rows. The search index is checked by its pages only, because its own check
// takes as long as the copy.
func (s *Store) check(ctx context.Context) error {
	if err := s.checkPages(ctx); err != nil {
		return err
	}
	indexes, err := queryAll(ctx, plainQuerier{s.write}, func(row scanner) (i [2]string, err error) {
		return i, row.Scan(&i[0], &i[1])
	}, `SELECT m.name, i.name FROM sqlite_master m, pragma_index_list(m.name) i
		WHERE m.type = 'table' AND NOT i.partial AND m.name NOT LIKE 'search_index%'`)
	if err != nil {
		return err
	}
	for _, i := range indexes {
		var rows, entries int64
		if err := s.write.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM "`+i[0]+`" NOT INDEXED),
			(SELECT count(*) FROM "`+i[0]+`" INDEXED BY "`+i[1]+`")`).Scan(&rows, &entries); err != nil {
			return err
		}
		if rows != entries {
			return fmt.Errorf("it is damaged: index %s has %d entries for %d rows", i[1], entries, rows)
		}
	}
	return nil
}
