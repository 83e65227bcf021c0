package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// On SQLite, the rowid of a text in the search index is made of its creation time: the second
// times rowsPerSecond, plus a number. FTS5 finds hits in the order of their rowids, so a page by
// creation time takes the hits from one end of the index, whatever their number.
//
// A second can have more texts than numbers. The others get a rowid of a later second: they are
// spilled. So for the second of a text and the second of its rowid this always holds, where spill
// is the maximum of the workspace, which the index transcriptions_spilled has:
//
//	second of the rowid - spill ≤ second of the text ≤ second of the rowid
//
// All bounds of rowids follow from it. Texts from before 1970 count as created in 1970.

// rowsPerSecond is the number of rowids for each second. FTS5 stores the difference to the
// previous rowid with each hit, so four times as many would cost a byte per hit more.
const rowsPerSecond = 256

// firstRowid returns the lowest rowid that a text with this creation time, in milliseconds, can
// have.
func firstRowid(createdAt int64) int64 { return max(createdAt, 0) / 1000 * rowsPerSecond }

// spillSQL is a query for the spill of a workspace, as a difference of rowids.
const spillSQL = `coalesce((SELECT search_rowid / 256 - max(created_at, 0) / 1000
	FROM transcriptions INDEXED BY transcriptions_spilled
	WHERE workspace_id = %s AND search_rowid / 256 > max(created_at, 0) / 1000
	ORDER BY search_rowid / 256 - max(created_at, 0) / 1000 DESC LIMIT 1), 0) * 256`

// rowidRange holds the bounds of the rowids of a search, as SQL expressions. FTS5 uses only one
// bound on each side, so several are combined into one.
type rowidRange struct {
	workspaceID string
	from, end   []string // from ≤ rowid < end
}

// createdFrom adds the bound for texts that were created at createdAt or later.
func (r *rowidRange) createdFrom(q *queryBuilder, createdAt int64) {
	r.from = append(r.from, q.arg(firstRowid(createdAt)))
}

// createdUntil adds the bound for texts that were created at createdAt or earlier.
func (r *rowidRange) createdUntil(q *queryBuilder, createdAt int64) {
	r.end = append(r.end, q.arg(firstRowid(createdAt)+rowsPerSecond)+" + "+r.spill(q))
}

// spill returns the spill of the workspace, to be added to an upper bound.
func (r *rowidRange) spill(q *queryBuilder) string {
	return fmt.Sprintf(spillSQL, q.arg(r.workspaceID))
}

// createdAfter adds the bound for texts that follow one that was created at createdAt.
func (r *rowidRange) createdAfter(q *queryBuilder, o Order, createdAt int64) {
	if o.Descending {
		r.createdUntil(q, createdAt)
	} else {
		r.createdFrom(q, createdAt)
	}
}

// conds returns the conditions on the rowid.
func (r *rowidRange) conds() (conds []string) {
	if len(r.from) > 0 {
		conds = append(conds, "x.rowid >= "+ofSeveral("max", r.from))
	}
	if len(r.end) > 0 {
		conds = append(conds, "x.rowid < "+ofSeveral("min", r.end))
	}
	return conds
}

// ofSeveral returns the call of an SQL function with several arguments. If there is only one, it
// returns the argument, because the function would then be an aggregate.
func ofSeveral(function string, args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return function + "(" + strings.Join(args, ", ") + ")"
}

// byRowid returns a query for a page of a search on SQLite, sorted by creation time. The hits at
// the end of the index are not exactly in that order: those of one second are in any order, and
// spilled ones are too late. But no hit outside of the page can be from a second before the last
// one of these hits, so the bound of that second contains the page, and few other hits.
func (q *queryBuilder) byRowid(o Order, p Range) string {
	key, direction := `t.created_at AS key`, "ASC"
	if o.Descending {
		direction = "DESC"
	}
	walked := q.query(key) + ` ORDER BY x.rowid ` + direction + ` LIMIT ` + q.arg(p.Offset+p.Limit)
	// Without a hit the bound is one that no rowid is within, because FTS5 ignores a NULL.
	if o.Descending {
		q.rowids.from = append(q.rowids.from,
			`coalesce((SELECT max(min(key), 0) / 1000 * 256 FROM (`+walked+`)), 9223372036854775807)`)
	} else {
		q.rowids.end = append(q.rowids.end,
			`coalesce((SELECT max(max(key), 0) / 1000 * 256 + 256 FROM (`+walked+`)) + `+q.rowids.spill(q)+`, 0)`)
	}
	return q.query(`t.seq AS seq, t.id AS id, ` + key)
}

// searchRowid returns the rowid of a transcription in the search index. If it has none yet, it
// gets one.
func (t *Tx) searchRowid(ctx context.Context, seq int64) (int64, error) {
	var rowid sql.NullInt64
	var createdAt int64
	err := t.q.QueryRowContext(ctx, `SELECT search_rowid, created_at FROM transcriptions WHERE seq = $1`, seq).
		Scan(&rowid, &createdAt)
	if err != nil || rowid.Valid {
		return rowid.Int64, classifyError(err)
	}
	free, err := t.freeRowid(ctx, firstRowid(createdAt))
	if err != nil {
		return 0, err
	}
	return free, t.exec(ctx, `UPDATE transcriptions SET search_rowid = $2 WHERE seq = $1`, seq, free)
}

// nextRowid is an expression for the rowid after the last one of a block from $15 until before $16. It is
// NULL if the block has none.
const nextRowid = `nullif(coalesce((SELECT search_rowid + 1 FROM transcriptions
	WHERE search_rowid >= $15 AND search_rowid < $16 ORDER BY search_rowid DESC LIMIT 1), $15), $16)`

// freeRowid returns a rowid from first on that no transcription has. It looks in a block of one
// second, and then in blocks that are as large as all before them together, so that it needs few
// reads even if a million texts have the same time. It prefers the rowid after the last one of a
// block, because FTS5 is fastest if rowids increase.
func (t *Tx) freeRowid(ctx context.Context, first int64) (int64, error) {
	for from, end := first, first+rowsPerSecond; ; from, end = end, end+end-first {
		var last int64
		err := t.q.QueryRowContext(ctx, `SELECT search_rowid FROM transcriptions
			WHERE search_rowid >= $1 AND search_rowid < $2 ORDER BY search_rowid DESC LIMIT 1`, from, end).Scan(&last)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return from, nil
		case err != nil:
			return 0, classifyError(err)
		case last+1 < end:
			return last + 1, nil
		}
		for range 2 {
			var taken int
			rowid := from + rand.Int64N(end-from)
			if err := t.q.QueryRowContext(ctx, `SELECT count(*) FROM transcriptions WHERE search_rowid = $1`,
				rowid).Scan(&taken); err != nil || taken == 0 {
				return rowid, classifyError(err)
			}
		}
	}
}
