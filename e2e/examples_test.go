package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo/internal/demo"
)

// hitTitle is the title of the transcription that the examples find. A client that
// reads JSON with regular expressions instead of a parser would get it wrong.
const hitTitle = `Salary {"id":"1","title":"x"} \ – “round” two`

// TestExamples runs the client in each language of examples against a server.
func TestExamples(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	const transcriptions = 205 // three pages of 100
	fillForExamples(t, h, transcriptions)
	s := start(t, h.database)
	key := h.newKey(t, "examples").Key
	c := s.client(key)
	found := c.must(t, 200, "GET", api+"/transcriptions?q=salary", nil)
	hit := decode[struct{ Items []struct{ ID, Title string } }](t, found)
	if len(hit.Items) != 1 || hit.Items[0].Title != hitTitle {
		t.Fatalf("the search finds %+v", hit)
	}
	markdown := c.must(t, 200, "GET", api+"/transcriptions/"+hit.Items[0].ID+"/export?format=md", nil).body
	for language, prepare := range map[string]func(*testing.T) []string{
		"go": goExample, "shell": shellExample, "python": pythonExample, "typescript": typescriptExample,
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			example := prepare(t)
			p := newRefusingProxy(t, s.url)
			r, dir := runExample(t, example, p.url+"/", key, "salary")
			if r.code != 0 || r.stderr != "" {
				t.Fatalf("exit %d: %s", r.code, r.stderr)
			}
			if n := len(regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \S`).FindAllString(r.stdout, -1)); n != transcriptions {
				t.Errorf("%d transcriptions are listed", n)
			}
			archive := readFile(t, dir, "all.zip")
			for _, want := range []string{
				"\n205 transcriptions, 1 found\nfirst hit: " + hitTitle + "\n",
				fmt.Sprintf("\nsaved hit.md (%d bytes)\nsaved all.zip (%d bytes)\n", len(markdown), len(archive)),
			} {
				if !strings.Contains(r.stdout, want) {
					t.Errorf("stdout lacks %q:\n%s", want, tail(r.stdout, 500))
				}
			}
			if got := readFile(t, dir, "hit.md"); !bytes.Equal(got, markdown) {
				t.Errorf("hit.md is not the export: %s", tail(string(got), 200))
			}
			if z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive))); err != nil || len(z.File) != 100 {
				t.Errorf("all.zip does not have 100 files: %v", err)
			}
			p.check(t)

			r, _ = runExample(t, example, s.url, "mk_live_wrong", "salary")
			if r.code != 1 || !strings.Contains(r.stderr, "HTTP 401") || !strings.Contains(r.stderr, "Invalid API key") {
				t.Errorf("with a wrong key: exit %d: %s", r.code, r.stderr)
			}
			r, dir = runExample(t, example, newCuttingProxy(t, s.url), key, "salary")
			if left, _ := filepath.Glob(filepath.Join(dir, "all.zip*")); r.code != 1 || r.stderr == "" || left != nil {
				t.Errorf("with a cut ZIP: exit %d, left behind %v: %s", r.code, left, r.stderr)
			}
			r, _ = runExample(t, example, s.url, "", "salary")
			if r.code != 2 || !strings.Contains(r.stderr, "MEMO_API_KEY") {
				t.Errorf("without a key: exit %d: %s", r.code, r.stderr)
			}
			r, _ = runExample(t, example, s.url, key, "quokka")
			if r.code != 0 || !strings.HasSuffix(r.stdout, ", 0 found\n") {
				t.Errorf("without a hit: exit %d: %s%s", r.code, tail(r.stdout, 100), r.stderr)
			}
		})
	}
}

// fillForExamples imports n transcriptions. One is a meeting of the demo, with the title
// hitTitle.
func fillForExamples(t *testing.T, h installation, n int) {
	t.Helper()
	dir := t.TempDir()
	meeting, err := demo.Meetings.ReadFile("meetings/12-salary-bands-round-two.json")
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(meeting, &fields); err != nil {
		t.Fatal(err)
	}
	fields["title"] = hitTitle
	if meeting, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"meeting.json": meeting}
	for i := range n - 1 {
		files[fmt.Sprintf("call %d.txt", i)] = fmt.Appendf(nil, "[00:01] Alex: Call number %d.\n", i)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if in := cli[imported](t, h.database, "import", "--workspace", h.workspace, dir); len(in.Imported) != n {
		t.Fatalf("%d of %d files were imported", len(in.Imported), n)
	}
}

func goExample(t *testing.T) []string {
	program := filepath.Join(t.TempDir(), "example")
	out, err := exec.Command("go", "build", "-o", program, "memoai.tech/memo/examples/go").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return []string{program}
}

func shellExample(t *testing.T) []string { return []string{"sh", examplePath(t, "shell/memo.sh")} }

func pythonExample(t *testing.T) []string {
	return []string{installed(t, "python3"), examplePath(t, "python/memo.py")}
}

// typescriptExample compiles the example if Node.js cannot run TypeScript.
func typescriptExample(t *testing.T) []string {
	node, source := installed(t, "node"), examplePath(t, "typescript/memo.mts")
	checkTypes(t, source)
	const canStrip = `const [major, minor] = process.versions.node.split(".");
		process.exit(major > 22 || major == 22 && minor >= 18 ? 0 : 1)`
	if exec.Command(node, "--eval", canStrip).Run() == nil {
		return []string{node, source}
	}
	compiled := filepath.Join(t.TempDir(), "memo.mjs")
	out, err := exec.Command("go", "tool", "-modfile=../tools/go.mod", "esbuild", source,
		"--log-level=warning", "--outfile="+compiled).CombinedOutput()
	if err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	return []string{node, compiled}
}

// checkTypes runs the TypeScript compiler, if it and the types of Node.js are installed.
func checkTypes(t *testing.T, source string) {
	t.Helper()
	tsc, err := exec.LookPath("tsc")
	if err != nil {
		t.Log("types are not checked: tsc is not installed")
		return
	}
	program, err := filepath.EvalSymlinks(tsc) // …/node_modules/typescript/bin/tsc
	if err != nil {
		t.Fatal(err)
	}
	types := filepath.Join(program, "../../../@types")
	if _, err := os.Stat(filepath.Join(types, "node")); err != nil {
		t.Log("types are not checked: @types/node is not installed next to tsc")
		return
	}
	out, err := exec.Command(tsc, "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext",
		"--erasableSyntaxOnly", "--typeRoots", types, "--types", "node", source).CombinedOutput()
	if err != nil {
		t.Errorf("tsc: %v\n%s", err, out)
	}
}

func installed(t *testing.T, program string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

func examplePath(t *testing.T, name string) string {
	path, err := filepath.Abs(filepath.Join("../examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// runExample runs an example in an empty directory, and returns the directory.
func runExample(t *testing.T, example []string, url, key, word string) (result, string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), example[0], append(example[1:len(example):len(example)], word)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "MEMO_URL="+url, "MEMO_API_KEY="+key)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}, dir
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Error(err)
	}
	return b
}
