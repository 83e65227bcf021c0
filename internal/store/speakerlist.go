package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// The table transcription_speakers has the speakers of each transcription, for the filter of lists.
// The transaction that adds a transcription or renames a speaker writes them. Transcriptions that
// were there before the table, or come from a restore or a replica of the previous version, are
// queued in speakers_pending.

// Names are cut in the table, because an index of PostgreSQL takes entries of up to 2.7 kB. A folded
// character can be longer than the original.
const (
	maxSpeaker      = 200 // characters
	maxFoldedLength = 800 // bytes
)

// listedSpeaker returns the name of a speaker as the table has it, which a form can send back.
func listedSpeaker(name string) string { return strings.TrimSpace(memo.Printable(name, maxSpeaker)) }

// foldSpeaker returns a name in the form in which the names of speakers are compared.
func foldSpeaker(name string) string {
	folded := search.Fold(listedSpeaker(name))
	return strings.ToValidUTF8(folded[:min(len(folded), maxFoldedLength)], "")
}

// speakerRows is how many rows one statement adds. It bounds the number of arguments.
const speakerRows = 100

// addSpeakers adds the speakers of a transcription, of which the table must have none.
func (t *Tx) addSpeakers(ctx context.Context, seq int64, workspaceID string, d memo.ListItem) error {
	names := map[string]string{} // by their folded form
	for _, s := range d.Speakers {
		if folded := foldSpeaker(s.Name); folded != "" && names[folded] == "" {
			names[folded] = listedSpeaker(s.Name)
		}
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(names)), speakerRows) {
		q, rows := new(queryBuilder), make([]string, len(part))
		same := ", " + strings.Join([]string{
			q.arg(seq), q.arg(workspaceID), q.arg(toMillis(d.CreatedAt)), q.arg(d.Duration.Millis()), q.arg(d.ID),
		}, ", ") + ")"
		for i, folded := range part {
			rows[i] = "(" + q.arg(folded) + ", " + q.arg(names[folded]) + same
		}
		if err := t.exec(ctx, `INSERT INTO transcription_speakers
			(folded, name, seq, workspace_id, created_at, duration_ms, id) VALUES `+strings.Join(rows, ", "),
			q.args...); err != nil {
			return err
		}
	}
	return nil
}

// replaceSpeakers replaces the speakers of a transcription.
func (t *Tx) replaceSpeakers(ctx context.Context, seq int64, workspaceID string, d memo.ListItem) error {
	for _, query := range []string{
		`DELETE FROM transcription_speakers WHERE seq = $1`,
		`DELETE FROM speakers_pending WHERE seq = $1`,
	} {
		if err := t.exec(ctx, query, seq); err != nil {
			return err
		}
	}
	return t.addSpeakers(ctx, seq, workspaceID, d)
}

// pendingSpeakers is how many transcriptions one transaction takes from speakers_pending.
const pendingSpeakers = 200

// ListSpeakers adds the speakers of the next transcriptions in speakers_pending to the table. It
// returns whether there may be more.
func (s *Store) ListSpeakers(ctx context.Context) (more bool, err error) {
	var n int
	if err := s.dataReader.q.QueryRowContext(ctx,
		`SELECT count(*) FROM (SELECT seq FROM speakers_pending LIMIT 1) p`).Scan(&n); err != nil || n == 0 {
		return false, classifyError(err)
	}
	return true, s.Write(ctx, func(t *Tx) error { return t.listSpeakers(ctx) })
}

// listSpeakers locks the transcriptions, so that no speaker is renamed meanwhile. It raises the
// content version, because lists without these transcriptions may be cached.
func (t *Tx) listSpeakers(ctx context.Context) error {
	pending, err := queryAll(ctx, t.q, func(row scanner) (seq int64, err error) {
		return seq, row.Scan(&seq)
	}, `SELECT seq FROM speakers_pending ORDER BY seq LIMIT $1`, pendingSpeakers)
	if err != nil {
		return err
	}
	changed := map[string]bool{} // workspaces
	for _, seq := range pending {
		var id, workspaceID string
		var item []byte
		err := t.q.QueryRowContext(ctx, `SELECT id, workspace_id, item FROM transcriptions WHERE seq = $1`+t.forUpdate(),
			seq).Scan(&id, &workspaceID, &item)
		if errors.Is(err, sql.ErrNoRows) { // deleted since
			err = t.exec(ctx, `DELETE FROM speakers_pending WHERE seq = $1`, seq)
		} else if err == nil {
			changed[workspaceID] = true
			var d memo.ListItem
			if d, err = decodeItem(id, item); err == nil {
				err = t.replaceSpeakers(ctx, seq, workspaceID, d)
			}
		}
		if err != nil {
			return classifyError(err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		if err := t.bumpContent(ctx, id, t.Now, 0); err != nil {
			return err
		}
	}
	return nil
}

// recentSpeakers is how many of the newest transcriptions decide which speakers are frequent.
const recentSpeakers = 500

// frequentSpeakers reads a range of an index and the speakers of what it finds, so its time has a
// bound.
const frequentSpeakers = `SELECT min(s.name), count(*) AS n FROM (SELECT seq FROM transcriptions
		WHERE workspace_id = $1 AND status = 'completed' ORDER BY created_at DESC, id DESC LIMIT $2) t
	JOIN transcription_speakers s ON s.seq = t.seq
	GROUP BY s.folded ORDER BY n DESC, s.folded LIMIT $3`

// FrequentSpeakers returns the names of the speakers that are in most of the newest completed
// transcriptions of a workspace, at most limit.
func (s *Store) FrequentSpeakers(ctx context.Context, workspaceID string, limit int) ([]string, error) {
	return queryAll(ctx, s.dataReader.q, func(row scanner) (name string, err error) {
		var n int
		return name, row.Scan(&name, &n)
	}, frequentSpeakers, workspaceID, recentSpeakers, limit)
}
