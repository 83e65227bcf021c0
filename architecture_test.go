package memo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const module = "memoai.tech/memo"

// allowedImports lists the packages of this module that each package may import; "*"
// means all. The surfaces import neither the store nor each other.
var allowedImports = map[string]string{
	"":                    "",
	"internal/credential": "memo",
	"internal/jsonform":   "memo",
	"internal/params":     "memo",
	"internal/openapi":    "params",
	"internal/ratelimit":  "",
	"internal/search":     "",
	"internal/plaintext":  "",
	"internal/filename":   "plaintext transcript",
	"internal/transcript": "memo plaintext",
	"internal/zipstream":  "",
	"internal/store":      "memo credential jsonform search zipstream store/pgwatch",
	"internal/bulkhead":   "memo",
	"internal/telemetry":  "memo bulkhead",
	"internal/httpx":      "memo jsonform params ratelimit telemetry",
	"internal/admission":  "memo app credential httpx params ratelimit telemetry",
	"internal/outbound":   "",
	"internal/webhook":    "memo outbound",
	"internal/oauth":      "memo admission app httpx outbound telemetry",
	"internal/rest":       "memo admission app filename httpx openapi params ratelimit telemetry transcript",
	"internal/mcp": "memo admission app httpx jsonform oauth params ratelimit search telemetry " +
		"transcript",
	"docs": "",
	"internal/web": "memo docs admission app demo filename httpx oauth openapi ratelimit search telemetry " +
		"transcript",
	"internal/server":    "admission app httpx mcp oauth ratelimit rest telemetry transcript web",
	"internal/bridge":    "memo credential remote",
	"internal/remote":    "memo credential",
	"internal/pull":      "memo credential filename remote transcript",
	"internal/demo":      "",
	"internal/testenv":   "",
	"internal/testworld": "memo admission app credential httpx ratelimit store telemetry testenv webhook",
	"cmd/memo":           "*",
	"bench":              "*",
	"e2e":                "*",
	"scripts/keyproxy":   "",
	"scripts/signin":     "",
	"examples/go":        "",

	"internal/store/pgwatch": "",

	"internal/transcript/read":  "memo filename jsonform plaintext transcript",
	"internal/transcript/write": "memo plaintext transcript",
	"internal/app": "memo bulkhead credential filename jsonform ratelimit search store transcript " +
		"transcript/read transcript/write zipstream",
}

// belowHTTP are the packages that must not import net/http.
var belowHTTP = []string{
	"", "internal/credential", "internal/jsonform", "internal/params", "internal/openapi", "internal/ratelimit",
	"internal/search", "internal/plaintext", "internal/filename", "internal/transcript", "internal/transcript/read",
	"internal/transcript/write", "internal/zipstream", "internal/store", "internal/store/pgwatch",
	"internal/app",
}

func TestPackageImports(t *testing.T) {
	for _, line := range goList(t, "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(strings.TrimPrefix(fields[0], module), "/")
		allowed, ok := allowedImports[pkg]
		if !ok {
			t.Errorf("%s is not in allowedImports", fields[0])
			continue
		}
		for _, imported := range fields[1:] {
			if imported == "net/http" && slices.Contains(belowHTTP, pkg) {
				t.Errorf("%s imports net/http", fields[0])
			}
			if pkg == "" && strings.Contains(imported, ".") {
				t.Errorf("the root package imports %s; it may import only the standard library", imported)
			}
			other, ok := strings.CutPrefix(imported, module)
			if !ok || allowed == "*" {
				continue
			}
			name := strings.TrimPrefix(strings.TrimPrefix(other, "/internal"), "/")
			if other == "" {
				name = "memo"
			}
			if !slices.Contains(strings.Fields(allowed), name) {
				t.Errorf("%s must not import %s", fields[0], imported)
			}
		}
	}
}

// TestUseCasesHideTheStore: no exported declaration of app has a type of the store, except its
// configuration.
func TestUseCasesHideTheStore(t *testing.T) {
	files, err := filepath.Glob("internal/app/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	wantNoStore := func(name string, declared ast.Node, isHidden func(*ast.Field) bool) {
		if !ast.IsExported(name) || name == "Config" {
			return
		}
		ast.Inspect(declared, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && isHidden(f) {
				return false
			}
			if s, ok := n.(*ast.SelectorExpr); ok && types.ExprString(s.X) == "store" {
				t.Errorf("app.%s exposes %s: return a type of app or memo", name, types.ExprString(s))
			}
			return true
		})
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				wantNoStore(d.Name.Name, d.Type, func(*ast.Field) bool { return false })
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok {
						wantNoStore(s.Name.Name, s.Type, func(f *ast.Field) bool {
							return len(f.Names) > 0 && !f.Names[0].IsExported()
						})
					}
				}
			}
		}
	}
}

