package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A backup is a SQLite database: of SQLite a copy of the file, see backupcopy.go, and of PostgreSQL
// a new one with the rows of the tables. A restore copies the rows to either, which also moves an
// installation from the embedded database to PostgreSQL, and builds the search index from them.

// table is a table of the schema. Backups and restores read and write only these columns,
// so no name from a backup file becomes part of a statement.
type table struct {
	name     string
	columns  string // the same on both databases, without generated columns
	identity string // the column that the database fills with increasing numbers, if there is one
	excluded bool   // its rows are not part of a backup
	derived  bool   // its rows are made from those of other tables, so a copy may have them
}

// tables lists all tables, each after those that its rows refer to. Sessions, invitations, password
// links and the tokens of connected apps are excluded, because a restore would make ended ones active
// again; so all users must sign in and connect their apps again after a restore. The queue of the
// search index, the table of speakers, which is made again, the deliveries of webhooks, which were
// sent since, and the windows of rate limits are excluded as well, and so is
// transcriptions.search_rowid of SQLite, which a text gets when it is indexed.
var tables = []table{
	{name: "users", columns: "id, email, name, password_hash, created_at, disabled_at"},
	{name: "workspaces", columns: "id, name, plan, content_version, created_at, stored_bytes, counted_version, " +
		"changes_epoch, key_policy"},
	{name: "memberships", columns: "workspace_id, user_id, role, joined_at"},
	{name: "api_keys", columns: "id, hash, suffix, workspace_id, user_id, name, created_at, expires_at, expired_at, " +
		"revoked_at, deactivated_at, deactivated_by, exposed_at, rotated_from, last_used_at, last_used_ip, " +
		"last_used_agent, kind, client_id, client_name, client_host, access"},
	{name: "key_usage", columns: "key_id, hour, requests, refused, refused_limit, refused_plan, refused_ended, " +
		"refused_url, refused_forbidden, refused_scope, refused_address, refused_policy"},
	{name: "projects", columns: "id, workspace_id, name, created_at"},
	{
		name: "transcriptions", identity: "seq",
		columns: "seq, id, workspace_id, project_id, status, language, external_id, " +
			"duration_ms, created_at, created_by, source_hash, char_count, item, size, updated_at",
	},
	{name: "removals", columns: "workspace_id, at, id, project_id, deleted"},
	{name: "transcription_counts", columns: "workspace_id, status, day, project_id, language, n"},
	{name: "transcripts", columns: "seq, markdown_size, markdown_crc, markdown, text, segments"},
	{name: "transcript_parts", columns: "id, kind, part, data"},
	{name: "reports", identity: "id", columns: "id, seq, name, slug, status, text, created_at"},
	{name: "webhooks", columns: "id, workspace_id, url, events, secret, previous_secret, previous_until, created_at, " +
		"created_by, paused_at, pause_reason, failing_since, next_at, lease_until"},
	{name: "audit_events", identity: "id", columns: "id, workspace_id, at, action, actor_id, actor, subject, detail, " +
		"ip, agent, noun, name, details"},

	{
		name: "sessions", columns: "id, hash, user_id, created_at, expires_at, last_used_at, revoked_at, ip, agent",
		excluded: true,
	},
	{
		name: "invites", columns: "id, hash, workspace_id, role, recipient, created_by, created_at, expires_at",
		excluded: true,
	},
	{
		name: "password_links", columns: "hash, user_id, workspace_id, created_by, expires_at, used_at",
		excluded: true,
	},
	{name: "app_tokens", columns: "hash, key_id, kind, created_at, expires_at, used_at, reuses", excluded: true},
	{
		name: "app_codes", columns: "hash, workspace_id, user_id, client_id, client_name, client_host, redirect_uri, " +
			"challenge, app_expires_at, expires_at, key_id",
		excluded: true,
	},
	{
		name: "webhook_deliveries", columns: "id, webhook_id, created_at, type, payload, attempts, status, last_status, " +
			"last_error, last_at, once",
		excluded: true,
	},
	{
		name: "transcription_speakers", columns: "seq, folded, name, workspace_id, created_at, duration_ms, id",
		excluded: true, derived: true,
	},
	{name: "speakers_pending", columns: "seq", excluded: true, derived: true},
	{name: "search_pending", columns: "seq", excluded: true, derived: true},
	{name: "search_again", columns: "seq", excluded: true, derived: true},
	{name: "limit_windows", columns: "server, class, subject, calls, latest", excluded: true},
}

