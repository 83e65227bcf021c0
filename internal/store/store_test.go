package store

import (
	"context"
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/search"
	"memoai.tech/memo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, cfg Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, Config{Dir: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) { f(t, Config{URL: testenv.Postgres(t)}) })
}

func mustOpen(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestEveryConstantQueryPrepares finds the SQL statements in the source of this package
// and prepares each on both databases.
func TestEveryConstantQueryPrepares(t *testing.T) {
	queries := constantQueries(t)
	if len(queries) < 50 {
		t.Fatalf("found only %d queries: constantQueries misses some", len(queries))
	}
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		for _, q := range queries {
			for _, only := range []struct {
				mark string
				d    dialect
			}{
				{"search_index", dialectSQLite},
				{"search_rowid", dialectSQLite},
				{"transcription_search", dialectPostgres},
				{"sqlite_master", dialectSQLite},
				{"sqlite_version", dialectSQLite},
				{"PRAGMA", dialectSQLite},
				{"tsvector", dialectPostgres},
				{"current_setting", dialectPostgres},
				{"pg_stat_ssl", dialectPostgres},
				{"pg_advisory_xact_lock", dialectPostgres},
				{"SKIP LOCKED", dialectPostgres},
			} {
				if strings.Contains(q, only.mark) && s.dialect != only.d {
					q = `SELECT 1`
				}
			}
			stmt, err := s.write.Prepare(q)
			if err != nil {
				t.Errorf("%v\n%s", err, q)
				continue
			}
			stmt.Close()
		}
	})
}

// constantQueries returns the SQL statements that calls in this package have as constant
// arguments.
func constantQueries(t *testing.T) (queries []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	consts := map[string]string{}
	var parsed []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	var text func(e ast.Expr) (string, bool)
	text = func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			if e.Kind != token.STRING {
				return "", false
			}
			return constant.StringVal(constant.MakeFromLiteral(e.Value, e.Kind, 0)), true
		case *ast.Ident:
			s, ok := consts[e.Name]
			return s, ok
		case *ast.BinaryExpr:
			a, ok := text(e.X)
			b, ok2 := text(e.Y)
			return a + b, ok && ok2
		}
		return "", false
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
				if s, ok := text(v.Values[0]); ok {
					consts[v.Names[0].Name] = s
				}
			}
			return true
		})
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, arg := range call.Args {
				s, ok := text(arg)
				for _, verb := range []string{"SELECT ", "INSERT ", "UPDATE ", "DELETE "} {
					if ok && strings.HasPrefix(s, verb) && !strings.HasSuffix(s, "FROM ") {
						queries = append(queries, s)
					}
				}
			}
			return true
		})
	}
	return queries
}

