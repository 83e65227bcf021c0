package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// maxRankedTerms is the maximum number of hits that Closest ranks, of all terms together.
const maxRankedTerms = 8 * maxRanked

// maxPairedTerms is the maximum number of terms of which each is searched together with the others. The
// time for that grows with the square of the number.
const maxPairedTerms = 8

// Partial is a transcription that has most terms of a search, but not all.
type Partial struct {
	ListItem
	Missing []int // the terms that it lacks, as indices of Filter.Query
}

// Closest returns up to limit transcriptions that have at least half of the terms of f, but not all of
// them: those with the most terms first, and of these the best ranked. Of the hits of a term it reads
// only the newest.
func (s *Store) Closest(ctx context.Context, f Filter, limit int) ([]Partial, error) {
	if len(f.Query) <= fewestTerms(len(f.Query)) {
		return nil, nil
	}
	query, args := s.closestQuery(f, limit)
	return queryAll(ctx, s.querierFor(f), func(row scanner) (p Partial, err error) {
		if p.ListItem, err = scanItem(row); err != nil {
			return p, err
		}
		found := uint64(p.Key)
		for i := range f.Query {
			if found&(1<<i) == 0 {
				p.Missing = append(p.Missing, i)
			}
		}
		return p, nil
	}, query, args...)
}

// closestQuery returns a query that ranks the hits of each term by itself and adds the ranks up. The key
// of a row is a bit for each term that it has.
func (s *Store) closestQuery(f Filter, limit int) (query string, args []any) {
	most := max(1, min(maxRanked, maxRankedTerms/len(f.Query)))
	each := make([]string, len(f.Query))
	for i := range f.Query {
		one := f
		one.Query = f.Query[i : i+1]
		if len(f.Query) <= maxPairedTerms { // of a common term, only hits that can count, however old
			one.anyOf = slices.Concat(f.Query[:i], f.Query[i+1:])
		}
		q := s.selection(one, ByRelevance, args...)
		rank := "key"
		if s.dialect == dialectPostgres { // bm25 has the weight of rare terms, ts_rank does not
			rank = `key * ln(1 + CAST(` + strconv.Itoa(maxRanked) + ` AS double precision) / count(*) OVER ())`
		}
		bit := strconv.FormatInt(1<<i, 10)
		each[i] = `SELECT seq, id, ` + rank + ` AS key, CAST(` + bit + ` AS bigint) AS bit
			FROM (` + q.newestHits(most) + `) h` + bit
		args = q.args
	}
	q := &queryBuilder{args: args}
	return itemsOf(`SELECT seq, id, CAST(sum(bit) AS bigint) AS key, count(*) AS words, sum(key) AS rank
		FROM (`+strings.Join(each, " UNION ALL ")+`) hits GROUP BY seq, id
		HAVING count(*) >= `+q.arg(fewestTerms(len(f.Query)))+` AND count(*) < `+q.arg(len(f.Query))+`
		ORDER BY words DESC, rank, id DESC LIMIT `+q.arg(limit), "c.key", "c.words DESC, c.rank, c.id DESC"), q.args
}

// fewestTerms is the number of terms, of n, that a transcription must have: of two both, so that these
// narrow a search.
func fewestTerms(n int) int { return max(2, (n+1)/2) }
