// The tests are internal because they run main in a process of its own.
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
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"memoai.tech/memo/internal/testenv"
)

// TestScripts runs the scripts in testdata/script, each of them twice: on SQLite,
// with MEMO_DATA=$WORK/data, and on PostgreSQL, with MEMO_DATABASE set to an empty
// schema. [sqlite], [postgres] and [root] are conditions; $API is the prefix of the
// REST API. The time zone is far from UTC, so that a local date instead of a UTC
// date makes a script fail.
//
// "memo" runs the program in a separate process. In addition to the standard
// commands of testscript there are:
//
//	exits STATUS program [arg…]       runs the program and checks the exit status
//	json FILE PATH [VALUE]            checks the value at PATH, or that there is one. A VALUE that
//	                                  starts with ~ is a pattern. The file must be one JSON value.
//	                                  A path is like a.b[0].c; [len] is the length of an array,
//	                                  [name=x] the first element with such a member
//	! json FILE PATH                  checks that there is no such member
//	jsonenv FILE PATH VAR             stores the value at PATH in a variable
//	fields FILE PATH [name…]          checks that an object has exactly these members
//	same FILE FILE [name…]            compares two JSON files, without the named members
//	capture FILE RE VAR               stores the first group of a match in a variable
//	serve VAR [arg…]                  starts memo serve on a free port and stores its URL in VAR;
//	                                  stdout is what it has printed
//	end VAR                           stops that server with SIGTERM and checks for status 0;
//	                                  stdout and stderr are all that it has written
//	http STATUS METHOD URL [arg…]     sends a request. An argument is a header, an API key, or
//	                                  @FILE for the body. stdout is the body of the response,
//	                                  stderr its headers
//	sql DATABASE STATEMENT            runs a statement on a SQLite file or a postgres:// URL
//	newdb VAR                         creates another empty PostgreSQL schema
//	newredis VAR                      creates an empty Redis database
//	absent TEXT FILE…                 checks that no file or folder contains the text
//	mode OCTAL FILE…                  checks the permissions
//	freeport VAR                      stores a free address to listen on
//
// To run one script: go test ./cmd/memo -run 'Scripts/sqlite/keys$'
func TestScripts(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir:                "testdata/script",
				RequireUniqueNames: true,
				Setup:              func(env *testscript.Env) error { return setUp(env, database) },
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "sqlite", "postgres":
						return cond == database, nil
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

// TestMain runs the tests, or the memo command if a script starts this binary as memo.
func TestMain(m *testing.M) {
	testscript.Main(testenv.M{M: m}, map[string]func(){"memo": main})
}

// released builds the program without the race detector, which triples the cost of a command. Only
// the servers have it.
var released = sync.OnceValues(testenv.BuildMemo)

type (
	environKey struct{} // the environment of servers, as a []string
	testKey    struct{} // the testing.TB
	serversKey struct{} // the running servers, as a map[string]*running
)

func setUp(env *testscript.Env, database string) error {
	t := env.T().(testing.TB)
	env.Setenv("API", "/api/v1/developer")
	env.Setenv("TZ", "Pacific/Kiritimati") // 14 hours before UTC
	if env.Getenv("GORACE") == "" {
		env.Setenv("GORACE", "atexit_sleep_ms=0") // by default the race detector waits a second at exit
	}
	if database == "sqlite" {
		env.Setenv("MEMO_DATA", filepath.Join(env.WorkDir, "data"))
	} else {
		env.Setenv("MEMO_DATABASE", testenv.Postgres(t))
	}
	if testenv.Race {
		program, err := released()
		if err != nil {
			return err
		}
		env.Setenv("PATH", filepath.Dir(program)+":"+env.Getenv("PATH"))
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
	checkUsage(ts, !neg && len(args) == 1, "newdb VAR")
	ts.Setenv(args[0], testenv.Postgres(ts.Value(testKey{}).(testing.TB)))
}

func newRedis(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) == 1, "newredis VAR")
	ts.Setenv(args[0], testenv.Redis(ts.Value(testKey{}).(testing.TB)))
}

// checkUsage fails the script if ok is false.
func checkUsage(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) > 1, "exits STATUS program [arg…]")
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
	output string // path of the output files, without .out and .err
}

// serveVariables are the variables that a script may set for a server.
var serveVariables = []string{
	"MEMO_DATA", "MEMO_DATABASE", "MEMO_JSON", "MEMO_DEMO", "MEMO_PUBLIC_URL", "MEMO_LIMIT_DATA",
	"MEMO_LIMIT_MANAGEMENT", "MEMO_TRUSTED_PROXY", "MEMO_METRICS_LISTEN",
}

var loopback = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

func serve(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) > 0, "serve VAR [arg…]")
	servers := ts.Value(serversKey{}).(map[string]*running)
	name := args[0]
	if servers[name] != nil {
		ts.Fatalf("%s is already running", name)
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
			ts.Fatalf("the server exited: %v\n%s", err, s.read("err"))
		default:
		}
		if address = loopback.FindString(s.read("out")); address == "" {
			return false
		}
		// Once the server answers, the start report is complete.
		resp, err := http.Get(address + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	ts.Setenv(name, address)
	fmt.Fprint(ts.Stdout(), s.read("out"))
}

