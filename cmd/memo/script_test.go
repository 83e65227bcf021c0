package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"memoai.tech/memo/internal/testenv"
)

// The command line is tested by the scripts in testdata/script, each of which
// runs twice: on SQLite, with MEMO_DATA=$WORK/data, and on PostgreSQL, with
// MEMO_DATABASE naming an empty schema. [sqlite], [postgres] and [root] are
// conditions; $API is the prefix of the REST API. The time zone is a far one,
// so that a local date where UTC belongs is seen.
//
// "memo" is the program itself, in a process of its own. Beside testscript's
// own commands there are:
//
//	exits STATUS program [arg…]       runs it and wants exactly this exit status
//	json FILE PATH [VALUE]            wants the value, or that there is one; ~RE is a pattern.
//	                                  The file must be one JSON value and nothing else.
//	                                  A path is like a.b[0].c, [len] is a length, and
//	                                  [name=x] the first element with such a member
//	! json FILE PATH                  wants no such member
//	jsonenv FILE PATH VAR             takes the value into a variable
//	fields FILE PATH [name…]          wants an object of exactly these members
//	same FILE FILE [name…]            compares two JSON files without members of these names
//	capture FILE RE VAR               takes the first group of a pattern into a variable
//	serve VAR [arg…]                  starts memo serve on a free port, and its URL goes into VAR;
//	                                  what it printed is stdout
//	end VAR                           ends that server as an operator would, and wants status 0;
//	                                  all that it wrote is stdout and stderr
//	http STATUS METHOD URL [arg…]     a request; an argument is a header, an API key, or @FILE for
//	                                  the body. The body of the answer is stdout, its headers stderr
//	sql PLACE STATEMENT               runs it on a SQLite file or a postgres:// URL
//	newdb VAR                         another empty PostgreSQL schema
//	newredis VAR                      an empty database of a Redis
//	absent TEXT FILE…                 wants the text in none of the files and folders, which must exist
//	mode OCTAL FILE…                  wants these permissions
//	freeport VAR                      an address to listen on
//
// One script alone: go test ./cmd/memo -run 'Scripts/sqlite/keys$'
func TestScripts(t *testing.T) {
	for _, place := range []string{"sqlite", "postgres"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir:                "testdata/script",
				RequireUniqueNames: true,
				Setup:              func(env *testscript.Env) error { return setUp(env, place) },
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "sqlite", "postgres":
						return cond == place, nil
					case "root":
						return os.Geteuid() == 0, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits, "json": checkJSON, "jsonenv": jsonEnv, "fields": fields, "same": same,
					"capture": capture, "serve": serve, "end": end, "http": request, "sql": runSQL, "newdb": newDB,
					"newredis": newRedis,
					"absent":   absent, "mode": mode, "freeport": freePort,
				},
			})
		})
	}
}

// TestMain runs the tests, or the command when a script starts this binary
// under the name memo.
func TestMain(m *testing.M) {
	testscript.Main(testenv.M{M: m}, map[string]func(){"memo": main})
}

type (
	environKey struct{} // the variables that a server starts with, as a []string
	testKey    struct{} // the testing.TB
	serversKey struct{} // the running servers, as a map[string]*running
)

func setUp(env *testscript.Env, place string) error {
	t := env.T().(testing.TB)
	env.Setenv("API", "/api/v1/developer")
	env.Setenv("TZ", "Pacific/Kiritimati") // 14 hours before UTC
	if env.Getenv("GORACE") == "" {
		env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector waits a second at every exit otherwise
	}
	if place == "sqlite" {
		env.Setenv("MEMO_DATA", filepath.Join(env.WorkDir, "data"))
	} else {
		env.Setenv("MEMO_DATABASE", testenv.Postgres(t))
	}
	servers := map[string]*running{}
	env.Values[testKey{}], env.Values[serversKey{}], env.Values[environKey{}] = t, servers, slices.Clone(env.Vars)
	env.Defer(func() {
		for name, s := range servers {
			if err := s.end(); err != nil {
				t.Errorf("server %s: %v\n%s", name, err, s.read("err"))
			}
		}
	})
	return nil
}

func newDB(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 1, "newdb VAR")
	ts.Setenv(args[0], testenv.Postgres(ts.Value(testKey{}).(testing.TB)))
}

func newRedis(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 1, "newredis VAR")
	ts.Setenv(args[0], testenv.Redis(ts.Value(testKey{}).(testing.TB)))
}

// want fails the script when a command is used in a wrong way.
func want(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 1, "exits STATUS program [arg…]")
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if e, ok := err.(*exec.ExitError); ok {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != status {
		ts.Fatalf("exit status %d, want %d", got, status)
	}
}

