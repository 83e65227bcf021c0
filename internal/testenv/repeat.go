package testenv

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// Repeat adds n copies of the latest transcription, with its text and terms, to the
// embedded database in dir. It is much faster than n imports.
func Repeat(t testing.TB, dir string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "memo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1),
		last AS (SELECT *, (SELECT max(search_rowid) FROM transcriptions) AS last_rowid
			FROM transcriptions WHERE seq = (SELECT max(seq) FROM transcriptions)) `
	for _, q := range []struct {
		text string
		args []any
	}{
		{`PRAGMA busy_timeout = 10000`, nil},
		{`BEGIN IMMEDIATE`, nil},
		{`CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, search_index, instance)`, nil},
		{numbers + `INSERT INTO search_index (rowid, title, summary, body)
			SELECT last.last_rowid + i, w.title, w.summary, w.body FROM n, last, (SELECT
				group_concat(term, ' ') FILTER (WHERE col = 'title') AS title,
				group_concat(term, ' ') FILTER (WHERE col = 'summary') AS summary,
				group_concat(term, ' ') FILTER (WHERE col = 'body') AS body
			FROM temp.words WHERE doc = (SELECT search_rowid FROM last)) w`, []any{n}},
		{numbers + `INSERT INTO transcripts (seq, markdown_size, markdown_crc, markdown, text, segments)
			SELECT last.seq + i, markdown_size, markdown_crc, markdown, text, segments
			FROM n, last JOIN transcripts x ON x.seq = last.seq`, []any{n}},
		{numbers + `INSERT INTO transcriptions (seq, id, workspace_id, project_id, status, language,
				external_id, duration_ms,
				created_at, created_by, char_count, item, search_rowid)
			SELECT seq + i, printf('%08x', i) || substr(id, 9), workspace_id, project_id, status, language, external_id,
				duration_ms, created_at, created_by, char_count, item, last_rowid + i FROM n, last`, []any{n}},
		{`UPDATE workspaces SET content_version = content_version + 1`, nil},
		{`COMMIT`, nil},
	} {
		if _, err := db.Exec(q.text, q.args...); err != nil {
			t.Fatalf("%v\n%s", err, q.text)
		}
	}
}
