package store

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"memoai.tech/memo"
)

// A value of more than maxInlineBytes is stored in parts of partSize bytes.
const (
	maxInlineBytes = 256 << 10
	partSize       = 1 << 20
)

// valueKind names a value of a transcript that may be long.
type valueKind string

const (
	textValue     valueKind = "text"
	segmentsValue valueKind = "segments"
	markdownValue valueKind = "markdown"
)

// StoreParts writes the long values of p, each part in a separate transaction, so that
// other writers do not wait long. The parts are not visible until the transaction with
// [Tx.AddTranscriptions] commits. If it does not, call [Store.DropParts].
func (s *Store) StoreParts(ctx context.Context, p *Prepared) error {
	for _, part := range p.parts() {
		if err := s.Write(ctx, func(tx *Tx) error { return tx.addPart(ctx, p.ID(), part) }); err != nil {
			return err
		}
	}
	p.staged = true
	return nil
}

// HasParts reports whether p has values that [Store.StoreParts] writes.
func (p *Prepared) HasParts() bool { return len(p.parts()) > 0 }

type valuePart struct {
	kind valueKind
	part int
	data []byte
}

// parts cuts the long values of p into parts.
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

// storedInParts is the start of the column of a value that is stored in parts; the number of
// parts follows it. The JSON and deflate streams that we store never begin with it.
const storedInParts = " "

// columnValue returns what is stored in the column of a value: the value, or the number of its
// parts.
func columnValue(value []byte) []byte {
	if len(value) > maxInlineBytes {
		return fmt.Appendf(nil, storedInParts+"%d", countParts(value))
	}
	return value
}

func countParts(value []byte) int { return (len(value) + partSize - 1) / partSize }

// checkParts returns an error if parts that [Store.StoreParts] wrote are missing, because a
// restore or [Store.DropOrphans] has deleted them since.
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

// value returns a value of a transcription, given what is stored in its column. It returns
// [memo.NotFound] if parts are missing.
func (r reader) value(ctx context.Context, id string, kind valueKind, column []byte) ([]byte, error) {
	number, long := bytes.CutPrefix(column, []byte(storedInParts))
	if !long {
		return column, nil
	}
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return nil, fmt.Errorf("store: part count of %s of transcription %s: %w", kind, id, err)
	}
	rows, err := r.q.QueryContext(ctx, `SELECT data FROM transcript_parts WHERE id = $1 AND kind = $2 ORDER BY part`,
		id, kind)
	if err != nil {
		return nil, classifyError(err)
	}
	defer rows.Close()
	all, count := make([]byte, 0, n*partSize), 0
	for ; rows.Next(); count++ {
		var part []byte
		if err := rows.Scan(&part); err != nil {
			return nil, classifyError(err)
		}
		all = append(all, part...)
	}
	if err := rows.Err(); err != nil {
		return nil, classifyError(err)
	}
	if count != n {
		return nil, memo.NotFound("Transcription") // it has just been deleted
	}
	return all, nil
}

// DropParts deletes the parts of a transcription that does not exist, 16 in each
// transaction.
func (s *Store) DropParts(ctx context.Context, id string) error {
	const batch = `SELECT kind, part FROM transcript_parts WHERE id = $1 ORDER BY kind, part LIMIT 16`
	for {
		var n int64
		err := s.Write(ctx, func(tx *Tx) (err error) {
			n, err = tx.execCount(ctx, `DELETE FROM transcript_parts WHERE id = $1 AND (kind, part) IN (`+batch+`)
				AND NOT EXISTS (SELECT 1 FROM transcriptions t WHERE t.id = $1)`, id)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// DropOrphans deletes the parts that interrupted imports have left. It keeps those of
// transcriptions whose id is less than an hour old, because their import may still be running.
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

// firstID returns a UUID that is not greater than any UUIDv7 made at t or later.
func firstID(t time.Time) string {
	ms := toMillis(t)
	return fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff)
}
