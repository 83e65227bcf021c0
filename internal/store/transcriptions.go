package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/jsonform"
	"memoai.tech/memo/internal/zipstream"
)

// Transcription is a full transcription as it is stored. Only [Store.Transcription] sets
// TextJSON.
type Transcription struct {
	ListItem
	Size     int64  // all its stored bytes
	TextJSON []byte // JSON string
	Segments []byte // JSON array
	Reports  []memo.Report
}

// Admit is called before a transcription is read; size is its stored bytes. It may wait for
// capacity. If it returns an error, the read returns that error.
type Admit func(size int64) error

// View is what a caller sees of a workspace: all of it, or only what is in some projects.
type View struct {
	WorkspaceID string
	ProjectIDs  []string // empty for all
}

// one returns the condition for the transcription with this id in the view, and its arguments.
func (v View) one(id string) (where string, args []any) {
	if len(v.ProjectIDs) == 0 {
		return `WHERE t.id = $1 AND t.workspace_id = $2`, []any{id, v.WorkspaceID}
	}
	q := new(queryBuilder)
	q.where("t.id = %s AND t.workspace_id = %s", id, v.WorkspaceID)
	q.whereIn("t.project_id", v.ProjectIDs)
	return `WHERE ` + strings.Join(q.conds, " AND "), q.args
}

// Items returns transcriptions of a view without their texts, in the order of ids. missing holds
// the ids that do not exist there.
func (s *Store) Items(ctx context.Context, v View, ids []string) (items []ListItem, missing []string, err error) {
	for _, id := range ids {
		where, args := v.one(id)
		it, err := scanItem(s.dataReader.q.QueryRowContext(ctx, `SELECT
				t.seq, t.id, t.created_at, t.item, t.char_count, p.id, p.name
			FROM transcriptions t LEFT JOIN projects p ON p.id = t.project_id
			`+where, args...))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			missing = append(missing, id)
		case err != nil:
			return nil, nil, classifyError(err)
		default:
			items = append(items, it)
		}
	}
	return items, missing, nil
}

// Transcription returns one transcription of a view with its text.
func (s *Store) Transcription(ctx context.Context, v View, id string, admit Admit) (w Transcription, err error) {
	err = s.readTranscription(ctx, &w, admit, `SELECT t.seq, t.id, t.item, t.char_count, p.id, p.name, t.size,
			x.text, x.segments
		FROM transcriptions t JOIN transcripts x ON x.seq = t.seq LEFT JOIN projects p ON p.id = t.project_id `,
		v, id, &w.TextJSON, &w.Segments)
	if err == nil {
		w.TextJSON, err = s.dataReader.value(ctx, id, textValue, w.TextJSON)
	}
	if err == nil {
		w.Segments, err = s.dataReader.value(ctx, id, segmentsValue, w.Segments)
	}
	return w, err
}

// Segments returns one transcription of a view with its segments, but without its
// text, which can be made from the segments.
func (s *Store) Segments(ctx context.Context, v View, id string, admit Admit) (w Transcription, err error) {
	err = s.readTranscription(ctx, &w, admit, `SELECT t.seq, t.id, t.item, t.char_count, p.id, p.name, t.size, x.segments
		FROM transcriptions t JOIN transcripts x ON x.seq = t.seq LEFT JOIN projects p ON p.id = t.project_id `,
		v, id, &w.Segments)
	if err == nil {
		w.Segments, err = s.dataReader.value(ctx, id, segmentsValue, w.Segments)
	}
	return w, err
}

// Markdown returns a transcription without its text, and the transcript in Markdown as it
// is stored. If sizeOnly is set, only md.Size and md.CRC are valid, because md.Data is
// then not read if it is stored in parts.
func (s *Store) Markdown(
	ctx context.Context, v View, id string, sizeOnly bool, admit Admit,
) (w Transcription, md zipstream.Deflated, err error) {
	err = s.readTranscription(ctx, &w, admit, `SELECT t.seq, t.id, t.item, t.char_count, p.id, p.name, t.size,
			x.markdown_size, x.markdown_crc, x.markdown
		FROM transcriptions t JOIN transcripts x ON x.seq = t.seq LEFT JOIN projects p ON p.id = t.project_id `,
		v, id, &md.Size, &md.CRC, &md.Data)
	if err == nil && !sizeOnly {
		md.Data, err = s.dataReader.value(ctx, id, markdownValue, md.Data)
	}
	return w, md, err
}