// TestListsUseTheirIndex: for no combination of filters and sort does the database scan a table or
// sort its rows.
func TestListsUseTheirIndex(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		if s.dialect == dialectPostgres {
			// PostgreSQL always scans an empty table. Forbid that, to see whether an index fits.
			if _, err := s.write.Exec(`SET enable_seqscan = off; SET enable_bitmapscan = off;
				SET enable_sort = off; SET enable_incremental_sort = off`); err != nil {
				t.Fatal(err)
			}
			s.write.SetMaxOpenConns(1)
		}
		columns := map[string]string{
			"ProjectIDs": "project_id", "Language": "language", "From": "created_at", "To": "created_at",
		}
		for _, f := range filters(t, slices.Collect(maps.Keys(columns))) {
			for _, by := range []OrderBy{ByCreated, ByDuration} {
				for _, after := range []*ListPosition{nil, {1, "x"}} {
					query, _, args := s.pageQuery(f, Order{By: by, Descending: true}, Range{Limit: 20, After: after})
					plan := explain(t, s, query, args)
					if f.ProjectIDs != nil {
						several := f
						several.ProjectIDs = []string{"p", "q", "r"}
						query, _, args := s.pageQuery(several, Order{By: by, Descending: true}, Range{Limit: 20, After: after})
						if s.dialect == dialectSQLite {
							explain(t, s, query, args)
						} else if plan := planOf(t, s, query, args); strings.Count(plan, "Limit ") != 4 {
							t.Errorf("the plan does not read a page of each project:\n%s\n%s", query, plan)
						}
					}
					searched := regexp.MustCompile(`(?m)^Filter: .*$`).ReplaceAllString(plan, "")
					for field, column := range columns {
						if by == ByDuration && column == "created_at" || reflect.ValueOf(f).FieldByName(field).IsZero() {
							continue // by duration, an index cannot help with a period
						}
						if !regexp.MustCompile(`\b` + column + `\b`).MatchString(searched) {
							t.Errorf("the plan does not use an index on %s: add an index with %s, and name it in "+
								"Filter.index\n%s\n%s", field, column, query, plan)
						}
					}
				}
			}
		}
		query, _, args := s.pageQuery(Filter{WorkspaceID: "w", Status: "completed", ExternalID: "x"}, Order{By: ByCreated},
			Range{Limit: 20})
		explain(t, s, query, args)
		for _, project := range []string{"", "x"} {
			for _, after := range []*ListPosition{nil, {1, "x"}} {
				f := Filter{WorkspaceID: "w", Status: "completed", UpdatedAfter: time.UnixMilli(1)}
				if project != "" {
					f.ProjectIDs = []string{project}
				}
				query, _, args := s.pageQuery(f, Order{By: ByUpdated}, Range{Limit: 20, After: after})
				if plan := explain(t, s, query, args); !strings.Contains(plan, f.index(ByUpdated)) {
					t.Errorf("the plan does not use %s:\n%s\n%s", f.index(ByUpdated), query, plan)
				}
			}
		}
		for _, by := range []OrderBy{ByCreated, ByDuration} {
			for _, after := range []*ListPosition{nil, {1, "x"}} {
				f := Filter{WorkspaceID: "w", Status: "completed", Speaker: "x", ProjectIDs: []string{"p"}, From: time.UnixMilli(1)}
				query, _, args := s.pageQuery(f, Order{By: by, Descending: true}, Range{Limit: 20, After: after})
				if plan := explain(t, s, query, args); !strings.Contains(plan, f.index(by)) {
					t.Errorf("the plan does not use %s:\n%s\n%s", f.index(by), query, plan)
				}
			}
		}

		for _, noun := range []string{"", "key"} {
			for _, actor := range []string{"", "u"} {
				for _, from := range []time.Time{{}, time.UnixMilli(1)} {
					query, args := EventFilter{WorkspaceID: "w", Noun: noun, ActorID: actor, From: from}.query(s.dialect, 2, 3, 50)
					if plan := explain(t, s, query, args); strings.Contains(plan, "Filter: ") {
						t.Errorf("the plan reads events and filters them out:\n%s\n%s", query, plan)
					}
				}
			}
		}
	})
}

// filters returns every combination of the fields of a filter that these tests know. It fails
// for a field that is neither known nor in the list of exceptions.
func filters(t *testing.T, known []string) []Filter {
	t.Helper()
	all := []Filter{{WorkspaceID: "w", Status: memo.StatusCompleted}} // every list has both
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Filter]()) {
		if slices.Contains([]string{
			"WorkspaceID", "Status", "Search", "Query", "ExternalID", "Speaker", "UpdatedAfter", "anyOf",
		}, field.Name) {
			continue
		}
		if !slices.Contains(known, field.Name) {
			t.Errorf("Filter.%s is not tested: add its column to TestListsUseTheirIndex", field.Name)
		}
		for _, f := range slices.Clone(all) {
			reflect.ValueOf(&f).Elem().FieldByIndex(field.Index).Set(
				reflect.ValueOf(testenv.Filled[Filter]()).FieldByIndex(field.Index))
			all = append(all, f)
		}
	}
	return all
}

// explain returns the plan of a query, and fails if it scans a table or sorts.
func explain(t *testing.T, s *Store, query string, args []any) string {
	t.Helper()
	return planWithout(t, s, query, args, "SCAN ", "TEMP B-TREE", "Seq Scan", "Sort  (")
}