// Progress is called with the number of finished rows or texts, and their total.
type Progress func(done, total int64)

// WriteBackup writes a consistent snapshot of the database to a new file at path, checks it, and
// returns its SHA-256. From SQLite it copies at most rate bytes per second; 0 means as fast as
// possible. It returns an error if the file exists. Other transactions can read and write meanwhile.
func (s *Store) WriteBackup(ctx context.Context, path string, rate int64, progress Progress) (sum []byte, err error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("store: %s already exists; choose another file name", path)
	}
	// The file is renamed to path when it is complete.
	partial := path + ".partial"
	defer removeDatabase(partial)
	removeDatabase(partial)
	if s.dialect == dialectSQLite {
		if err := s.copyPages(ctx, partial, rate, progress); err != nil {
			return nil, err
		}
	}
	out, err := openSQLite(partial, s.now)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if s.dialect == dialectSQLite {
		err = out.deleteExcluded(ctx)
	} else {
		err = s.copyRows(ctx, out, progress)
	}
	if err != nil {
		return nil, err
	}
	if err := out.check(ctx); err != nil {
		return nil, fmt.Errorf("store: the backup cannot be used: %w", err)
	}
	if _, err := out.write.ExecContext(ctx, `PRAGMA journal_mode = DELETE`); err != nil {
		return nil, fmt.Errorf("store: backup: %w", err)
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("store: backup: %w", err)
	}
	if sum, err = syncAndHash(partial); err == nil {
		err = os.Rename(partial, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return sum, err
}

// syncAndHash writes a file to the disk and returns its SHA-256.
func syncAndHash(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return nil, err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}

// syncDir writes the names of the files in a directory to the disk.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// copyRows copies the rows of all tables to a new database, as they are at one moment.
func (s *Store) copyRows(ctx context.Context, out *Store, progress Progress) error {
	if err := out.migrate(ctx); err != nil {
		return err
	}
	from, err := s.snapshots.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return classifyError(err)
	}
	defer from.Rollback()
	return out.Write(ctx, func(to *Tx) error { return copyTables(ctx, plainQuerier{from}, to, progress) })
}

// copyTables copies all rows of the tables that are part of a backup.
func copyTables(ctx context.Context, from querier, to *Tx, progress Progress) error {
	var done, total int64
	for _, t := range tables {
		if t.excluded {
			continue
		}
		var n int64
		if err := from.QueryRowContext(ctx, `SELECT count(*) FROM `+t.name).Scan(&n); err != nil {
			return classifyError(err)
		}
		total += n
	}
	for _, t := range tables {
		if t.excluded {
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

// copy copies all rows of the table, and calls rowDone after each.
func (t table) copy(ctx context.Context, from querier, to *Tx, rowDone func()) error {
	rows, err := from.QueryContext(ctx, `SELECT `+t.columns+` FROM `+t.name)
	if err != nil {
		return classifyError(err)
	}
	defer rows.Close()
	n := len(strings.Split(t.columns, ","))
	placeholders := make([]string, n)
	values, targets := make([]any, n), make([]any, n)
	for i := range n {
		placeholders[i], targets[i] = fmt.Sprintf("$%d", i+1), &values[i]
	}
	insert := `INSERT INTO ` + t.name + ` (` + t.columns + `) VALUES (` + strings.Join(placeholders, ", ") + `)`
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return classifyError(err)
		}
		if err := to.exec(ctx, insert, values...); err != nil {
			return classifyError(err)
		}
		rowDone()
	}
	if t.identity != "" && to.dialect == dialectPostgres {
		if err := to.exec(ctx, `SELECT setval(pg_get_serial_sequence('`+t.name+`', '`+t.identity+`'),
			(SELECT coalesce(max(`+t.identity+`), 0) + 1 FROM `+t.name+`), false)`); err != nil {
			return classifyError(err)
		}
	}
	return classifyError(rows.Err())
}

// removeDatabase removes a SQLite file and the files that SQLite creates next to it.
func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Remove(path + suffix)
	}
}
