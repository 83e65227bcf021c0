package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
)

// Filter selects transcriptions of one workspace. A field that is zero does not filter,
// except WorkspaceID and Status, which always do.
type Filter struct {
	WorkspaceID  string
	Status       memo.Status
	ProjectIDs   []string // in one of these projects
	Language     string
	ExternalID   string
	Speaker      string    // the name, in any case and with or without accents
	From, To     time.Time // From ≤ created_at < To
	UpdatedAfter time.Time // UpdatedAfter < updated_at
	Query        []search.Term
	Search       bool // filter by Query; an empty Query then selects nothing

	// anyOf, in a search, are terms of which a text must also have one.
	anyOf []search.Term
}

// Order is the sort of a list. Ties are broken by id, in the same direction.
type Order struct {
	By         OrderBy
	Descending bool
}

// OrderBy is the value by which a list is sorted.
type OrderBy string

// The values of OrderBy. ByRelevance needs a search, puts the best hit first and ignores
// Order.Descending.
const (
	ByCreated   OrderBy = "created_at"
	ByDuration  OrderBy = "duration"
	ByUpdated   OrderBy = "updated_at"
	ByRelevance OrderBy = "relevance"
)

// ListPosition is a position in a list: after the row with this key and id.
type ListPosition struct {
	Key int64 // created_at, updated_at or duration, in milliseconds
	ID  string
}

// Range selects a page of a list: at most Limit rows, those after the position After or, if that
// is nil, those from Offset on. A page by After takes the same time anywhere in the list; a page
// by Offset takes longer the higher Offset is.
type Range struct {
	Limit  int
	Offset int
	After  *ListPosition
}

// ListItem is a transcription in a list. JSON is its JSON object without the member "project",
// which is stored separately because a project can be renamed.
type ListItem struct {
	ListPosition
	JSON      []byte
	Project   *memo.ProjectRef
	CharCount int

	seq int64
}

// AppendJSON appends the item to b as a JSON object without its closing brace, so that
// the caller can add members.
func (it ListItem) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, it.JSON[:len(it.JSON)-1]...)
	if it.Project == nil {
		return append(b, `,"project":null`...), nil
	}
	b = append(append(append(b, `,"project":{"id":"`...), it.Project.ID...), `","name":`...)
	b, err := jsontext.AppendQuote(b, it.Project.Name)
	return append(b, '}'), err
}

// List returns a page of the transcriptions that f selects. It does not read their
// texts.
func (s *Store) List(ctx context.Context, f Filter, o Order, p Range) ([]ListItem, error) {
	if f.Search && len(f.Query) == 0 {
		return []ListItem{}, nil
	}
	if o.By == ByRelevance && p.Offset < maxRanked && p.Offset+p.Limit > maxRanked {
		best, err := s.List(ctx, f, o, Range{Limit: maxRanked - p.Offset, Offset: p.Offset})
		if err != nil || len(best) < maxRanked-p.Offset {
			return best, err
		}
		rest, err := s.List(ctx, f, o, Range{Limit: p.Limit - len(best), Offset: maxRanked})
		return append(best, rest...), err
	}
	if !f.isSlow() && p.Offset == 0 {
		ctx = s.quick(ctx)
	}
	query, args := s.listQuery(f, o, p)
	return queryAll(ctx, s.querierFor(f), scanItem, query, args...)
}

// listQuery returns a query that finds the rows of a page first, and then reads their
// items.
func (s *Store) listQuery(f Filter, o Order, p Range) (query string, args []any) {
	page, order, args := s.pageQuery(f, o, p)
	key := "c.key"
	if o.By == ByRelevance {
		key = "0" // a cursor cannot hold a rank
	}
	return itemsOf(page, key, order), args
}

// itemsOf returns a query that reads the items of the rows c that page selects.
func itemsOf(page, key, order string) string {
	return `SELECT t.seq, t.id, ` + key + `, t.item, t.char_count, p.id, p.name
		FROM (` + page + `) c JOIN transcriptions t ON t.seq = c.seq LEFT JOIN projects p ON p.id = t.project_id
		ORDER BY ` + order
}