// running is a memo serve that a script started.
type running struct {
	cmd    *exec.Cmd
	done   chan error
	output string // path without its ending: .out and .err
}

// serveVariables are those that a script may set for a server.
var serveVariables = []string{
	"MEMO_DATA", "MEMO_DATABASE", "MEMO_JSON", "MEMO_DEMO", "MEMO_PUBLIC_URL", "MEMO_LIMIT_DATA",
	"MEMO_LIMIT_MANAGEMENT", "MEMO_TRUSTED_PROXY", "MEMO_METRICS_LISTEN",
}

var loopback = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

func serve(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 0, "serve VAR [arg…]")
	servers := ts.Value(serversKey{}).(map[string]*running)
	name := args[0]
	if servers[name] != nil {
		ts.Fatalf("%s runs already", name)
	}
	environ := slices.Clone(ts.Value(environKey{}).([]string))
	for _, v := range serveVariables {
		environ = slices.DeleteFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, v+"=") })
		if value := ts.Getenv(v); value != "" {
			environ = append(environ, v+"="+value)
		}
	}
	args = append([]string{"serve", "--listen=127.0.0.1:0"}, args[1:]...)
	program, err := exec.LookPath("memo")
	ts.Check(err)
	s := &running{cmd: exec.Command(program, args...), done: make(chan error, 1), output: ts.MkAbs(".server-" + name)}
	stdout, err := os.Create(s.output + ".out")
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(s.output + ".err")
	ts.Check(err)
	defer stderr.Close()
	s.cmd.Env, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = environ, ts.MkAbs("."), stdout, stderr
	ts.Check(s.cmd.Start())
	go func() { s.done <- s.cmd.Wait() }()
	servers[name] = s
	address := ""
	await(ts, "the server", func() bool {
		select {
		case err := <-s.done:
			delete(servers, name)
			ts.Fatalf("the server ended: %v\n%s", err, s.read("err"))
		default:
		}
		if address = loopback.FindString(s.read("out")); address == "" {
			return false
		}
		// What it prints is complete before it answers.
		answer, err := http.Get(address + "/healthz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	ts.Setenv(name, address)
	fmt.Fprint(ts.Stdout(), s.read("out"))
}

// await asks again until ok, for as long as a slow machine may need.
func await(ts *testscript.TestScript, what string, ok func() bool) {
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited 30 s for %s", what)
		}
	}
}

func (s *running) read(ending string) string {
	b, _ := os.ReadFile(s.output + "." + ending)
	return string(b)
}

// end sends SIGTERM and waits; a server that does not stop is killed.
func (s *running) end() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		return err
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
		return fmt.Errorf("did not stop within 30 s")
	}
}

func end(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 1, "end VAR")
	servers := ts.Value(serversKey{}).(map[string]*running)
	s := servers[args[0]]
	want(ts, s != nil, "end VAR, of a running server")
	delete(servers, args[0])
	err := s.end()
	fmt.Fprint(ts.Stdout(), s.read("out"))
	fmt.Fprint(ts.Stderr(), s.read("err"))
	ts.Check(err)
}

func request(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) >= 3, "http STATUS METHOD URL [header|key|@FILE…]")
	var body io.Reader
	header := http.Header{}
	for _, a := range args[3:] {
		if file, ok := strings.CutPrefix(a, "@"); ok {
			body = strings.NewReader(ts.ReadFile(file))
			header.Set("Content-Type", "application/json")
		} else if strings.HasPrefix(a, "mk_live_") {
			header.Set("Authorization", "Bearer "+a)
		} else {
			name, value, ok := strings.Cut(a, ": ")
			want(ts, ok, "a header is written Name: value")
			header.Set(name, value)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args[1], args[2], body)
	ts.Check(err)
	r.Header = header
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
	for name, values := range answer.Header {
		for _, v := range values {
			fmt.Fprintf(ts.Stderr(), "%s: %s\n", name, v)
		}
	}
	if got := strconv.Itoa(answer.StatusCode); got != args[0] {
		ts.Fatalf("status %s, want %s", got, args[0])
	}
}

// A path and one step of it. A # would begin a comment.
var (
	wholePath = regexp.MustCompile(`^((^|\.)[^.\[\]]+|\[[^\[\]]+\])*$`)
	oneStep   = regexp.MustCompile(`\[[^\]]*\]|[^.\[]+`)
)

