package store

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// Full-text search uses FTS5 on SQLite and a tsvector on PostgreSQL. Both index the same
// terms, which package search makes, and both limit a search to the entries of one
// workspace: FTS5 with a tag at the start of each term, the tsvector with an extra term.
//
// On SQLite, a search reads the index entries of each of its terms within the workspace,
// and one entry of the index transcriptions_search for each hit. A prefix of three letters is one
// entry in the prefix index, and so is a single character of a script without spaces. A longer
// prefix reads the entries of all words that begin with it. A page by creation time stops at its
// last hit, counting at maxCount and ranking at maxRanked hits, so the slowest search is one for
// common words, sorted by duration, which reads every hit: see BenchmarkSearch.

const (
	// maxTerms is the maximum number of indexed terms of one text. FTS5 takes about
	// 300 ms for 100,000 terms, and nothing else can write to SQLite during that time.
	maxTerms = 50_000
	// maxCount is the number of hits at which counting a search, or the transcriptions of a speaker, stops.
	maxCount = 10_000
	// maxRanked is the maximum number of hits that are ranked: the newest ones. Ranking a hit
	// takes about ten times as long as finding it.
	maxRanked = 1_000
	// maxVector is the maximum size of a tsvector in bytes. PostgreSQL refuses more than
	// 1 MB.
	maxVector = 900_000
)

// workspaceTag returns the tag at the start of each term of a workspace in the index of SQLite:
// 60 bits of a hash. If two workspaces had the same tag, a search would also read the entries of
// the other one. Its condition on workspace_id would leave them out of a page, but not out of the
// total of a search without filters: see countQuery. Among 100,000 workspaces that happens with a
// probability of 1 in 200 million.
func workspaceTag(workspaceID string) string {
	sum := sha256.Sum256([]byte(workspaceID))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])[:12])
}

// tagged puts the workspace's tag before a term. The prefix index holds the tag and three more
// characters. A term of a script without spaces gets two zeros first, so that its first character
// is the third of these and the prefix index finds a single character. No word begins with zeros
// and such a character, because a change of script ends a word.
func tagged(tag, term string) string {
	if search.IsUnspaced(term) {
		return tag + "00" + term
	}
	return tag + term
}

// workspaceTerm returns the term that every text of a workspace has on PostgreSQL. A text
// may contain the term of another workspace as a word, so a search also compares
// workspace_id.
func workspaceTerm(workspaceID string) string {
	return "ws" + strings.ReplaceAll(workspaceID, "-", "")
}

// addSearch adds the search of f to a query.
func (s *Store) addSearch(q *queryBuilder, f Filter) {
	if s.dialect == dialectSQLite {
		// CROSS JOIN makes SQLite search first. Otherwise it might look up the date first,
		// and search once for each row with that date.
		q.from = "search_index x CROSS JOIN transcriptions t INDEXED BY transcriptions_search ON t.search_rowid = x.rowid"
		q.where("search_index MATCH %s", f.match())
		q.newest, q.rank = "x.rowid", "bm25(search_index, 8.0, 4.0, 1.0)"
		q.rowids = &rowidRange{workspaceID: f.WorkspaceID}
		if !f.From.IsZero() {
			q.rowids.createdFrom(q, toMillis(f.From))
		}
		if !f.To.IsZero() {
			q.rowids.createdUntil(q, toMillis(f.To)-1)
		}
		return
	}
	query := q.arg(`'` + workspaceTerm(f.WorkspaceID) + `' & ` + f.expression(" & ", " | ", func(t search.Term) string {
		if t.Prefix {
			return `'` + t.Text + `':*`
		}
		return `'` + t.Text + `'`
	}))
	q.from, q.newest = "transcription_search x JOIN transcriptions t ON t.seq = x.seq", "t.created_at"
	q.conds = append(q.conds, "x.terms @@ CAST("+query+" AS tsquery)")
	q.rank = "-ts_rank(x.terms, CAST(" + query + " AS tsquery))"
}

// match returns the query for FTS5.
func (f Filter) match() string {
	tag := workspaceTag(f.WorkspaceID)
	return f.expression(" AND ", " OR ", func(t search.Term) string {
		if t.Prefix {
			return `"` + tagged(tag, t.Text) + `"*`
		}
		return `"` + tagged(tag, t.Text) + `"`
	})
}

// expression returns the search of f in the language of a database.
func (f Filter) expression(and, or string, write func(search.Term) string) string {
	join := func(terms []search.Term, operator string) string {
		words := make([]string, len(terms))
		for i, t := range terms {
			words[i] = write(t)
		}
		return strings.Join(words, operator)
	}
	if f.anyOf == nil {
		return join(f.Query, and)
	}
	return join(f.Query, and) + and + "(" + join(f.anyOf, or) + ")"
}

// querierFor returns the querier for the queries of a filter. It does not prepare a
// search on PostgreSQL: from the sixth execution on, a prepared statement may get a
// plan that ignores its arguments and takes a hundred times as long.
func (s *Store) querierFor(f Filter) querier {
	if f.Search && s.dialect == dialectPostgres {
		return unprepared{plainQuerier{s.write}}
	}
	return s.dataReader.q
}

// unprepared makes PostgreSQL plan each execution for its arguments. pgx caches only the
// types of the arguments and columns of each query.
type unprepared struct{ plainQuerier }