// pageQuery returns a query that finds the rows of a page without reading their items.
// Without a search it needs only an index; with a search, only keys pass through the sort
// and OFFSET. order sorts the rows again after their items are read.
func (s *Store) pageQuery(f Filter, o Order, p Range) (query, order string, args []any) {
	if o.By == ByRelevance {
		return s.selection(f, o.By).ranked(p)
	}
	direction := "ASC"
	if o.Descending {
		direction = "DESC"
	}
	order = fmt.Sprintf("c.key %s, c.id %s", direction, direction)
	sorted := fmt.Sprintf(" ORDER BY key %s, id %s", direction, direction)
	q := s.selection(f, o.By)
	if parts := f.byProject(); parts != nil {
		q = new(queryBuilder)
		query = s.union(q, parts, o, p, sorted)
	} else {
		query = q.rows(o, p)
	}
	return query + sorted + q.limit(p), order, q.args
}

// union returns a query for the rows of several filters. SQLite merges them, and reads only the rows of
// the page. PostgreSQL reads a page of each.
func (s *Store) union(q *queryBuilder, parts []Filter, o Order, p Range, sorted string) (query string) {
	for i, f := range parts {
		if i > 0 {
			query += ` UNION ALL `
		}
		part := s.selection(f, o.By, q.args...)
		rows := part.rows(o, p)
		if s.dialect == dialectPostgres {
			rows = `(` + rows + sorted + part.limit(Range{Limit: p.Offset + p.Limit}) + `)`
		}
		query, q.args = query+rows, part.args
	}
	return query
}

// byProject returns a filter for each project of f, if there are several and an index has the rows of
// each in the order of the list, and otherwise nil.
func (f Filter) byProject() []Filter {
	if len(f.ProjectIDs) < 2 || f.isSlow() || f.ExternalID != "" {
		return nil
	}
	filters := make([]Filter, len(f.ProjectIDs))
	for i, id := range f.ProjectIDs {
		filters[i] = f
		filters[i].ProjectIDs = []string{id}
	}
	return filters
}

// rows returns a query for the rows of a page, without their sort and the limit.
func (q *queryBuilder) rows(o Order, p Range) string {
	key, id, compare := q.sorted+".created_at", q.sorted+".id", ">"
	switch o.By {
	case ByDuration:
		key = q.sorted + ".duration_ms"
	case ByUpdated:
		key, id = "t.updated_at", "t.id"
	}
	if o.Descending {
		compare = "<"
	}
	if p.After != nil {
		q.where("("+key+", "+id+") "+compare+" (%s, %s)", p.After.Key, p.After.ID)
		if q.rowids != nil && o.By == ByCreated {
			q.rowids.createdAfter(q, o, p.After.Key)
		}
	}
	if q.rowids != nil && o.By == ByCreated {
		return q.byRowid(o, p)
	}
	return q.query(`t.seq AS seq, ` + id + ` AS id, ` + key + ` AS key`)
}

// ranked returns a query for a page by relevance, as pageQuery does. The maxRanked newest hits come
// first, sorted by rank. The other hits follow, the newest first: on SQLite in the order of their
// rowids, which is any order within a second.
func (q *queryBuilder) ranked(p Range) (query, order string, args []any) {
	if p.Offset >= maxRanked {
		return q.query(`t.seq AS seq, t.id AS id, `+q.newest+` AS key`) + q.newestFirst() + q.limit(p),
			"c.key DESC, c.id DESC", q.args
	}
	return `SELECT seq, id, key FROM (` + q.newestHits(maxRanked) + `) r ORDER BY key, id DESC` + q.limit(p),
		"c.key, c.id DESC", q.args
}

// newestHits returns a query for the newest hits of a search, at most limit, with their rank as key.
func (q *queryBuilder) newestHits(limit int) string {
	return q.query(`t.seq AS seq, t.id AS id, `+q.rank+` AS key`) + q.newestFirst() + ` LIMIT ` + q.arg(limit)
}

func (q *queryBuilder) newestFirst() string {
	if q.rowids == nil {
		return ` ORDER BY ` + q.newest + ` DESC, t.id DESC`
	}
	return ` ORDER BY ` + q.newest + ` DESC` // a rowid is unique
}

func scanItem(row scanner) (it ListItem, err error) {
	var projectID, projectName sql.NullString
	err = row.Scan(&it.seq, &it.ID, &it.Key, &it.JSON, &it.CharCount, &projectID, &projectName)
	it.Project = projectRef(projectID, projectName)
	return it, err
}

