package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/jsonform"
)

// LockedTranscription is a transcription that is about to be changed or deleted. It is
// locked until the transaction ends.
type LockedTranscription struct {
	Item      memo.ListItem
	CreatedBy string // the id of the user who imported it, or empty

	seq         int64
	size        int64 // its stored bytes
	workspaceID string
	projectID   sql.NullString
	changedAt   time.Time // see beginChange
}

// LockTranscription locks and returns a transcription of the workspace.
func (t *Tx) LockTranscription(ctx context.Context, workspaceID, id string) (e LockedTranscription, err error) {
	if e.changedAt, err = t.beginChange(ctx, workspaceID); err != nil {
		return e, err
	}
	var item []byte
	var by sql.NullString
	err = t.q.QueryRowContext(ctx, `SELECT seq, size, created_by, project_id, item FROM transcriptions
		WHERE id = $1 AND workspace_id = $2`+t.forUpdate(), id, workspaceID).
		Scan(&e.seq, &e.size, &by, &e.projectID, &item)
	if err != nil {
		return e, notFoundTranscription(err)
	}
	e.CreatedBy, e.workspaceID = by.String, workspaceID
	e.Item, err = decodeItem(id, item)
	return e, err
}

// Details are new values of a transcription. What is nil does not change.
type Details struct {
	Title     *string
	CreatedAt *time.Time
	Language  *string // empty: unknown
	Project   *string // by name, created if it does not exist; empty: no project
}

// NewDetails are details with the terms of the whole transcription for the search index, if they change
// what is in it: FTS5 cannot change a single column of a row. The terms are made before
// the transaction, because this can take seconds.
type NewDetails struct {
	Details
	before memo.ListItem // when the terms were made
	terms  *searchTerms
}

// indexed reports whether the search index depends on what changes: on SQLite, its order is that of the
// creation times.
func (d Details) indexed() bool { return d.Title != nil || d.CreatedAt != nil }

// PrepareDetails makes the search terms that a transcription of the workspace has with new details.
func (s *Store) PrepareDetails(ctx context.Context, workspaceID, id string, details Details) (NewDetails, error) {
	n := NewDetails{Details: details}
	if !details.indexed() {
		return n, nil
	}
	var item, raw []byte
	var seq int64
	err := s.dataReader.q.QueryRowContext(ctx, `SELECT t.seq, t.item, x.segments
		FROM transcriptions t JOIN transcripts x ON x.seq = t.seq
		WHERE t.id = $1 AND t.workspace_id = $2`, id, workspaceID).Scan(&seq, &item, &raw)
	if err != nil {
		return n, notFoundTranscription(err)
	}
	if raw, err = s.dataReader.value(ctx, id, segmentsValue, raw); err != nil {
		return n, err
	}
	d, err := decode(ctx, id, item, raw)
	if err != nil {
		return n, err
	}
	if d.Reports, err = s.reports(ctx, seq); err != nil {
		return n, err
	}
	n.before = d.ListItem
	if details.Title != nil {
		d.Title = *details.Title
	}
	n.terms = new(prepareTerms(s.dialect, workspaceID, d))
	return n, nil
}

// UpdateDetails stores new details, and returns those that are not as before. The terms that
// [Store.PrepareDetails] made are still correct if the title and the names of the speakers are: nothing else
// that is indexed can change after the import. Otherwise it returns an error of the kind conflict.
func (t *Tx) UpdateDetails(ctx context.Context, e LockedTranscription, n NewDetails) (changed Details, err error) {
	if n.terms != nil && (!slices.Equal(e.Item.Speakers, n.before.Speakers) ||
		n.Title == nil && e.Item.Title != n.before.Title) {
		return changed, errChanged
	}
	before, err := t.countGroup(ctx, e.seq)
	if err != nil {
		return changed, err
	}
	after := before
	if n.Title != nil && *n.Title != e.Item.Title {
		changed.Title, e.Item.Title = n.Title, *n.Title
	}
	if n.CreatedAt != nil && !n.CreatedAt.Equal(e.Item.CreatedAt) {
		changed.CreatedAt, e.Item.CreatedAt = n.CreatedAt, *n.CreatedAt
		after.day = dayOf(toMillis(e.Item.CreatedAt))
	}
	if n.Language != nil && *n.Language != string(e.Item.Language) {
		changed.Language, e.Item.Language = n.Language, memo.Optional(*n.Language)
		after.language = *n.Language
	}
	if n.Project != nil {
		if after.projectID = ""; *n.Project != "" {
			if after.projectID, err = t.projectNamed(ctx, e.workspaceID, *n.Project); err != nil {
				return changed, err
			}
		}
		if after.projectID != before.projectID {
			changed.Project = n.Project
		}
	}
	if changed == (Details{}) {
		return changed, nil
	}
	t.addToCounts(before, -1)
	t.addToCounts(after, 1)
	return changed, t.writeDetails(ctx, e, after.projectID, changed, n.terms)
}

