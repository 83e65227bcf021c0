package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
)

// A backup is a SQLite file with the rows of every table, whichever database
// they come from; a restore copies them back, into whichever is open. So one
// mechanism backs up, restores and moves an installation from the embedded
// database to PostgreSQL. Sessions and invitations are left
// out, or one that has ended would come back with the backup: after a restore
// everybody signs in again. The search index is left out too, and made anew.

// copied lists the tables in an order in which every row finds what it refers to.
var copied = []string{
	"users", "workspaces", "memberships", "api_keys", "key_usage", "projects",
	"transcriptions", "transcripts", "transcript_parts", "reports", "audit_events",
}

// uncopied lists the tables that refer to those and are left out.
var uncopied = []string{"sessions", "invites", "search_pending"}

// identities are the columns that count by themselves.
var identities = map[string]string{"transcriptions": "seq", "reports": "id", "audit_events": "id"}

// Progress is told how many rows of how many are done.
type Progress func(done, total int64)

// WriteBackup writes the database as of one moment to a new file, while others go
// on reading and writing.
func (s *Store) WriteBackup(ctx context.Context, path string, progress Progress) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("store: %s exists already; name a new file", path)
	}
	// The file gets its name when it is complete.
	partial := path + ".partial"
	defer removeDatabase(partial)
	removeDatabase(partial)
	out, err := openSQLite(partial, s.now)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := out.migrate(ctx); err != nil {
		return err
	}
	from, err := s.read.db.BeginTx(ctx, &sql.TxOptions{Isolation: s.snapshot(), ReadOnly: true})
	if err != nil {
		return classify(err)
	}
	defer from.Rollback()
	if err := out.Write(ctx, func(to *Tx) error { return copyTables(ctx, direct{from}, to, progress) }); err != nil {
		return err
	}
	if _, err := out.write.ExecContext(ctx, `PRAGMA journal_mode = DELETE`); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return os.Rename(partial, path)
}

// snapshot is the isolation under which a transaction sees one moment only.
func (s *Store) snapshot() sql.IsolationLevel {
	if s.dialect == dialectPostgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

// copyTables copies every row of every table.
func copyTables(ctx context.Context, from querier, to *Tx, progress Progress) error {
	var done, total int64
	for _, table := range copied {
		var n int64
		if err := from.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			return classify(err)
		}
		total += n
	}
	for _, table := range copied {
		if err := copyTable(ctx, from, to, table, func() {
			if done++; progress != nil && (done%100 == 0 || done == total) {
				progress(done, total)
			}
		}); err != nil {
			return fmt.Errorf("store: table %s: %w", table, err)
		}
	}
	return nil
}

func copyTable(ctx context.Context, from querier, to *Tx, table string, each func()) error {
	rows, err := from.QueryContext(ctx, `SELECT * FROM `+table)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	holders := make([]string, len(columns))
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range columns {
		holders[i], targets[i] = fmt.Sprintf("$%d", i+1), &values[i]
	}
	insert := `INSERT INTO ` + table + ` (` + strings.Join(columns, ", ") + `) VALUES (` + strings.Join(holders, ", ") + `)`
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return classify(err)
		}
		if err := to.exec(ctx, insert, values...); err != nil {
			return classify(err)
		}
		each()
	}
	if column := identities[table]; column != "" && to.dialect == dialectPostgres {
		if err := to.exec(ctx, `SELECT setval(pg_get_serial_sequence('`+table+`', '`+column+`'), (SELECT coalesce(max(`+column+`), 0) + 1 FROM `+table+`), false)`); err != nil {
			return classify(err)
		}
	}
	return classify(rows.Err())
}

// removeDatabase removes a SQLite file and what SQLite puts beside it.
func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Remove(path + suffix)
	}
}