// readTranscription runs query, which has no WHERE. It must select the columns that the Scan below lists, up to
// t.size, and then those that are scanned into more. After admit it reads the reports. The caller
// reads the values that are stored in parts.
func (s *Store) readTranscription(
	ctx context.Context, w *Transcription, admit Admit, query string, v View, id string, more ...any,
) error {
	var projectID, projectName sql.NullString
	ctx = s.quick(ctx)
	where, args := v.one(id)
	err := s.dataReader.q.QueryRowContext(ctx, query+where, args...).
		Scan(append([]any{&w.seq, &w.ID, &w.JSON, &w.CharCount, &projectID, &projectName, &w.Size}, more...)...)
	if err != nil {
		return notFoundTranscription(err)
	}
	if err := admit(w.Size); err != nil {
		return err
	}
	w.Project = projectRef(projectID, projectName)
	w.Reports, err = s.reports(ctx, w.seq)
	return err
}

// Lines returns the text and the segments of a transcription.
func (s *Store) Lines(ctx context.Context, it ListItem) (text string, segments Segments, err error) {
	var quoted, array []byte
	err = s.dataReader.q.QueryRowContext(ctx, `SELECT text, segments FROM transcripts WHERE seq = $1`, it.seq).
		Scan(&quoted, &array)
	if err != nil {
		return "", nil, classifyError(err)
	}
	if quoted, err = s.dataReader.value(ctx, it.ID, textValue, quoted); err != nil {
		return "", nil, err
	}
	if array, err = s.dataReader.value(ctx, it.ID, segmentsValue, array); err != nil {
		return "", nil, err
	}
	text, err = unquoteJSON(quoted)
	return text, array, err
}

// Text returns only the text of one transcription of a view.
func (s *Store) Text(ctx context.Context, v View, id string, admit Admit) (string, error) {
	where, args := v.one(id)
	var size int64
	var quoted []byte
	err := s.dataReader.q.QueryRowContext(s.quick(ctx), `SELECT t.size, x.text
		FROM transcriptions t JOIN transcripts x ON x.seq = t.seq `+where, args...).Scan(&size, &quoted)
	if err != nil {
		return "", notFoundTranscription(err)
	}
	if err := admit(size); err != nil {
		return "", err
	}
	if quoted, err = s.dataReader.value(ctx, id, textValue, quoted); err != nil {
		return "", err
	}
	return unquoteJSON(quoted)
}

// Reports returns the AI reports of one transcription of a view.
func (s *Store) Reports(ctx context.Context, v View, id string, admit Admit) ([]memo.Report, error) {
	where, args := v.one(id)
	var seq, size int64
	err := s.dataReader.q.QueryRowContext(s.quick(ctx),
		`SELECT seq, size FROM transcriptions t `+where, args...).Scan(&seq, &size)
	if err != nil {
		return nil, notFoundTranscription(err)
	}
	if err := admit(size); err != nil {
		return nil, err
	}
	return s.reports(ctx, seq)
}

func unquoteJSON(quoted []byte) (string, error) {
	text, err := jsontext.AppendUnquote(nil, quoted)
	return string(text), err
}

func notFoundTranscription(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return memo.NotFound("Transcription")
	}
	return classifyError(err)
}

func (s *Store) reports(ctx context.Context, seq int64) ([]memo.Report, error) {
	return queryAll(ctx, s.dataReader.q, func(row scanner) (r memo.Report, err error) {
		err = row.Scan(&r.ID, &r.Name, &r.Slug, &r.Status, &r.Text, timeInto(&r.CreatedAt))
		return r, err
	}, `SELECT id, name, slug, status, text, created_at FROM reports WHERE seq = $1 ORDER BY id`, seq)
}

// ReportNames returns the names of the reports with a text of each item, by its id.
func (s *Store) ReportNames(ctx context.Context, items []ListItem) (map[string][]string, error) {
	if len(items) == 0 {
		return nil, nil
	}
	q, ids, names := new(queryBuilder), map[int64]string{}, map[string][]string{}
	seqs := make([]string, len(items))
	for i, it := range items {
		ids[it.seq], seqs[i] = it.ID, q.arg(it.seq)
	}
	type named struct {
		seq  int64
		name string
	}
	rows, err := queryAll(s.quick(ctx), s.dataReader.q, func(row scanner) (r named, err error) {
		err = row.Scan(&r.seq, &r.name)
		return r, err
	}, `SELECT seq, name FROM reports WHERE seq IN (`+strings.Join(seqs, ", ")+`) AND text <> '' ORDER BY id`, q.args...)
	for _, r := range rows {
		names[ids[r.seq]] = append(names[ids[r.seq]], r.name)
	}
	return names, err
}

