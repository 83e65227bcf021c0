package store

import (
	"context"
	"fmt"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// Full-text search is the one thing that has two texts: FTS5 here, a tsvector
// there. Both hold the same ready-made terms, and a term that stands for the
// workspace, so that one customer's search never walks through another's hits.

// maxVector keeps a tsvector below PostgreSQL's bound of 1 MB. A text with more
// different words than fit (some 50,000) is found by those that came first.
const maxVector = 900_000

// scopeTerm is the term that every text of a workspace contains. No word of a
// text has its form: words have no underscore.
func scopeTerm(workspaceID string) string {
	return "ws" + strings.ReplaceAll(workspaceID, "-", "")
}

// searchIn adds the search of f to a selection, whose rank is lowest for the best.
func (s *Store) searchIn(q *selection, f Filter) {
	words := make([]string, len(f.Query))
	if s.dialect == dialectSQLite {
		for i, t := range f.Query {
			words[i] = `"` + t.Text + `"`
			if t.Prefix {
				words[i] += "*"
			}
		}
		match := `scope : "` + scopeTerm(f.WorkspaceID) + `" AND {title summary body} : (` + strings.Join(words, " AND ") + `)`
		q.from = "transcription_search x JOIN transcriptions t ON t.seq = x.rowid"
		q.where("transcription_search MATCH %s", match)
		q.rank = "bm25(transcription_search, 0.0, 8.0, 4.0, 1.0)"
		return
	}
	for i, t := range f.Query {
		words[i] = `'` + t.Text + `'`
		if t.Prefix {
			words[i] += ":*"
		}
	}
	query := q.arg(`'` + scopeTerm(f.WorkspaceID) + `' & ` + strings.Join(words, " & "))
	q.from = "transcription_search x JOIN transcriptions t ON t.seq = x.seq"
	q.conds = append(q.conds, "x.terms @@ CAST("+query+" AS tsquery)")
	q.rank = "-ts_rank(x.terms, CAST(" + query + " AS tsquery))"
}

// index makes a transcription findable by its title, its summary and what is
// said, with the speakers' names; not by the times, which are no words.
func (t *Tx) index(ctx context.Context, seq int64, workspaceID string, d memo.Transcription, segments []memo.Segment) error {
	var body []string
	for _, s := range segments {
		body = append(append(body, search.Terms(string(s.Speaker))...), search.Terms(s.Text)...)
	}
	scope, title, summary := scopeTerm(workspaceID), search.Terms(d.Title), search.Terms(string(d.Summary))
	if t.dialect == dialectSQLite {
		return t.exec(ctx, `INSERT INTO transcription_search (rowid, scope, title, summary, body) VALUES ($1, $2, $3, $4, $5)`,
			seq, scope, strings.Join(title, " "), strings.Join(summary, " "), strings.Join(body, " "))
	}
	return t.exec(ctx, `INSERT INTO transcription_search (seq, terms) VALUES ($1, CAST($2 AS tsvector))`,
		seq, vector(scope, title, summary, body))
}

// vector writes a tsvector: each term once, with its places and their weights.
func vector(scope string, title, summary, body []string) string {
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
