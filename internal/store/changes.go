package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"memoai.tech/memo"
)

// Every change of what a list shows of a transcription has a position in the order of changes of its
// workspace: the time of the change, in milliseconds, or the millisecond after the change before if
// the clock has not moved on. It is the updated_at of the transcription, or the time of its removal.
//
// A reader that has seen all changes up to a position never misses one with a lower position that is
// committed later, because the writers of a workspace take turns: beginChange locks out the others
// until the transaction has ended, and on both databases the changes are visible before that lock is
// released.

// Change is a change of a transcription, or its removal.
type Change struct {
	ListPosition           // its key is the time of the change
	Item         *ListItem // nil if it was removed
}

// beginChange locks the transcriptions of a workspace against other changes until the transaction
// ends, and returns the time of this change. It is not the lock of the row of the workspace, for which
// the removal of a member would otherwise wait while a long text is imported.
func (t *Tx) beginChange(ctx context.Context, workspaceID string) (at time.Time, err error) {
	if err := t.waitForImports(ctx); err != nil {
		return at, err
	}
	if t.dialect == dialectPostgres {
		if err := t.exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, workspaceID); err != nil {
			return at, err
		}
	}
	var version int64
	err = t.q.QueryRowContext(ctx, `SELECT content_version FROM workspaces WHERE id = $1`, workspaceID).Scan(&version)
	return fromMillis(max(toMillis(t.Now), version+1)), classifyError(err)
}

// waitForImports raises the lock timeout of the transaction to 20 s, because an import may lock out
// other changes for some seconds.
func (t *Tx) waitForImports(ctx context.Context) error {
	if t.dialect != dialectPostgres {
		return nil
	}
	var set string
	err := t.q.QueryRowContext(ctx, `SELECT coalesce(max(set_config('lock_timeout', '20s', true)), '')
		WHERE current_setting('lock_timeout') <> '0'`).Scan(&set)
	return classifyError(err)
}

// addRemoval records that a transcription was deleted, if deleted is 1, or that it has left its project.
func (t *Tx) addRemoval(ctx context.Context, e LockedTranscription, deleted int64) error {
	return t.exec(ctx, `INSERT INTO removals (workspace_id, at, id, project_id, deleted) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (workspace_id, at, id) DO UPDATE SET deleted = excluded.deleted`,
		e.workspaceID, toMillis(e.changedAt), e.Item.ID, e.projectID, deleted)
}

// RenameProject changes the name of a project, which is a change of each of its transcriptions. It
// returns their number.
func (t *Tx) RenameProject(ctx context.Context, workspaceID, id, name string) (changed int64, err error) {
	at, err := t.beginChange(ctx, workspaceID)
	if err != nil {
		return 0, err
	}
	n, err := t.execCount(ctx, `UPDATE projects SET name = $3 WHERE id = $2 AND workspace_id = $1`, workspaceID, id, name)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, memo.NotFound("Project")
	}
	if changed, err = t.changeItems(ctx, workspaceID, id, at, ""); err != nil {
		return 0, err
	}
	return changed, t.bumpContent(ctx, workspaceID, at, 0)
}

// changeItems sets the updated_at of the transcriptions of a project, and more columns if set is not
// empty. It returns their number.
func (t *Tx) changeItems(ctx context.Context, workspaceID, projectID string, at time.Time, set string) (int64, error) {
	item := `json_set(item, '$.updated_at', $3)`
	if t.dialect == dialectPostgres {
		// Text in a JSON string has a backslash before each quote, so only the member matches.
		item = `regexp_replace(item, '"updated_at":"[^"]*"', '"updated_at":"' || $3::text || '"')`
	}
	return t.execCount(ctx, `UPDATE transcriptions SET updated_at = $4, item = `+item+set+`
		WHERE workspace_id = $1 AND project_id = $2`, workspaceID, projectID, at.Format(memo.InstantFormat), toMillis(at))
}