// TestLinkedModules makes every new dependency visible. Add its reason to
// docs/decisions.md and its path to testdata/modules.txt.
func TestLinkedModules(t *testing.T) {
	got := goList(t, "list", "-deps", "-f", `{{with .Module}}{{.Path}}{{end}}`, "./cmd/memo")
	slices.Sort(got)
	got = slices.Compact(got)
	want, err := os.ReadFile("testdata/modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Fields(string(want)), got); diff != "" {
		t.Error(diff)
	}
}

// TestSQLiteLibcVersion: modernc.org/sqlite needs exactly the version of modernc.org/libc
// that its go.mod requires.
func TestSQLiteLibcVersion(t *testing.T) {
	file := goList(t, "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite")[0]
	sqliteMod, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	libc := goList(t, "list", "-m", "-f", "{{.Path}} {{.Version}}", "modernc.org/libc")[0]
	if !strings.Contains(string(sqliteMod), libc) {
		t.Errorf("go.mod has %s, which is not the version that modernc.org/sqlite requires", libc)
	}
}

// TestArchitectureNamesWhatExists: every declaration and file that docs/architecture.md names
// exists.
func TestArchitectureNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]string{}
	for dir := range allowedImports {
		packages[path.Base(dir)] = dir
	}
	packages["memo"] = "." // not cmd/memo
	declared := map[string]map[string]bool{}
	for _, quoted := range regexp.MustCompile("`[^`\\s]+`").FindAllString(string(text), -1) {
		quoted = strings.Trim(quoted, "`")
		if strings.HasSuffix(quoted, ".go") {
			_, rootErr := os.Stat(quoted)
			_, internalErr := os.Stat("internal/" + quoted)
			if rootErr != nil && internalErr != nil {
				t.Errorf("docs/architecture.md names the file %s, which does not exist", quoted)
			}
			continue
		}
		name, symbol, ok := strings.Cut(quoted, ".")
		dir, known := packages[name]
		if !ok || !known {
			continue
		}
		if declared[dir] == nil {
			declared[dir] = declarations(t, dir)
		}
		if !declared[dir][symbol] {
			t.Errorf("docs/architecture.md names %s, which does not exist; use the new name or delete it", quoted)
		}
	}
}

// TestContributingNamesWhatExists: the files and identifiers in the table of what to change
// exist.
func TestContributingNamesWhatExists(t *testing.T) {
	identifiers, base := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && len(name) > 1 && d.Name()[0] == '.' {
			return filepath.SkipDir
		}
		base[d.Name()] = true
		if filepath.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				identifiers[id.Name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := section(t, "CONTRIBUTING.md", "## What to change when you add something")
	for _, m := range regexp.MustCompile("`([^`\\s]+)`").FindAllStringSubmatch(text, -1) {
		name := strings.TrimPrefix(m[1], "…/")
		if strings.HasPrefix(name, "-") {
			continue // a flag
		}
		if ext := filepath.Ext(name); strings.Contains(m[1], "/") || ext != "" && len(ext) <= len(".html") {
			if _, err := os.Stat(name); err != nil && !base[path.Base(name)] {
				t.Errorf("CONTRIBUTING.md names %s, which does not exist; use the new name or delete it", m[1])
			}
			continue
		}
		symbol := name[strings.LastIndex(name, ".")+1:]
		if !identifiers[symbol] {
			t.Errorf("CONTRIBUTING.md names %s, which does not exist; use the new name or delete it", m[1])
		}
	}
}

// declarations returns the names of a package as "Name" and "Type.Method".
func declarations(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				receiver := ""
				if d.Recv != nil {
					receiver = strings.TrimPrefix(types.ExprString(d.Recv.List[0].Type), "*") + "."
				}
				names[receiver+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok {
						names[s.Name.Name] = true
					}
				}
			}
		}
	}
	return names
}

// TestLinesFitIn120Columns: editors and review tools cut off or wrap longer lines.
func TestLinesFitIn120Columns(t *testing.T) {
	for _, name := range goFilesAndTemplates(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if n := utf8.RuneCountInString(line); n > 120 && !structTag.MatchString(line) {
				t.Errorf("%s:%d has %d columns: break it at 120", name, i+1, n)
			}
		}
	}
}

// structTag matches a struct field with a tag, which cannot be broken.
var structTag = regexp.MustCompile("^\\t[A-Z]\\w* +\\S+ +`.*`$")

func goFilesAndTemplates(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch ext := filepath.Ext(name); {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case ext == ".go", ext == ".html" && strings.Contains(name, "templates"):
			names = append(names, name)
		}
		return nil
	})
	if err != nil || len(names) < 200 {
		t.Fatalf("found %d files: %v", len(names), err)
	}
	return names
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(line string) bool { return line == "" })
}
