package store

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo/internal/search"
)

const (
	// longQuery is the number of terms from which on a search leaves out common ones.
	longQuery = 5
	// commonSample is the number of texts, the newest ones, that decide which terms are common:
	// those that more than half of them have.
	commonSample = 50
)

// WithoutCommonTerms returns f without the terms that most texts of the view have, if f has
// many terms: a question such as "what did we say about pricing" would otherwise find only the
// texts that also have "did", and read the index entries of "what" for nothing. Some terms always
// remain, and a view with few texts has no common terms.
func (s *Store) WithoutCommonTerms(ctx context.Context, v View, f Filter) (Filter, error) {
	if len(f.Query) < longQuery {
		return f, nil
	}
	counts, err := s.countSample(ctx, v, f)
	if err != nil || counts == nil {
		return f, err
	}
	var rare []search.Term
	for i, term := range f.Query {
		if counts[i] <= commonSample/2 || term.IsPair() {
			rare = append(rare, term)
		}
	}
	if len(rare) > 0 {
		f.Query = rare
	}
	return f, nil
}

// countSample returns, for each term of f, how many of the newest commonSample texts have it as a
// word. It does not count longer words, because it would have to read the index entries of all of
// them. It returns nil if there are fewer texts, or if not all of these are indexed yet.
func (s *Store) countSample(ctx context.Context, v View, f Filter) ([]int, error) {
	key := "t.seq" // of the search index
	if s.dialect == dialectSQLite {
		key = "coalesce(t.search_rowid, -1)"
	}
	page, _, args := s.pageQuery(Filter{WorkspaceID: v.WorkspaceID, Status: f.Status, ProjectIDs: v.ProjectIDs},
		Order{By: ByCreated, Descending: true}, Range{Limit: commonSample})
	sample, err := queryAll(ctx, s.dataReader.q, func(row scanner) (n int64, err error) {
		err = row.Scan(&n)
		return n, err
	}, `SELECT `+key+` FROM (`+page+`) c JOIN transcriptions t ON t.seq = c.seq`, args...)
	if err != nil || len(sample) < commonSample || slices.Min(sample) < 0 {
		return nil, err
	}
	query, args, err := s.sampleQuery(f, sample)
	if err != nil {
		return nil, err
	}
	counts := make([]int, len(f.Query))
	targets := make([]any, len(counts))
	for i := range counts {
		targets[i] = &counts[i]
	}
	return counts, classifyError(s.querierFor(f).QueryRowContext(ctx, query, args...).Scan(targets...))
}

// sampleQuery returns a query that counts the texts of the sample that have each term.
func (s *Store) sampleQuery(f Filter, sample []int64) (query string, args []any, err error) {
	list, err := json.Marshal(sample)
	if err != nil {
		return "", nil, err
	}
	q := &queryBuilder{}
	in, counts := q.arg(string(list)), make([]string, len(f.Query))
	if s.dialect == dialectPostgres {
		for i, term := range f.Query {
			counts[i] = `count(*) FILTER (WHERE x.terms @@ CAST(` + q.arg(`'`+term.Word+`'`) + ` AS tsquery))`
		}
		// strip reads each vector once, and OFFSET makes PostgreSQL call it before the terms are compared.
		return `SELECT ` + strings.Join(counts, ", ") + ` FROM (
			SELECT strip(terms) AS terms FROM transcription_search WHERE seq IN
				(SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(CAST(` + in + ` AS text) AS json)))
			OFFSET 0) x`, q.args, nil
	}
	from, tag := q.arg(slices.Min(sample)), workspaceTag(f.WorkspaceID)
	for i, term := range f.Query {
		// The plus sign makes SQLite read the hits from the first of the sample on, instead of
		// searching once for each.
		counts[i] = `(SELECT count(*) FROM search_index x WHERE search_index MATCH ` +
			q.arg(`"`+tagged(tag, term.Word)+`"`) + ` AND x.rowid >= ` + from +
			` AND +x.rowid IN (SELECT value FROM json_each(` + in + `)))`
	}
	return `SELECT ` + strings.Join(counts, ", "), q.args, nil
}
