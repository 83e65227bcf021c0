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
// database to PostgreSQL. The search index is left out, and made from the rows.

// table is a table of the schema. Backups and restores read and write these
// columns and no others: no name from a file becomes part of a statement.
type table struct {
	name     string
	columns  string // of both databases, without generated ones
	identity string // the column that counts by itself, if there is one
	left     bool   // its rows are left out of backups
}

// backupTables lists every table, in an order in which each row finds what it refers
// to. Sessions and invitations are left out, or one that has ended would come
// back with the backup: after a restore everybody signs in again. So are the
// calls of the last minute.
var backupTables = []table{
	{name: "users", columns: "id, email, name, password_hash, created_at, disabled_at"},
	{name: "workspaces", columns: "id, name, plan, content_version, created_at, stored_bytes"},
	{name: "memberships", columns: "workspace_id, user_id, role, joined_at"},
	{name: "api_keys", columns: "id, hash, suffix, workspace_id, user_id, name, created_at, expires_at, expired_at, " +
		"revoked_at, deactivated_at, deactivated_by, exposed_at, rotated_from, last_used_at, last_used_ip, last_used_agent"},
	{name: "key_usage", columns: "key_id, hour, requests, refused"},
	{name: "projects", columns: "id, workspace_id, name, created_at"},
	{
		name: "transcriptions", identity: "seq",
		columns: "seq, id, workspace_id, project_id, status, language, external_id, " +
			"duration_ms, created_at, created_by, source_hash, char_count, item, size",
	},
	{name: "transcripts", columns: "seq, markdown_size, markdown_crc, markdown, text, segments"},
	{name: "transcript_parts", columns: "id, kind, part, data"},
	{name: "reports", identity: "id", columns: "id, seq, name, slug, status, text, created_at"},
	{name: "audit_events", identity: "id", columns: "id, workspace_id, at, action, actor_id, actor, subject, detail, " +
		"ip, agent, noun, name"},

	{
		name: "sessions", columns: "id, hash, user_id, created_at, expires_at, last_used_at, revoked_at, ip, agent",
		left: true,
	},
	{name: "invites", columns: "id, hash, workspace_id, role, created_by, created_at, expires_at", left: true},
	{name: "search_pending", columns: "seq", left: true},
	{name: "limit_windows", columns: "server, class, subject, calls, latest", left: true},
}

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
	from, err := s.dataPool.db.BeginTx(ctx, &sql.TxOptions{Isolation: s.snapshot(), ReadOnly: true})
	if err != nil {
		return classifyError(err)
	}
	defer from.Rollback()
	if err := out.Write(ctx, func(to *Tx) error { return copyTables(ctx, plainQuerier{from}, to, progress) }); err != nil {
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

// copyTables copies every row of every table that is not left out.
func copyTables(ctx context.Context, from querier, to *Tx, progress Progress) error {
	var done, total int64
	for _, t := range backupTables {
		var n int64
		if t.left {
			continue
		}
		if err := from.QueryRowContext(ctx, `SELECT count(*) FROM `+t.name).Scan(&n); err != nil {
			return classifyError(err)
		}
		total += n
	}
	for _, t := range backupTables {
		if t.left {
			continue
		}
		if err := t.copy(ctx, from, to, func() {
			if done++; progress != nil && (done%100 == 0 || done == total) {
				progress(done, total)
			}
		}); err != nil {
			return fmt.Errorf("store: table %s: %w", t.name, err)
		}
	}
	return nil
}

// copy copies every row, and calls each after it.
func (t table) copy(ctx context.Context, from querier, to *Tx, each func()) error {
	rows, err := from.QueryContext(ctx, `SELECT `+t.columns+` FROM `+t.name)
	if err != nil {
		return classifyError(err)
	}
	defer rows.Close()
	n := len(strings.Split(t.columns, ","))
	holders := make([]string, n)
	values, targets := make([]any, n), make([]any, n)
	for i := range n {
		holders[i], targets[i] = fmt.Sprintf("$%d", i+1), &values[i]
	}
	insert := `INSERT INTO ` + t.name + ` (` + t.columns + `) VALUES (` + strings.Join(holders, ", ") + `)`
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return classifyError(err)
		}
		if err := to.exec(ctx, insert, values...); err != nil {
			return classifyError(err)
		}
		each()
	}
	if t.identity != "" && to.dialect == dialectPostgres {
		if err := to.exec(ctx, `SELECT setval(pg_get_serial_sequence('`+t.name+`', '`+t.identity+`'),
			(SELECT coalesce(max(`+t.identity+`), 0) + 1 FROM `+t.name+`), false)`); err != nil {
			return classifyError(err)
		}
	}
	return classifyError(rows.Err())
}

// removeDatabase removes a SQLite file and what SQLite puts beside it.
func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Remove(path + suffix)
	}
}