// planWithout returns the plan of a query, and fails if it contains a forbidden step.
func planWithout(t *testing.T, s *Store, query string, args []any, forbidden ...string) string {
	t.Helper()
	plan := planOf(t, s, query, args)
	for _, step := range forbidden {
		if strings.Contains(plan, step) {
			t.Errorf("%s in the plan of\n%s\n%s", step, query, plan)
		}
	}
	return plan
}

// planOf returns the plan of a query, one step per line.
func planOf(t *testing.T, s *Store, query string, args []any) string {
	t.Helper()
	verb := "EXPLAIN QUERY PLAN "
	if s.dialect == dialectPostgres {
		verb = "EXPLAIN "
	}
	rows, err := s.write.Query(verb+query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var plan strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(strings.TrimSpace(toText(*values[len(values)-1].(*any))) + "\n")
	}
	return plan.String()
}

func toText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return ""
}

func TestConcurrentOpensSucceed(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		errs := make(chan error, 8)
		for range 8 {
			go func() {
				s, err := Open(context.Background(), cfg)
				if err == nil {
					err = s.Close()
				}
				errs <- err
			}()
		}
		for range 8 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := mustOpen(t, cfg)
		if _, err := s.write.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, $1)`,
			true); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), cfg)
		if err == nil || !strings.Contains(err.Error(), "newer memo") {
			t.Errorf("got %v, want an error that mentions a newer memo", err)
		}
	})
}

func TestDatabaseFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := mustOpen(t, Config{Dir: dir})
	if err := s.Write(context.Background(), func(tx *Tx) error {
		return tx.Record(context.Background(), memo.AuditEvent{})
	}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, FileName: 0o600, FileName + "-wal": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q has mode %v (%v), want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

// TestLongTextFitsInTSVector: PostgreSQL accepts the vector that is made for a text with more words
// than a tsvector can hold.
func TestLongTextFitsInTSVector(t *testing.T) {
	s := mustOpen(t, Config{URL: testenv.Postgres(t)})
	var words []string
	for i := range 150_000 {
		words = append(words, "w"+strings.Repeat("x", i%40)+string(rune('a'+i%26))+itoa(i))
	}
	v := tsvectorText("ws1", search.Terms("Title"), nil, words)
	if _, err := s.write.Exec(`SELECT CAST($1 AS tsvector)`, v); err != nil {
		t.Fatal(err)
	}
}

func itoa(i int) string {
	var b []byte
	for ; i > 0; i /= 36 {
		b = append(b, "0123456789abcdefghijklmnopqrstuvwxyz"[i%36])
	}
	return string(b)
}

// TestFilesBelongToDirectoryOwner: if root runs a command next to a server of another
// user, the server must still be able to open the files, and its user must not become
// the owner of any other file.
func TestFilesBelongToDirectoryOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change the owner of a file")
	}
	const other = 65534
	ownedByOther := func() string {
		dir := t.TempDir()
		if err := os.Chown(dir, other, other); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	owner := func(path string) uint32 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	dir := ownedByOther()
	s := mustOpen(t, Config{Dir: dir})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("files: %v (%v), want at least 3", files, err)
	}
	for _, f := range files {
		if uid := owner(filepath.Join(dir, f.Name())); uid != other {
			t.Errorf("%s belongs to user %d, want %d", f.Name(), uid, other)
		}
	}
	backup := filepath.Join(ownedByOther(), "backup")
	if _, err := s.WriteBackup(t.Context(), backup, 0, nil); err != nil || owner(backup) != 0 {
		t.Errorf("a backup that root wrote outside the data directory does not belong to root (%v)", err)
	}
	// A symbolic link in place of a file is not followed.
	secret := filepath.Join(t.TempDir(), "secret")
	trap := ownedByOther()
	if err := errors.Join(os.WriteFile(secret, []byte("root's"), 0o600),
		os.Symlink(secret, filepath.Join(trap, FileName+"-reserve"))); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Config{Dir: trap})
	if data, err := os.ReadFile(secret); err != nil || string(data) != "root's" || owner(secret) != 0 {
		t.Errorf("a file of root's has changed: %d bytes, owner %d (%v)", len(data), owner(secret), err)
	}
}
