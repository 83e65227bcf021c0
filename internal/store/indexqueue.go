package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"memoai.tech/memo"
)

// The tables that queue transcriptions for the search index. Those in searchPending are not in the
// index, so the database does not open without them. Those in searchAgain are found by a part of
// their terms; they are indexed again while the server runs.
const (
	searchPending = "search_pending"
	searchAgain   = "search_again"
)

// batchLimit limits one transaction that indexes queued texts. Other transactions can run between
// two of these.
type batchLimit struct {
	texts int
	bytes int // of segments as JSON; the last text may exceed it
}

var (
	pendingBatch = batchLimit{200, 2 << 20}
	againBatch   = batchLimit{20, 128 << 10} // takes SQLite about 20 ms
)

// indexQueued adds the transcriptions in search_pending to the search index. If it is
// interrupted, the next call continues. Several processes can call it at the same time.
func (s *Store) indexQueued(ctx context.Context) error {
	var done, total int64
	if err := s.dataReader.q.QueryRowContext(ctx, `SELECT count(*) FROM search_pending`).Scan(&total); err != nil {
		return classifyError(err)
	}
	for {
		batch, err := s.pending(ctx, searchPending, pendingBatch)
		if err == nil && len(batch) > 0 {
			err = s.Write(ctx, func(t *Tx) error { return t.indexBatch(ctx, searchPending, batch) })
		}
		if err != nil {
			return fmt.Errorf("store: indexed %d of %d texts for search; the next start continues: %w", done, total, err)
		}
		if len(batch) == 0 {
			return nil
		}
		done += int64(len(batch))
		if s.indexing != nil {
			s.indexing(done, max(done, total))
		}
	}
}

// IndexAgain replaces the entries of the next transcriptions in search_again, which an earlier
// version made without topics and reports. It returns whether there may be more.
func (s *Store) IndexAgain(ctx context.Context) (more bool, err error) {
	batch, err := s.pending(ctx, searchAgain, againBatch)
	if err != nil || len(batch) == 0 {
		return false, err
	}
	return true, s.Write(ctx, func(t *Tx) error { return t.indexBatch(ctx, searchAgain, batch) })
}

// queuedText is a queued transcription with its terms.
type queuedText struct {
	seq, createdAt int64
	workspaceID    string
	terms          searchTerms
}

// pending reads the next transcriptions of a queue and makes their terms. They are sorted by creation
// time, because FTS5 collects the texts of a transaction only while their rowids increase.
func (s *Store) pending(ctx context.Context, queue string, limit batchLimit) (batch []queuedText, err error) {
	type row struct {
		seq, createdAt  int64
		id, workspaceID string
		item, segments  []byte
	}
	rows, err := queryAll(ctx, s.dataReader.q, func(r scanner) (n row, err error) {
		err = r.Scan(&n.seq, &n.createdAt, &n.id, &n.workspaceID, &n.item, &n.segments)
		return n, err
	}, `SELECT t.seq, t.created_at, t.id, t.workspace_id, t.item, x.segments
		FROM `+queue+` p JOIN transcriptions t ON t.seq = p.seq JOIN transcripts x ON x.seq = p.seq
		ORDER BY p.seq LIMIT $1`, limit.texts)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, n := range rows {
		if size >= limit.bytes {
			break
		}
		n.segments, err = s.dataReader.value(ctx, n.id, segmentsValue, n.segments)
		if memo.KindOf(err) == memo.KindNotFound {
			continue // it has just been deleted
		}
		if err != nil {
			return nil, err
		}
		d, err := decode(ctx, n.id, n.item, n.segments)
		if err != nil {
			return nil, err
		}
		if d.Reports, err = s.reports(ctx, n.seq); err != nil {
			return nil, err
		}
		terms := prepareTerms(s.dialect, n.workspaceID, d)
		batch = append(batch, queuedText{n.seq, n.createdAt, n.workspaceID, terms})
		size += len(n.segments)
	}
	slices.SortStableFunc(batch, func(a, b queuedText) int { return cmp.Compare(a.createdAt, b.createdAt) })
	return batch, nil
}

// indexBatch writes the terms of those texts that are still in the queue. The others were deleted,
// changed or indexed by another process. It raises the content version, because searches without
// these texts may be cached.
func (t *Tx) indexBatch(ctx context.Context, queue string, batch []queuedText) error {
	indexed := map[string]bool{} // workspaces
	for _, p := range batch {
		n, err := t.execCount(ctx, `DELETE FROM `+queue+` WHERE seq = $1`, p.seq)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if queue == searchAgain {
			if err := t.unindex(ctx, p.seq); err != nil {
				return err
			}
		}
		if err := t.index(ctx, p.seq, p.terms); err != nil {
			return err
		}
		indexed[p.workspaceID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(indexed)) {
		if err := t.bumpContent(ctx, id, t.Now, 0); err != nil {
			return err
		}
	}
	return nil
}