// value reads a JSON file and walks a path in it.
func value(ts *testscript.TestScript, file, path string) (v any, found bool) {
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &v))
	want(ts, wholePath.MatchString(path), "a path such as a.b[0].c")
	for _, step := range oneStep.FindAllString(path, -1) {
		inner, index := strings.CutPrefix(strings.TrimSuffix(step, "]"), "[")
		name, wanted, search := strings.Cut(inner, "=")
		at, err := strconv.Atoi(inner)
		list, isList := v.([]any)
		switch {
		case !index:
			if v, found = v.(map[string]any)[step]; !found {
				return nil, false
			}
			continue
		case !isList:
			return nil, false
		case inner == "len":
			v = float64(len(list))
			continue
		case search:
			at = slices.IndexFunc(list, func(e any) bool {
				o, _ := e.(map[string]any)
				return o[name] == wanted
			})
		case err != nil:
			ts.Fatalf("%q is no index", step)
		}
		if at < 0 || at >= len(list) {
			return nil, false
		}
		v = list[at]
	}
	return v, true
}

func show(ts *testscript.TestScript, v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v, json.Deterministic(true))
	ts.Check(err)
	return string(b)
}

func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, len(args) == 2 || len(args) == 3 && !neg, "[!] json FILE PATH [VALUE]")
	v, found := value(ts, args[0], args[1])
	if found == neg {
		ts.Fatalf("%s: there is a value: %v", args[1], found)
	}
	if len(args) < 3 {
		return
	}
	got := show(ts, v)
	if pattern, ok := strings.CutPrefix(args[2], "~"); ok {
		if re, err := regexp.Compile(pattern); err != nil || !re.MatchString(got) {
			ts.Fatalf("%s is %s, which does not match %s (%v)", args[1], got, pattern, err)
		}
	} else if got != args[2] {
		ts.Fatalf("%s is %s, want %s", args[1], got, args[2])
	}
}

func jsonEnv(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 3, "jsonenv FILE PATH VAR")
	v, found := value(ts, args[0], args[1])
	if !found {
		ts.Fatalf("%s: there is no value", args[1])
	}
	ts.Setenv(args[2], show(ts, v))
}

func fields(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) >= 2, "fields FILE PATH [name…]")
	v, _ := value(ts, args[0], args[1])
	o, ok := v.(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object: %v", args[1], v)
	}
	got := []string{}
	for name := range o {
		got = append(got, name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(slices.Sorted(slices.Values(args[2:])), got); diff != "" {
		ts.Fatalf("members (-want +got):\n%s", diff)
	}
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) >= 2, "same FILE FILE [name…]")
	var without func(v any) any
	without = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range args[2:] {
				delete(v, name)
			}
			for name := range v {
				v[name] = without(v[name])
			}
		case []any:
			for i := range v {
				v[i] = without(v[i])
			}
		}
		return v
	}
	a, _ := value(ts, args[0], "")
	b, _ := value(ts, args[1], "")
	if diff := cmp.Diff(without(a), without(b)); diff != "" {
		ts.Fatalf("%s and %s differ:\n%s", args[0], args[1], diff)
	}
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 3, "capture FILE RE VAR")
	m := regexp.MustCompile(`(?m)` + args[1]).FindStringSubmatch(ts.ReadFile(args[0]))
	if len(m) < 2 {
		ts.Fatalf("no match for %s", args[1])
	}
	ts.Setenv(args[2], m[1])
}

// runSQL prints a row a line, its columns apart by a tab.
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 2, "sql PLACE STATEMENT")
	driver, place := "pgx", args[0]
	if !strings.HasPrefix(place, "postgres://") {
		driver, place = "sqlite", "file:"+ts.MkAbs(place)+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, place)
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query(args[1])
	ts.Check(err)
	defer rows.Close()
	columns, err := rows.Columns()
	ts.Check(err)
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	_ = ts.Stdout() // from now on this command's, not an earlier one's
	for rows.Next() {
		ts.Check(rows.Scan(targets...))
		for i, v := range values {
			fmt.Fprint(ts.Stdout(), strings.Repeat("\t", min(i, 1)), v.String)
		}
		fmt.Fprintln(ts.Stdout())
	}
	ts.Check(rows.Err())
}

func absent(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) >= 2 && len(args[0]) > 3, "absent TEXT FILE…")
	for _, root := range args[1:] {
		files := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(args[0])) {
				ts.Fatalf("%s holds %s", path, args[0])
			}
			return err
		}))
		if files == 0 {
			ts.Fatalf("there is no file in %s", root)
		}
	}
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) >= 2, "mode OCTAL FILE…")
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", file, got, args[0])
		}
	}
}

func freePort(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 1, "freeport VAR")
	ts.Setenv(args[0], testenv.FreeAddr())
}
