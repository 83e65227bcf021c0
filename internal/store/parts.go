package store

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"memoai.tech/memo"
)

// A value of more than maxInlineBytes bytes is stored in parts of partSize.
const (
	maxInlineBytes = 256 << 10
	partSize       = 1 << 20
)

// valueKind names a long value of a transcript.
type valueKind string

const (
	textValue     valueKind = "text"
	segmentsValue valueKind = "segments"
	markdownValue valueKind = "markdown"
)

// StoreParts writes the long values of p, each part in a transaction of its own, so
// that nobody waits long for the write lock. They are not visible before
// [Tx.AddTranscription] has committed. If that does not happen, call
// [Store.DropParts].
func (s *Store) StoreParts(ctx context.Context, p *Prepared) error {
	for _, part := range p.parts() {
		if err := s.Write(ctx, func(tx *Tx) error { return tx.addPart(ctx, p.ID(), part) }); err != nil {
			return err
		}
	}
	p.staged = true
	return nil
}

type valuePart struct {
	kind valueKind
	part int
	data []byte
}

// parts cuts the long values.
func (p *Prepared) parts() (parts []valuePart) {
	for _, v := range []struct {
		kind valueKind
		data []byte
	}{{textValue, p.text}, {segmentsValue, p.segments}, {markdownValue, p.Markdown.Data}} {
		if len(v.data) <= maxInlineBytes {
			continue
		}
		for i := range countParts(v.data) {
			parts = append(parts, valuePart{v.kind, i, v.data[i*partSize : min((i+1)*partSize, len(v.data))]})
		}
	}
	return parts
}

// storedInParts begins the column of a value that is stored in parts, and their number
// follows. No JSON and no deflate stream begins with it.
const storedInParts = " "

// columnValue is the value as its column stores it.
func columnValue(value []byte) []byte {
	if len(value) > maxInlineBytes {
		return fmt.Appendf(nil, storedInParts+"%d", countParts(value))
	}
	return value
}

func countParts(value []byte) int { return (len(value) + partSize - 1) / partSize }

// checkParts proves that what [Store.Stage] wrote is still there: a restore that
// ran meanwhile has deleted it.
func (t *Tx) checkParts(ctx context.Context, p *Prepared) error {
	want := len(p.parts())
	if want == 0 {
		return nil
	}
	var n int
	err := t.q.QueryRowContext(ctx, `SELECT count(*) FROM transcript_parts WHERE id = $1`, p.ID()).Scan(&n)
	if err == nil && n != want {
		return &memo.Error{
			Kind: memo.KindUnavailable, RetryAfter: time.Second,
			Message: "The database was restored or cleaned up during this import. Import the file again.",
		}
	}
	return classifyError(err)
}

func (t *Tx) addPart(ctx context.Context, id string, p valuePart) error {
	return t.exec(ctx, `INSERT INTO transcript_parts (id, kind, part, data) VALUES ($1, $2, $3, $4)`,
		id, p.kind, p.part, p.data)
}

// value returns a value of a transcription, given what its column holds.
func (r reader) value(ctx context.Context, id string, kind valueKind, column []byte) ([]byte, error) {
	number, long := bytes.CutPrefix(column, []byte(storedInParts))
	if !long {
		return column, nil
	}
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return nil, fmt.Errorf("store: number of parts of %s of %s: %w", kind, id, err)
	}
	rows, err := r.q.QueryContext(ctx, `SELECT data FROM transcript_parts WHERE id = $1 AND kind = $2 ORDER BY part`,
		id, kind)
	if err != nil {
		return nil, classifyError(err)
	}
	defer rows.Close()
	all, found := make([]byte, 0, n*partSize), 0
	for ; rows.Next(); found++ {
		var part []byte
		if err := rows.Scan(&part); err != nil {
			return nil, classifyError(err)
		}
		all = append(all, part...)
	}
	if err := rows.Err(); err != nil {
		return nil, classifyError(err)
	}
	if found != n {
		return nil, memo.NotFound("Transcription") // it was deleted meanwhile
	}
	return all, nil
}

// DropParts deletes the long values of a transcription that is not there, a few
// at a time.
func (s *Store) DropParts(ctx context.Context, id string) error {
	const some = `SELECT kind, part FROM transcript_parts WHERE id = $1 ORDER BY kind, part LIMIT 16`
	for {
		var n int64
		err := s.Write(ctx, func(tx *Tx) (err error) {
			n, err = tx.execCount(ctx, `DELETE FROM transcript_parts WHERE id = $1 AND (kind, part) IN (`+some+`)
				AND NOT EXISTS (SELECT 1 FROM transcriptions t WHERE t.id = $1)`, id)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// DropOrphans deletes what imports that were cut short have left. An import may
// still be under way for an hour.
func (s *Store) DropOrphans(ctx context.Context) error {
	ids, err := queryAll(ctx, s.dataReader.q, scanID, `SELECT DISTINCT p.id FROM transcript_parts p
		WHERE p.id < $1 AND NOT EXISTS (SELECT 1 FROM transcriptions t WHERE t.id = p.id)`,
		firstID(s.Now().Add(-time.Hour)))
	for _, id := range ids {
		if err = s.DropParts(ctx, id); err != nil {
			break
		}
	}
	return err
}

// firstID is not greater than any UUIDv7 that is made from t on.
func firstID(t time.Time) string {
	ms := toMillis(t)
	return fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff)
}
