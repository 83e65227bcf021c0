package memo_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "memoai.tech/memo"

// rooms is the table of imports: what each room may import of the others.
// Imports run one way, doors import neither the store nor one another, and
// only cmd/memo sees everything.
var rooms = map[string]string{
	"":                    "",
	"internal/credential": "memo",
	"internal/ratelimit":  "",
	"internal/search":     "",
	"internal/transcript": "memo",
	"internal/store":      "memo credential search",
	"internal/bulkhead":   "memo",
	"internal/app":        "memo bulkhead credential ratelimit search store transcript",
	"internal/telemetry":  "memo bulkhead",
	"internal/gate":       "memo app credential ratelimit telemetry",
	"internal/rest":       "memo app gate ratelimit telemetry transcript",
	"internal/mcp":        "memo app gate search telemetry transcript",
	"internal/web":        "memo app gate ratelimit search telemetry transcript",
	"internal/server":     "app gate mcp rest telemetry web",
	"internal/bridge":     "memo credential",
	"internal/demo":       "",
	"internal/testenv":    "",
	"internal/testworld":  "memo app credential gate ratelimit store telemetry testenv",
	"cmd/memo":            "*",
	"bench":               "*",
	"e2e":                 "*",
	"scripts/keyproxy":    "",
	"examples/go":         "",
}

// belowHTTP are the rooms that must not know that there is HTTP.
var belowHTTP = []string{
	"", "internal/credential", "internal/ratelimit", "internal/search", "internal/transcript",
	"internal/store", "internal/app",
}

func TestRoomsImportOneWay(t *testing.T) {
	for _, line := range goList(t, "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(strings.TrimPrefix(fields[0], module), "/")
		allowed, ok := rooms[room]
		if !ok {
			t.Errorf("%s is not in the table of rooms", fields[0])
			continue
		}
		for _, imported := range fields[1:] {
			if imported == "net/http" && slices.Contains(belowHTTP, room) {
				t.Errorf("%s imports net/http", fields[0])
			}
			if room == "" && strings.Contains(imported, ".") {
				t.Errorf("the domain imports %s; it may import the standard library only", imported)
			}
			other, ours := strings.CutPrefix(imported, module)
			if !ours || allowed == "*" {
				continue
			}
			name := strings.TrimPrefix(other, "/internal/")
			if other == "" {
				name = "memo"
			}
			if !slices.Contains(strings.Fields(allowed), name) {
				t.Errorf("%s must not import %s", fields[0], imported)
			}
		}
	}
}

// TestTheBinaryLinksTheseModules keeps dependencies from coming in unseen. A
// new one gets its reason in docs/decisions.md and its line here.
func TestTheBinaryLinksTheseModules(t *testing.T) {
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

// TestSQLiteHasItsLibc: modernc.org/sqlite works with the very version of libc
// that its own go.mod names.
func TestSQLiteHasItsLibc(t *testing.T) {
	file := goList(t, "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite")[0]
	theirs, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ours := goList(t, "list", "-m", "-f", "{{.Path}} {{.Version}}", "modernc.org/libc")[0]
	if !strings.Contains(string(theirs), ours) {
		t.Errorf("go.mod has %s, which is not what modernc.org/sqlite names", ours)
	}
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(line string) bool { return line == "" })
}
