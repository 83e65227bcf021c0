package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"memoai.tech/memo"
)

// Limits of one transaction that indexes queued texts. Other transactions can run between two of
// these.
const (
	pendingTexts = 200
	pendingBytes = 2 << 20 // of segments as JSON; the last text may exceed it
)

// indexQueued adds the transcriptions in search_pending to the search index. If it is
// interrupted, the next call continues. Several processes can call it at the same time.
func (s *Store) indexQueued(ctx context.Context) error {
	var done, total int64
	if err := s.dataReader.q.QueryRowContext(ctx, `SELECT count(*) FROM search_pending`).Scan(&total); err != nil {
		return classifyError(err)
	}
	for {
		batch, err := s.pending(ctx)
		if err == nil && len(batch) > 0 {
			err = s.Write(ctx, func(t *Tx) error { return t.indexBatch(ctx, batch) })
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

// queuedText is a transcription from search_pending with its terms.
type queuedText struct {
	seq, createdAt int64
	workspaceID    string
	terms          searchTerms
}

// pending reads the next transcriptions of search_pending and makes their terms. They are sorted by
// creation time, because FTS5 collects the texts of a transaction only while their rowids increase.
func (s *Store) pending(ctx context.Context) (batch []queuedText, err error) {
	type row struct {
		seq, createdAt  int64
		id, workspaceID string
		item, segments  []byte
	}
	rows, err := queryAll(ctx, s.dataReader.q, func(r scanner) (n row, err error) {
		err = r.Scan(&n.seq, &n.createdAt, &n.id, &n.workspaceID, &n.item, &n.segments)
		return n, err
	}, `SELECT t.seq, t.created_at, t.id, t.workspace_id, t.item, x.segments
		FROM search_pending p JOIN transcriptions t ON t.seq = p.seq JOIN transcripts x ON x.seq = p.seq
		ORDER BY p.seq LIMIT $1`, pendingTexts)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, n := range rows {
		if size >= pendingBytes {
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
		terms := prepareTerms(s.dialect, n.workspaceID, d.ListItem, d.Segments)
		batch = append(batch, queuedText{n.seq, n.createdAt, n.workspaceID, terms})
		size += len(n.segments)
	}
	slices.SortStableFunc(batch, func(a, b queuedText) int { return cmp.Compare(a.createdAt, b.createdAt) })
	return batch, nil
}

// indexBatch writes the terms of those texts that are still in search_pending. The others
// were deleted, given a new title or indexed by another process. It raises the content version,
// because searches without these texts may be cached.
func (t *Tx) indexBatch(ctx context.Context, batch []queuedText) error {
	indexed := map[string]bool{} // workspaces
	for _, p := range batch {
		n, err := t.execCount(ctx, `DELETE FROM search_pending WHERE seq = $1`, p.seq)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
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
