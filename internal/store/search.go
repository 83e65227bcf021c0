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

// Full-text search has two SQL texts: FTS5 on SQLite, a tsvector on PostgreSQL.
// Both index the same ready-made terms, and both limit a search to the entries of
// one workspace: FTS5 by a tag in front of each term, the tsvector by one more term.
//
// What a search costs on SQLite: each word reads its own entries in the workspace,
// one row of transcriptions is read per hit, and nothing else is. A prefix of three
// letters is one entry of the prefix index, like a word, and so is a single
// character of a script without spaces. A longer prefix reads the entries of all
// words that begin with it. The worst query that is left is therefore one of common
// words sorted by date or duration, which reads a row for each of its hits: see
// BenchmarkSearch. Counting and ranking stop at maxCount and maxRanked hits.

const (
	// maxTerms bounds what one text puts into the index. FTS5 writes 100,000 terms in
	// some 300 ms, and nobody else can write to SQLite meanwhile.
	maxTerms = 50_000
	// maxCount is the number up to which the hits of a search are counted.
	maxCount = 10_000
	// maxRanked is how many hits are ranked: those that were added last. A rank costs
	// some ten times as much as finding the hit.
	maxRanked = 10_000
	// maxVector bounds a tsvector in bytes: PostgreSQL refuses more than 1 MB.
	maxVector = 900_000
)

// workspaceTag begins each term of a workspace's texts in the index on SQLite. It
// has 40 bits of a hash, so two workspaces hardly ever share one. If they do, a
// search reads entries of the other one too, and leaves them out by workspace_id.
func workspaceTag(workspaceID string) string {
	sum := sha256.Sum256([]byte(workspaceID))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// tagged puts the workspace's tag in front of a term. Two zeros lengthen a term of a
// script without spaces, so that its first character fills the prefix index, which
// takes tag and three characters. No word begins with zeros and such a character,
// because a change of script ends a word.
func tagged(tag, term string) string {
	if search.IsUnspaced(term) {
		return tag + "00" + term
	}
	return tag + term
}

// workspaceTerm is the term that every text of a workspace has on PostgreSQL. A text can
// hold that of another workspace as a word: workspace_id decides.
func workspaceTerm(workspaceID string) string {
	return "ws" + strings.ReplaceAll(workspaceID, "-", "")
}

// addSearch adds the search of f to a selection, whose rank is lowest for the best.
func (s *Store) addSearch(q *queryBuilder, f Filter) {
	words := make([]string, len(f.Query))
	if s.dialect == dialectSQLite {
		tag := workspaceTag(f.WorkspaceID)
		for i, t := range f.Query {
			words[i] = `"` + tagged(tag, t.Text) + `"`
			if t.Prefix {
				words[i] += "*"
			}
		}
		// CROSS JOIN sets the order: SQLite would look up a date first, and ask FTS5
		// again for each row of it.
		q.from, q.seq = "transcription_search x CROSS JOIN transcriptions t ON t.seq = x.rowid", "x.rowid"
		q.where("transcription_search MATCH %s", strings.Join(words, " AND "))
		q.rank = "bm25(transcription_search, 8.0, 4.0, 1.0)"
		return
	}
	for i, t := range f.Query {
		words[i] = `'` + t.Text + `'`
		if t.Prefix {
			words[i] += ":*"
		}
	}
	query := q.arg(`'` + workspaceTerm(f.WorkspaceID) + `' & ` + strings.Join(words, " & "))
	q.from, q.seq = "transcription_search x JOIN transcriptions t ON t.seq = x.seq", "x.seq"
	q.conds = append(q.conds, "x.terms @@ CAST("+query+" AS tsquery)")
	q.rank = "-ts_rank(x.terms, CAST(" + query + " AS tsquery))"
}

// querierFor returns the querier for the queries of a filter. It does not prepare a
// search on PostgreSQL: from the sixth execution on, a prepared statement may get a
// plan that ignores its arguments and takes a hundred times as long.
func (s *Store) querierFor(f Filter) querier {
	if f.Search && s.dialect == dialectPostgres {
		return unprepared{plainQuerier{s.dataPool.db}}
	}
	return s.dataReader.q
}

// unprepared has PostgreSQL plan every execution for its arguments. pgx remembers
// only the types of the columns for each text.
type unprepared struct{ plainQuerier }

func (u unprepared) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	return u.plainQuerier.QueryContext(ctx, query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
}

func (u unprepared) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	return u.plainQuerier.QueryRowContext(ctx, query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
}

// searchTerms is what the index holds of one text, ready to be written.
type searchTerms struct {
	title, summary, body string // on SQLite
	vector               string // on PostgreSQL
}

// prepareTerms makes the terms of a transcription: of its title, its summary and
// what is said, with the names of the speakers. It takes seconds for a text of
// 30 MB, so it must not run inside a transaction.
func prepareTerms(d dialect, workspaceID string, doc memo.ListItem, segments []memo.Segment) searchTerms {
	var l termList
	l.add(0, doc.Title)
	l.add(1, string(doc.Summary))
	for _, s := range segments {
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

// termList collects the terms of title, summary and body. All are kept in order
// while there are at most maxTerms. A longer text has each term once, where it
// occurs first, up to maxTerms different ones.
type termList struct {
	parts [3][]string
	n     int
	seen  map[string]bool // nil while repeated terms are kept
}

func (l *termList) isFull() bool { return l.seen != nil && l.n == maxTerms }

func (l *termList) add(part int, text string) {
	for _, term := range search.Terms(text) {
		if l.seen == nil && l.n == maxTerms {
			l.dropRepeated()
		}
		l.keep(part, term)
	}
}

func (l *termList) keep(part int, term string) {
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
			l.keep(part, term)
		}
	}
}

// index makes a transcription findable. It must not be in the index already.
func (t *Tx) index(ctx context.Context, seq int64, terms searchTerms) error {
	if t.dialect == dialectSQLite {
		return t.exec(ctx, `INSERT INTO transcription_search (rowid, title, summary, body) VALUES ($1, $2, $3, $4)`,
			seq, terms.title, terms.summary, terms.body)
	}
	return t.exec(ctx, `INSERT INTO transcription_search (seq, terms) VALUES ($1, CAST($2 AS tsvector))`, seq,
		terms.vector)
}

// unindex takes a transcription out of the index.
func (t *Tx) unindex(ctx context.Context, seq int64) error {
	if err := t.exec(ctx, `DELETE FROM search_pending WHERE seq = $1`, seq); err != nil {
		return err
	}
	column := "rowid"
	if t.dialect == dialectPostgres {
		column = "seq"
	}
	return t.exec(ctx, `DELETE FROM transcription_search WHERE `+column+` = $1`, seq)
}

// tsvectorText writes a tsvector: each term once, with its places and their weights.
func tsvectorText(scope string, title, summary, body []string) string {
	places := map[string][]string{}
	var order []string
	size, at := 0, 0
	for _, part := range []struct {
		terms  []string
		weight string
	}{{title, "A"}, {summary, "B"}, {body, ""}} {
		for _, term := range part.terms {
			at = min(at+1, 16383) // PostgreSQL counts no further
			if _, ok := places[term]; !ok {
				if size += len(term) + 8; size > maxVector {
					continue
				}
				order = append(order, term)
			} else if size += 2; size > maxVector || len(places[term]) >= 255 {
				continue
			}
			places[term] = append(places[term], fmt.Sprint(at, part.weight))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "'%s'", scope)
	for _, term := range order {
		fmt.Fprintf(&b, " '%s':%s", term, strings.Join(places[term], ","))
	}
	return b.String()
}