// NewTranscription is a transcription to be added. [Store.Prepare] sets ID and Text of Doc.
type NewTranscription struct {
	Doc         *memo.Transcription
	WorkspaceID string
	CreatedBy   string             // a user's id, or empty
	SourceHash  []byte             // the hash of the imported file, or nil
	Markdown    zipstream.Deflated // the transcript in Markdown
}

// Prepared is a transcription in the form in which it is stored. Making one can take seconds, so
// it is made before the transaction that adds it.
type Prepared struct {
	NewTranscription
	text, segments []byte // JSON
	chars          int    // number of characters of the text
	size           int64  // bytes of all values
	terms          searchTerms
	staged         bool // its long values have been stored by StoreParts
}

// ID returns the id that the transcription will have.
func (p *Prepared) ID() string { return p.Doc.ID }

// Prepare gives a transcription its id and text, and makes its stored form.
func (s *Store) Prepare(n NewTranscription) (*Prepared, error) {
	n.Doc.ID = uuid.Must(uuid.NewV7()).String()
	return s.prepareValues(n)
}

func (s *Store) prepareValues(n NewTranscription) (*Prepared, error) {
	d := n.Doc
	d.Text = memo.Lines(d.Segments)
	p := &Prepared{NewTranscription: n, chars: utf8.RuneCountInString(d.Text)}
	item, err := jsonform.Marshal(d.ListItem) // for its size
	if err != nil {
		return nil, fmt.Errorf("store: item: %w", err)
	}
	if p.segments, err = json.Marshal(d.Segments); err != nil {
		return nil, fmt.Errorf("store: segments: %w", err)
	}
	if p.text, err = jsontext.AppendQuote(nil, d.Text); err != nil {
		return nil, fmt.Errorf("store: text: %w", err)
	}
	p.size = int64(len(item) + len(p.text) + len(p.segments) + len(n.Markdown.Data))
	for _, r := range d.Reports {
		p.size += int64(len(r.Text))
	}
	p.terms = prepareTerms(s.dialect, n.WorkspaceID, d)
	return p, nil
}

// Added is the result of adding a transcription.
type Added struct {
	ID        string
	Unchanged bool // ID is that of the transcription that the workspace had with this source hash
}