// writeDetails writes the item and what is derived from it.
func (t *Tx) writeDetails(
	ctx context.Context, e LockedTranscription, projectID string, changed Details, terms *searchTerms,
) error {
	e.Item.UpdatedAt = e.changedAt
	item, err := jsonform.Marshal(e.Item)
	if err != nil {
		return fmt.Errorf("store: item: %w", err)
	}
	if changed.indexed() {
		if err := t.unindex(ctx, e.seq); err != nil {
			return err
		}
	}
	if err := t.exec(ctx, `UPDATE transcriptions SET item = $2, language = $3, project_id = $4, created_at = $5,
		updated_at = $6 WHERE seq = $1`, e.seq, string(item), nullText(e.Item.Language),
		nullText(memo.Optional(projectID)), toMillis(e.Item.CreatedAt), toMillis(e.changedAt)); err != nil {
		return err
	}
	if changed.Project != nil && e.projectID.Valid {
		if err := t.addRemoval(ctx, e, 0); err != nil {
			return err
		}
	}
	if changed.CreatedAt != nil {
		if t.dialect == dialectSQLite {
			if err := t.exec(ctx, `UPDATE transcriptions SET search_rowid = NULL WHERE seq = $1`, e.seq); err != nil {
				return err
			}
		}
		if err := t.replaceSpeakers(ctx, e.seq, e.workspaceID, e.Item); err != nil {
			return err
		}
	}
	if changed.indexed() {
		if err := t.index(ctx, e.seq, *terms); err != nil {
			return err
		}
	}
	return t.bumpContent(ctx, e.workspaceID, e.changedAt, 0)
}

// DeleteTranscription deletes a transcription with its text, reports and speakers. Long values
// that are stored in parts remain, but nothing reads them: call [Store.DropParts] to
// delete them.
func (t *Tx) DeleteTranscription(ctx context.Context, e LockedTranscription) error {
	g, err := t.countGroup(ctx, e.seq)
	if err != nil {
		return err
	}
	t.addToCounts(g, -1)
	if err := t.unindex(ctx, e.seq); err != nil {
		return err
	}
	for _, table := range []string{"reports", "transcripts", "transcriptions"} {
		if err := t.exec(ctx, `DELETE FROM `+table+` WHERE seq = $1`, e.seq); err != nil {
			return err
		}
	}
	if err := t.addRemoval(ctx, e, 1); err != nil {
		return err
	}
	return t.bumpContent(ctx, e.workspaceID, e.changedAt, -e.size)
}

// Languages lists the languages of a workspace's completed transcriptions. It steps from
// one language to the next in an index, so the number of transcriptions does not matter.
func (s *Store) Languages(ctx context.Context, workspaceID string) ([]string, error) {
	const next = `SELECT min(t.language) FROM transcriptions t
		WHERE t.workspace_id = $1 AND t.status = 'completed' AND t.language > `
	return queryAll(ctx, s.dataReader.q, scanID, `WITH RECURSIVE l(language) AS (
			`+next+`'' UNION ALL SELECT (`+next+`l.language) FROM l WHERE l.language IS NOT NULL)
		SELECT language FROM l WHERE language IS NOT NULL`, workspaceID)
}

// ImportedBy returns the id of the user who imported a transcription, or "" if it is not
// known.
func (s *Store) ImportedBy(ctx context.Context, workspaceID, id string) (string, error) {
	var by sql.NullString
	err := s.dataReader.q.QueryRowContext(s.quick(ctx), `SELECT created_by FROM transcriptions
		WHERE id = $1 AND workspace_id = $2`, id, workspaceID).Scan(&by)
	if err != nil {
		return "", notFoundTranscription(err)
	}
	return by.String, nil
}