// DeleteProject deletes a project. Its transcriptions stay, without a project, which is a change of each.
// It returns their number.
func (t *Tx) DeleteProject(ctx context.Context, workspaceID, id string) (changed int64, err error) {
	at, err := t.beginChange(ctx, workspaceID)
	if err != nil {
		return 0, err
	}
	if err := t.exec(ctx, `INSERT INTO removals (workspace_id, at, id, project_id, deleted)
		SELECT workspace_id, CAST($3 AS BIGINT), id, project_id, 0 FROM transcriptions
		WHERE workspace_id = $1 AND project_id = $2`, workspaceID, id, toMillis(at)); err != nil {
		return 0, err
	}
	if changed, err = t.changeItems(ctx, workspaceID, id, at, ", project_id = NULL"); err != nil {
		return 0, err
	}
	n, err := t.execCount(ctx, `DELETE FROM projects WHERE workspace_id = $1 AND id = $2`, workspaceID, id)
	if err == nil && n == 0 {
		err = memo.NotFound("Project")
	}
	if err != nil {
		return 0, err
	}
	if err := t.bumpContent(ctx, workspaceID, at, 0); err != nil { // which locks the counts, see writeCounts
		return 0, err
	}
	if err := t.exec(ctx, `INSERT INTO transcription_counts (workspace_id, status, day, project_id, language, n)
		SELECT workspace_id, status, day, '', language, n FROM transcription_counts
		WHERE workspace_id = $1 AND project_id = $2 ON CONFLICT (workspace_id, status, day, project_id, language)
		DO UPDATE SET n = transcription_counts.n + excluded.n`, workspaceID, id); err != nil {
		return 0, err
	}
	return changed, t.exec(ctx, `DELETE FROM transcription_counts WHERE workspace_id = $1 AND project_id = $2`,
		workspaceID, id)
}

// ChangesEpoch returns a number that a restore of the workspace changes.
func (s *Store) ChangesEpoch(ctx context.Context, workspaceID string) (epoch int64, err error) {
	err = s.dataReader.q.QueryRowContext(s.quick(ctx), `SELECT changes_epoch FROM workspaces WHERE id = $1`,
		workspaceID).Scan(&epoch)
	return epoch, classifyError(err)
}

// Changes returns the changes of what a view has after a position, oldest first, at most limit. A
// transcription that has changed again is only at its last position. One that has left the view is
// removed. One statement reads transcriptions and removals, so that both are as at the same moment.
func (s *Store) Changes(ctx context.Context, v View, after ListPosition, limit int) ([]Change, error) {
	query, args := s.changesQuery(v, after, limit)
	return queryAll(ctx, s.dataReader.q, scanChange, query, args...)
}

func (s *Store) changesQuery(v View, after ListPosition, limit int) (query string, args []any) {
	q := new(queryBuilder)
	workspace, key, id, n := q.arg(v.WorkspaceID), q.arg(after.Key), q.arg(after.ID), q.arg(limit)
	part := func(columns, from, where, at string) string {
		return `SELECT * FROM (SELECT ` + columns + ` FROM ` + from + ` WHERE x.workspace_id = ` + workspace +
			` AND (x.` + at + `, x.id) > (` + key + `, ` + id + `)` + where +
			` ORDER BY x.` + at + `, x.id LIMIT ` + n + `) y`
	}
	const changed, removed = `x.updated_at AS at, x.id, x.seq`, `x.at, x.id, CAST(NULL AS BIGINT) AS seq`
	var parts []string
	if len(v.ProjectIDs) == 0 {
		parts = []string{
			part(changed, `transcriptions x`+s.dialect.indexedBy("transcriptions_updated"), ``, "updated_at"),
			part(removed, `removals x`, ` AND x.deleted = 1`, "at"),
		}
	} else {
		ids := make([]string, len(v.ProjectIDs))
		for i, project := range v.ProjectIDs {
			ids[i] = q.arg(project)
			parts = append(parts, part(changed, `transcriptions x`+s.dialect.indexedBy("transcriptions_project_updated"),
				` AND x.project_id = `+ids[i], "updated_at"))
		}
		in := ` IN (` + strings.Join(ids, ", ") + `)`
		parts = append(parts, part(removed, `removals x`, ` AND x.project_id`+in+
			` AND NOT EXISTS (SELECT 1 FROM transcriptions t WHERE t.id = x.id AND t.project_id`+in+`)`, "at"))
	}
	return `SELECT c.at, c.id, t.seq, t.item, t.char_count, p.id, p.name FROM (` + strings.Join(parts, ` UNION ALL `) +
		` ORDER BY at, id LIMIT ` + n + `) c
		LEFT JOIN transcriptions t ON t.seq = c.seq LEFT JOIN projects p ON p.id = t.project_id
		ORDER BY c.at, c.id`, q.args
}

func scanChange(row scanner) (c Change, err error) {
	var seq, chars sql.NullInt64
	var item []byte
	var projectID, projectName sql.NullString
	if err = row.Scan(&c.Key, &c.ID, &seq, &item, &chars, &projectID, &projectName); err != nil || !seq.Valid {
		return c, err
	}
	c.Item = &ListItem{
		ListPosition: c.ListPosition, JSON: item, CharCount: int(chars.Int64),
		Project: projectRef(projectID, projectName), seq: seq.Int64,
	}
	return c, nil
}