func projectRef(id, name sql.NullString) *memo.ProjectRef {
	if !id.Valid {
		return nil
	}
	return &memo.ProjectRef{ID: id.String, Name: name.String}
}

// queryBuilder builds a query: its FROM, the conditions of its WHERE, and its arguments.
type queryBuilder struct {
	from   string
	sorted string      // of a list: the table by whose columns it is sorted
	newest string      // of a search: the column by which hits are sorted by time
	rank   string      // of a search: the expression for the rank of a hit, lowest for the best
	rowids *rowidRange // of a search on SQLite
	conds  []string
	args   []any
}

// arg adds an argument and returns its placeholder.
func (q *queryBuilder) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// query returns a SELECT of columns.
func (q *queryBuilder) query(columns string) string {
	conds := q.conds
	if q.rowids != nil {
		conds = slices.Concat(conds, q.rowids.conds())
	}
	return `SELECT ` + columns + ` FROM ` + q.from + ` WHERE ` + strings.Join(conds, " AND ")
}

// limit returns the LIMIT and OFFSET of a page.
func (q *queryBuilder) limit(p Range) string {
	limit := ` LIMIT ` + q.arg(p.Limit)
	if p.Offset > 0 {
		limit += ` OFFSET ` + q.arg(p.Offset)
	}
	return limit
}

// where adds a condition, in which each %s stands for the next of args.
func (q *queryBuilder) where(cond string, args ...any) {
	b := make([]byte, 0, 64)
	for _, a := range args {
		before, after, _ := strings.Cut(cond, "%s")
		b = append(append(b, before...), q.arg(a)...)
		cond = after
	}
	q.conds = append(q.conds, string(append(b, cond...)))
}

// whereIn adds the condition that a column has one of the values.
func (q *queryBuilder) whereIn(column string, values []string) {
	placeholders := make([]string, len(values))
	for i, v := range values {
		placeholders[i] = q.arg(v)
	}
	q.conds = append(q.conds, column+" IN ("+strings.Join(placeholders, ", ")+")")
}

// inProjects adds the condition that a column has one of these projects, if there are any.
func (q *queryBuilder) inProjects(column string, ids []string) {
	switch len(ids) {
	case 0:
	case 1:
		q.where(column+" = %s", ids[0])
	default:
		q.whereIn(column, ids)
	}
}

// indexedBy makes SQLite read a table by this index. It has no statistics: it would choose the
// index with the most columns that are compared for equality, and would read all transcriptions in
// a language to find the one with an external id.
func (d dialect) indexedBy(index string) string {
	if d == dialectSQLite {
		return " INDEXED BY " + index
	}
	return ""
}

// selection returns a query builder with the conditions of a filter, for a list sorted by by. Unless
// the sort is by creation, the database must not find the creation times with an index, because
// it would have to sort all rows of these days. The plus sign prevents this on both databases.
// The times are then read from the index by duration, which contains them after its key. Its
// arguments come after args.
func (s *Store) selection(f Filter, by OrderBy, args ...any) *queryBuilder {
	q := &queryBuilder{
		from: "transcriptions t", sorted: "t", conds: make([]string, 0, 8), args: append(make([]any, 0, 12), args...),
	}
	switch {
	case f.Search:
		s.addSearch(q, f)
	case f.Speaker != "":
		// CROSS JOIN makes SQLite read the rows of the speaker first.
		q.from = "transcription_speakers s" + s.dialect.indexedBy(f.index(by)) + " CROSS JOIN transcriptions t"
		q.where("s.workspace_id = %s AND s.folded = %s AND t.seq = s.seq", f.WorkspaceID, foldSpeaker(f.Speaker))
		q.sorted = "s"
	default:
		q.from += s.dialect.indexedBy(f.index(by))
	}
	created := q.sorted + ".created_at"
	if by != ByCreated {
		created = "+" + created
	}
	q.where("t.workspace_id = %s", f.WorkspaceID)
	q.where("t.status = %s", f.Status)
	q.inProjects("t.project_id", f.ProjectIDs)
	if f.Language != "" {
		q.where("t.language = %s", f.Language)
	}
	if f.ExternalID != "" {
		q.where("t.external_id = %s", f.ExternalID)
	}
	if f.Search && f.Speaker != "" {
		q.where("EXISTS (SELECT 1 FROM transcription_speakers s WHERE s.seq = t.seq AND s.folded = %s)",
			foldSpeaker(f.Speaker))
	}
	if !f.From.IsZero() {
		q.where(created+" >= %s", toMillis(f.From))
	}
	if !f.To.IsZero() {
		q.where(created+" < %s", toMillis(f.To))
	}
	if !f.UpdatedAfter.IsZero() {
		q.where("t.updated_at > %s", toMillis(f.UpdatedAfter))
	}
	return q
}