func (u unprepared) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	return u.plainQuerier.QueryContext(ctx, query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
}

func (u unprepared) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	return u.plainQuerier.QueryRowContext(ctx, query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
}

// searchTerms holds the index entry of one text, ready to be written.
type searchTerms struct {
	title, summary, body string // on SQLite; summary is all that is about the text
	vector               string // on PostgreSQL
}

// prepareTerms makes the terms of a transcription from its title, summary, speakers, topics, AI
// reports and segments. It needs seconds for a text of 30 MB, so it must not run inside a
// transaction.
func prepareTerms(d dialect, workspaceID string, doc *memo.Transcription) searchTerms {
	var l termList
	l.add(0, doc.Title)
	l.add(1, string(doc.Summary))
	for _, s := range doc.Speakers {
		l.add(1, s.Name)
	}
	for _, topic := range doc.Topics {
		l.add(1, topic.Title)
	}
	for _, r := range doc.Reports {
		l.add(1, r.Name)
		l.add(1, r.Text)
	}
	for _, s := range doc.Segments {
		if l.isFull() {
			break
		}
		l.add(2, string(s.Speaker))
		l.add(2, s.Text)
	}
	if d == dialectPostgres {
		return searchTerms{vector: tsvectorText(workspaceTerm(workspaceID), l.parts[0], l.parts[1], l.parts[2])}
	}
	var columns [3]strings.Builder
	tag := workspaceTag(workspaceID)
	for i, part := range l.parts {
		for _, term := range part {
			columns[i].WriteString(tagged(tag, term))
			columns[i].WriteByte(' ')
		}
	}
	return searchTerms{title: columns[0].String(), summary: columns[1].String(), body: columns[2].String()}
}

// termList collects the terms of title, summary and body in their order. It holds all terms if
// there are at most maxTerms. Otherwise it holds the first maxTerms different terms, each where it
// first occurs.
type termList struct {
	parts [3][]string
	n     int
	seen  map[string]bool // nil until repeated terms are dropped
}

func (l *termList) isFull() bool { return l.seen != nil && l.n == maxTerms }

func (l *termList) add(part int, text string) {
	for _, term := range search.Terms(text) {
		if l.seen == nil && l.n == maxTerms {
			l.dropRepeated()
		}
		l.addTerm(part, term)
	}
}

func (l *termList) addTerm(part int, term string) {
	if l.seen != nil {
		if l.n == maxTerms || l.seen[term] {
			return
		}
		l.seen[term] = true
	}
	l.parts[part] = append(l.parts[part], term)
	l.n++
}

func (l *termList) dropRepeated() {
	all := l.parts
	*l = termList{seen: map[string]bool{}}
	for part, terms := range all {
		for _, term := range terms {
			l.addTerm(part, term)
		}
	}
}

// index adds a transcription to the search index. It must not be in the index.
func (t *Tx) index(ctx context.Context, seq int64, terms searchTerms) error {
	if t.dialect == dialectPostgres {
		return t.exec(ctx, `INSERT INTO transcription_search (seq, terms) VALUES ($1, CAST($2 AS tsvector))`, seq,
			terms.vector)
	}
	rowid, err := t.searchRowid(ctx, seq)
	if err != nil {
		return err
	}
	return t.indexAt(ctx, rowid, terms)
}

// indexAt adds a transcription that has a rowid to the search index of SQLite.
func (t *Tx) indexAt(ctx context.Context, rowid int64, terms searchTerms) error {
	return t.exec(ctx, `INSERT INTO search_index (rowid, title, summary, body) VALUES ($1, $2, $3, $4)`,
		rowid, terms.title, terms.summary, terms.body)
}

// unindex removes a transcription from the search index.
func (t *Tx) unindex(ctx context.Context, seq int64) error {
	for _, queue := range []string{searchPending, searchAgain} {
		if err := t.exec(ctx, `DELETE FROM `+queue+` WHERE seq = $1`, seq); err != nil {
			return err
		}
	}
	if t.dialect == dialectPostgres {
		return t.exec(ctx, `DELETE FROM transcription_search WHERE seq = $1`, seq)
	}
	return t.exec(ctx, `DELETE FROM search_index
		WHERE rowid = (SELECT search_rowid FROM transcriptions WHERE seq = $1)`, seq)
}

// tsvectorText returns a tsvector as text: each term once, with its positions and their weights.
// Terms and positions beyond maxVector are left out.
func tsvectorText(workspaceTerm string, title, summary, body []string) string {
	positions := map[string][]string{}
	var order []string
	size, at := 0, 0
	for _, part := range []struct {
		terms  []string
		weight string
	}{{title, "A"}, {summary, "B"}, {body, ""}} {
		for _, term := range part.terms {
			at = min(at+1, 16383) // the highest position that PostgreSQL stores
			if _, ok := positions[term]; !ok {
				if size += len(term) + 8; size > maxVector {
					continue
				}
				order = append(order, term)
			} else if size += 2; size > maxVector || len(positions[term]) >= 255 {
				continue
			}
			positions[term] = append(positions[term], fmt.Sprint(at, part.weight))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "'%s'", workspaceTerm)
	for _, term := range order {
		fmt.Fprintf(&b, " '%s':%s", term, strings.Join(positions[term], ","))
	}
	return b.String()
}