// await polls until ok returns true, for up to 30 s.
func await(ts *testscript.TestScript, what string, ok func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("waited 30 s for %s", what)
		}
	}
}

func (s *running) read(extension string) string {
	b, _ := os.ReadFile(s.output + "." + extension)
	return string(b)
}

// end sends SIGTERM and waits. It kills a server that does not stop within 30 s.
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
	checkUsage(ts, !neg && len(args) == 1, "end VAR")
	servers := ts.Value(serversKey{}).(map[string]*running)
	s := servers[args[0]]
	checkUsage(ts, s != nil, "end VAR (of a running server)")
	delete(servers, args[0])
	err := s.end()
	fmt.Fprint(ts.Stdout(), s.read("out"))
	fmt.Fprint(ts.Stderr(), s.read("err"))
	ts.Check(err)
}

func request(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) >= 3, "http STATUS METHOD URL [header|key|@FILE…]")
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
			checkUsage(ts, ok, "http … 'Name: value'")
			header.Set(name, value)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args[1], args[2], body)
	ts.Check(err)
	r.Header = header
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
	for name, values := range resp.Header {
		for _, v := range values {
			fmt.Fprintf(ts.Stderr(), "%s: %s\n", name, v)
		}
	}
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("status %s, want %s", got, args[0])
	}
}

// The syntax of a path and of one step in it. It has no #, which starts a comment in
// scripts.
var (
	pathSyntax = regexp.MustCompile(`^((^|\.)[^.\[\]]+|\[[^\[\]]+\])*$`)
	pathStep   = regexp.MustCompile(`\[[^\]]*\]|[^.\[]+`)
)

// value returns the value at a path in a JSON file.
func value(ts *testscript.TestScript, file, path string) (v any, found bool) {
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &v))
	checkUsage(ts, pathSyntax.MatchString(path), "a path such as a.b[0].c")
	for _, step := range pathStep.FindAllString(path, -1) {
		inner, index := strings.CutPrefix(strings.TrimSuffix(step, "]"), "[")
		name, wanted, search := strings.Cut(inner, "=")
		i, err := strconv.Atoi(inner)
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
			i = slices.IndexFunc(list, func(e any) bool {
				o, _ := e.(map[string]any)
				return o[name] == wanted
			})
		case err != nil:
			ts.Fatalf("%q is not an index", step)
		}
		if i < 0 || i >= len(list) {
			return nil, false
		}
		v = list[i]
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
	checkUsage(ts, len(args) == 2 || len(args) == 3 && !neg, "[!] json FILE PATH [VALUE]")
	v, found := value(ts, args[0], args[1])
	if found == neg {
		ts.Fatalf("%s: present is %v, want %v", args[1], found, !neg)
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
	checkUsage(ts, !neg && len(args) == 3, "jsonenv FILE PATH VAR")
	v, found := value(ts, args[0], args[1])
	if !found {
		ts.Fatalf("%s was not found", args[1])
	}
	ts.Setenv(args[2], show(ts, v))
}

func fields(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) >= 2, "fields FILE PATH [name…]")
	v, _ := value(ts, args[0], args[1])
	o, ok := v.(map[string]any)
	if !ok {
		ts.Fatalf("%s is not an object: %v", args[1], v)
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
	checkUsage(ts, !neg && len(args) >= 2, "same FILE FILE [name…]")
	var strip func(v any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range args[2:] {
				delete(v, name)
			}
			for name := range v {
				v[name] = strip(v[name])
			}
		case []any:
			for i := range v {
				v[i] = strip(v[i])
			}
		}
		return v
	}
	a, _ := value(ts, args[0], "")
	b, _ := value(ts, args[1], "")
	if diff := cmp.Diff(strip(a), strip(b)); diff != "" {
		ts.Fatalf("%s and %s differ:\n%s", args[0], args[1], diff)
	}
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) == 3, "capture FILE RE VAR")
	m := regexp.MustCompile(`(?m)` + args[1]).FindStringSubmatch(ts.ReadFile(args[0]))
	if len(m) < 2 {
		ts.Fatalf("no match for %s", args[1])
	}
	ts.Setenv(args[2], m[1])
}

// runSQL prints one row per line, with its columns separated by tabs.
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) == 2, "sql DATABASE STATEMENT")
	driver, source := "pgx", args[0]
	if !strings.HasPrefix(source, "postgres://") {
		driver, source = "sqlite", "file:"+ts.MkAbs(source)+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
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
	_ = ts.Stdout() // discards the output of the previous command, even if there are no rows
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
	checkUsage(ts, !neg && len(args) >= 2 && len(args[0]) > 3, "absent TEXT FILE…")
	for _, root := range args[1:] {
		files := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(args[0])) {
				ts.Fatalf("%s contains %s", path, args[0])
			}
			return err
		}))
		if files == 0 {
			ts.Fatalf("%s contains no files", root)
		}
	}
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) >= 2, "mode OCTAL FILE…")
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", file, got, args[0])
		}
	}
}

func freePort(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, !neg && len(args) == 1, "freeport VAR")
	ts.Setenv(args[0], testenv.FreeAddr())
}
