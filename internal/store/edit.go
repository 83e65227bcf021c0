package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
)

// LockedTranscription is a transcription that is about to be changed or deleted. It is
// locked until the transaction ends.
type LockedTranscription struct {
	Item      memo.ListItem
	CreatedBy string // the id of the user who imported it, or empty

	seq         int64
	size        int64 // its stored bytes
	workspaceID string
}

// LockTranscription locks and returns a transcription of the workspace.
func (t *Tx) LockTranscription(ctx context.Context, workspaceID, id string) (e LockedTranscription, err error) {
	var item []byte
	var by sql.NullString
	err = t.q.QueryRowContext(ctx, `SELECT seq, size, created_by, item FROM transcriptions
		WHERE id = $1 AND workspace_id = $2`+t.forUpdate(), id, workspaceID).Scan(&e.seq, &e.size, &by, &item)
	if err != nil {
		return e, notFoundTranscription(err)
	}
	e.CreatedBy, e.workspaceID = by.String, workspaceID
	e.Item, err = decodeItem(id, item)
	return e, err
}

// NewTitle is a new title for a transcription, with the terms of the whole transcription
// for the search index: FTS5 cannot change a single column of a row. The terms are made before
// the transaction, because this can take seconds.
type NewTitle struct {
	title    string
	speakers []memo.Speaker // when the terms were made
	terms    searchTerms
}

// PrepareTitle makes the search terms that a transcription of the workspace has with a new
// title.
func (s *Store) PrepareTitle(ctx context.Context, workspaceID, id, title string) (NewTitle, error) {
	n := NewTitle{title: title}
	var item, raw []byte
	err := s.dataReader.q.QueryRowContext(ctx, `SELECT t.item, x.segments
		FROM transcriptions t JOIN transcripts x ON x.seq = t.seq
		WHERE t.id = $1 AND t.workspace_id = $2`, id, workspaceID).Scan(&item, &raw)
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
	d.Title, n.speakers = title, d.Speakers
	n.terms = prepareTerms(s.dialect, workspaceID, d.ListItem, d.Segments)
	return n, nil
}

// UpdateTitle changes the title of a transcription. The terms that [Store.PrepareTitle] made are
// still correct if the names of the speakers are: nothing else that is indexed can change after the
// import. Otherwise it returns an error of the kind conflict.
func (t *Tx) UpdateTitle(ctx context.Context, e LockedTranscription, n NewTitle) error {
	if !slices.Equal(e.Item.Speakers, n.speakers) {
		return errChanged
	}
	e.Item.Title, e.Item.UpdatedAt = n.title, t.Now
	item, err := json.Marshal(e.Item)
	if err != nil {
		return fmt.Errorf("store: item: %w", err)
	}
	if err := t.exec(ctx, `UPDATE transcriptions SET item = $2 WHERE seq = $1`, e.seq, string(item)); err != nil {
		return err
	}
	if err := t.unindex(ctx, e.seq); err != nil {
		return err
	}
	if err := t.index(ctx, e.seq, n.terms); err != nil {
		return err
	}
	return t.bumpContent(ctx, e.workspaceID, 0)
}

// UpdateProject moves a transcription to the workspace's project with this name, which is
// created if it does not exist. An empty name removes it from its project.
func (t *Tx) UpdateProject(ctx context.Context, e LockedTranscription, project string) error {
	id := sql.NullString{}
	if project != "" {
		var err error
		if id.String, err = t.projectNamed(ctx, e.workspaceID, project); err != nil {
			return err
		}
		id.Valid = true
	}
	g, err := t.countGroup(ctx, e.seq)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, `UPDATE transcriptions SET project_id = $2 WHERE seq = $1`, e.seq, id); err != nil {
		return err
	}
	t.addToCounts(g, -1)
	g.projectID = id.String
	t.addToCounts(g, 1)
	return t.bumpContent(ctx, e.workspaceID, 0)
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
	return t.bumpContent(ctx, e.workspaceID, -e.size)
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
