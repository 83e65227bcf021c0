package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
)

// Total is the number of transcriptions that a filter selects. If More is set, there are
// more than N.
type Total struct {
	N    int
	More bool
}

// Count counts the transcriptions that f selects. With a search or a speaker it stops at 10,000.
// Otherwise the count is exact: a sum of rows of transcription_counts, if these are valid and f is
// not by external id.
func (s *Store) Count(ctx context.Context, f Filter) (total Total, err error) {
	if f.Search && len(f.Query) == 0 {
		return Total{}, nil
	}
	if f.isCounted() {
		query, args := f.sumQuery()
		err = s.dataReader.q.QueryRowContext(s.quick(ctx), query, args...).Scan(&total.N)
		if !errors.Is(err, sql.ErrNoRows) {
			return total, classifyError(err)
		}
	}
	query, args := s.countQuery(f)
	err = s.querierFor(f).QueryRowContext(ctx, query, args...).Scan(&total.N)
	if f.isSlow() && total.N > maxCount {
		total = Total{N: maxCount, More: true}
	}
	return total, classifyError(err)
}

// hasStatus is the condition that a hit in the workspace has a status. It looks a hit up only if
// the workspace has texts with other statuses, because that takes four times as long as finding it.
const hasStatus = `(NOT EXISTS (SELECT 1 FROM transcriptions INDEXED BY transcriptions_created
		WHERE workspace_id = %[1]s AND status < %[2]s)
	AND NOT EXISTS (SELECT 1 FROM transcriptions INDEXED BY transcriptions_created
		WHERE workspace_id = %[1]s AND status > %[2]s)
	OR EXISTS (SELECT 1 FROM transcriptions t INDEXED BY transcriptions_search
		WHERE t.search_rowid = x.rowid AND t.workspace_id = %[1]s AND t.status = %[2]s))`

func (s *Store) countQuery(f Filter) (query string, args []any) {
	q := s.selection(f, ByCreated)
	if !f.isSlow() {
		return q.query("count(*)"), q.args
	}
	onlyQuery := Filter{WorkspaceID: f.WorkspaceID, Status: f.Status, Query: f.Query, Search: true}
	if s.dialect == dialectSQLite && reflect.DeepEqual(f, onlyQuery) {
		q = &queryBuilder{from: "search_index x"}
		q.where("search_index MATCH %s", f.match())
		q.conds = append(q.conds, fmt.Sprintf(hasStatus, q.arg(f.WorkspaceID), q.arg(f.Status)))
	}
	return `SELECT count(*) FROM (` + q.query("1") + ` LIMIT ` + q.arg(maxCount+1) + `) c`, q.args
}

// isSlow reports whether a query looks up each of what may be most transcriptions: the hits of a
// search, or those of a speaker. Counting them stops at maxCount.
func (f Filter) isSlow() bool { return f.Search || f.Speaker != "" }

// CountKey returns a key for caching the total of f. Filters with the same key have the same
// total at the same content version.
func (s *Store) CountKey(f Filter) [sha256.Size]byte {
	if f.Search && len(f.Query) == 0 {
		return [sha256.Size]byte{}
	}
	query, args := s.countQuery(f)
	return sha256.Sum256(fmt.Appendf([]byte(query), " %#v", args))
}