// index returns the name of the index for this filter and sort.
func (f Filter) index(by OrderBy) string {
	name := "transcriptions"
	switch {
	case f.Speaker != "":
		name = "transcription_speakers"
		f.ProjectIDs, f.Language = nil, "" // looked up for each transcription of the speaker
	case f.ExternalID != "":
		return "transcriptions_external"
	case by == ByUpdated || !f.UpdatedAfter.IsZero():
		if len(f.ProjectIDs) > 0 {
			return "transcriptions_project_updated"
		}
		return "transcriptions_updated"
	}
	if len(f.ProjectIDs) > 0 {
		name += "_project"
	}
	if f.Language != "" {
		name += "_language"
	}
	if by == ByDuration {
		return name + "_duration"
	}
	return name + "_created"
}

// Projects lists the projects of a view, oldest first, with the number of their completed
// transcriptions.
func (s *Store) Projects(ctx context.Context, v View, limit, offset int) ([]memo.Project, error) {
	q := v.projects("projects p JOIN workspaces w ON w.id = p.workspace_id")
	query := q.query(`p.id, p.name, p.created_at, CASE WHEN w.counted_version = w.content_version
			THEN (SELECT CAST(coalesce(sum(c.n), 0) AS BIGINT) FROM transcription_counts c
				WHERE c.workspace_id = p.workspace_id AND c.status = 'completed' AND c.day = `+q.arg(int64(allDays))+`
				AND c.project_id = p.id)
			ELSE (SELECT count(*) FROM transcriptions t
				WHERE t.workspace_id = p.workspace_id AND t.status = 'completed' AND t.project_id = p.id) END`) +
		` ORDER BY p.created_at, p.id` + q.limit(Range{Limit: limit, Offset: offset})
	return queryAll(ctx, s.dataReader.q, func(row scanner) (p memo.Project, err error) {
		err = row.Scan(&p.ID, &p.Name, timeInto(&p.CreatedAt), &p.TranscriptionCount)
		return p, err
	}, query, q.args...)
}

// projects returns a query builder that selects the projects p of a view.
func (v View) projects(from string) *queryBuilder {
	q := &queryBuilder{from: from}
	q.where("p.workspace_id = %s", v.WorkspaceID)
	q.inProjects("p.id", v.ProjectIDs)
	return q
}

// ProjectNames lists the projects of a view by name, at most limit.
func (s *Store) ProjectNames(ctx context.Context, v View, limit int) ([]memo.ProjectRef, error) {
	q := v.projects("projects p")
	query := q.query("p.id, p.name") + ` ORDER BY lower(p.name), p.id` + q.limit(Range{Limit: limit})
	return queryAll(ctx, s.dataReader.q, func(row scanner) (p memo.ProjectRef, err error) {
		err = row.Scan(&p.ID, &p.Name)
		return p, err
	}, query, q.args...)
}

// Project returns a project of a workspace, by id or else by name.
func (r reader) Project(ctx context.Context, workspaceID, idOrName string) (memo.ProjectRef, error) {
	return queryOne(r.q.QueryRowContext(ctx, `SELECT id, name FROM projects
		WHERE workspace_id = $1 AND (id = $2 OR name = $2) ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END LIMIT 1`,
		workspaceID, idOrName), func(row scanner) (p memo.ProjectRef, err error) {
		err = row.Scan(&p.ID, &p.Name)
		return p, err
	}, "Project")
}

// CountProjects counts the projects of a view.
func (s *Store) CountProjects(ctx context.Context, v View) (n int, err error) {
	q := v.projects("projects p")
	err = s.dataReader.q.QueryRowContext(ctx, q.query("count(*)"), q.args...).Scan(&n)
	return n, classifyError(err)
}