// AddTranscriptions adds at least one transcription of a workspace, with its reports and its entry
// in the search index, and raises the content version.
func (t *Tx) AddTranscriptions(ctx context.Context, batch ...*Prepared) ([]Added, error) {
	workspaceID, added := batch[0].WorkspaceID, make([]Added, len(batch))
	at, err := t.beginChange(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	var size int64
	sources, projects := map[string]string{}, map[string]string{} // ids by hash and by name
	for i, p := range batch {
		if added[i], err = t.isAdded(ctx, p, sources); err != nil {
			return nil, err
		}
		if added[i].Unchanged {
			continue
		}
		size += p.size
		if p.Doc.Project != nil && projects[p.Doc.Project.Name] == "" {
			name := p.Doc.Project.Name
			if projects[name], err = t.projectNamed(ctx, workspaceID, name); err != nil {
				return nil, err
			}
		}
		if err := t.addTranscription(ctx, p, projects, at); err != nil {
			return nil, err
		}
	}
	if size == 0 {
		return added, nil
	}
	return added, t.bumpContent(ctx, workspaceID, at, size)
}

// isAdded reports whether the workspace has a transcription with the same source. sources has the
// ids of those that the same batch adds, by hash.
func (t *Tx) isAdded(ctx context.Context, p *Prepared, sources map[string]string) (Added, error) {
	if p.SourceHash == nil {
		return Added{ID: p.ID()}, nil
	}
	id := sources[string(p.SourceHash)]
	if id == "" {
		var err error
		if id, err = t.bySource(ctx, p.WorkspaceID, p.SourceHash); err != nil {
			return Added{}, err
		}
	}
	if id != "" {
		return Added{id, true}, nil
	}
	sources[string(p.SourceHash)] = p.ID()
	return Added{ID: p.ID()}, nil
}

// addTranscription adds one transcription; projects has the id of its project.
func (t *Tx) addTranscription(ctx context.Context, p *Prepared, projects map[string]string, at time.Time) error {
	d := p.Doc
	d.UpdatedAt = at
	item, err := jsonform.Marshal(d.ListItem)
	if err != nil {
		return fmt.Errorf("store: item: %w", err)
	}
	project := sql.NullString{}
	if d.Project != nil {
		project = sql.NullString{String: projects[d.Project.Name], Valid: true}
	}
	seq, rowid, err := t.insert(ctx, p, project, item)
	if err != nil {
		return classifyError(err)
	}
	if err := t.addValues(ctx, seq, p); err != nil {
		return err
	}
	if err := t.addSpeakers(ctx, seq, p.WorkspaceID, d.ListItem); err != nil {
		return err
	}
	if rowid.Valid {
		err = t.indexAt(ctx, rowid.Int64, p.terms)
	} else {
		err = t.index(ctx, seq, p.terms)
	}
	if err != nil {
		return err
	}
	t.addToCounts(countGroup{p.WorkspaceID, d.Status, dayOf(toMillis(d.CreatedAt)), project.String, string(d.Language)}, 1)
	return nil
}

// insert adds the row of a transcription. On SQLite it also returns the rowid for the search index, if
// the second of the creation time has a free one.
func (t *Tx) insert(
	ctx context.Context, p *Prepared, project sql.NullString, item []byte,
) (seq int64, rowid sql.NullInt64, err error) {
	d, created := p.Doc, toMillis(p.Doc.CreatedAt)
	var source any // untyped nil, because some drivers store a nil []byte as an empty value
	if p.SourceHash != nil {
		source = p.SourceHash
	}
	args := []any{
		d.ID, p.WorkspaceID, project, d.Status, nullText(d.Language), nullText(d.ExternalID), d.Duration.Millis(), created,
		nullText(memo.Optional(p.CreatedBy)), source, p.chars, string(item), p.size,
		toMillis(d.UpdatedAt),
	}
	column, value, returned := "", "", []any{&seq}
	if t.dialect == dialectSQLite {
		column, value, returned = ", search_rowid", ", "+nextRowid, append(returned, &rowid)
		args = append(args, firstRowid(created), firstRowid(created)+rowsPerSecond)
	}
	err = t.q.QueryRowContext(ctx, `INSERT INTO transcriptions
			(id, workspace_id, project_id, status, language, external_id, duration_ms, created_at, created_by,
			source_hash, char_count, item, size, updated_at`+column+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14`+value+`)
		RETURNING seq`+column, args...).Scan(returned...)
	return seq, rowid, err
}

// addValues adds the transcript and the reports of a transcription.
func (t *Tx) addValues(ctx context.Context, seq int64, p *Prepared) error {
	if err := t.exec(ctx, `INSERT INTO transcripts (seq, text, segments, markdown, markdown_size, markdown_crc)
		VALUES ($1, $2, $3, $4, $5, $6)`, seq, string(columnValue(p.text)), string(columnValue(p.segments)),
		columnValue(p.Markdown.Data), p.Markdown.Size, int64(p.Markdown.CRC)); err != nil {
		return err
	}
	if !p.staged {
		for _, part := range p.parts() {
			if err := t.addPart(ctx, p.ID(), part); err != nil {
				return err
			}
		}
	} else if err := t.checkParts(ctx, p); err != nil {
		return err
	}
	for _, r := range p.Doc.Reports {
		if err := t.exec(ctx,
			`INSERT INTO reports (seq, name, slug, status, text, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			seq, r.Name, r.Slug, r.Status, r.Text, toMillis(r.CreatedAt)); err != nil {
			return err
		}
	}
	return nil
}

// BySource returns the id of the workspace's transcription that was imported from a file with
// this hash, or "" if there is none.
func (s *Store) BySource(ctx context.Context, workspaceID string, hash []byte) (string, error) {
	return s.dataReader.bySource(s.quick(ctx), workspaceID, hash)
}

func (r reader) bySource(ctx context.Context, workspaceID string, hash []byte) (id string, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT id FROM transcriptions WHERE workspace_id = $1 AND source_hash = $2`,
		workspaceID, hash).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, classifyError(err)
}

// projectNamed returns the id of the workspace's project with this name. It adds the
// project if it does not exist.
func (t *Tx) projectNamed(ctx context.Context, workspaceID, name string) (id string, err error) {
	if err := t.exec(ctx,
		`INSERT INTO projects (id, workspace_id, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		uuid.Must(uuid.NewV7()).String(), workspaceID, name, toMillis(t.Now)); err != nil {
		return "", err
	}
	err = t.q.QueryRowContext(ctx, `SELECT id FROM projects WHERE workspace_id = $1 AND name = $2`, workspaceID,
		name).Scan(&id)
	return id, classifyError(err)
}
