package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

// The programs under test. Commands run without the race detector. Servers have the race detector if
// the tests have it: a race then fails the test that caused it.
var commandProgram, serverProgram string

// TestMain builds the programs.
func TestMain(m *testing.M) {
	var err error
	if commandProgram, err = testenv.BuildMemo(); err == nil {
		serverProgram = commandProgram
		if testenv.Race {
			serverProgram, err = testenv.BuildMemoWithRace()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	status := testenv.M{M: m}.Run()
	stopBrowser()
	os.Exit(status)
}

// database is the option that selects a database: --data or --database.
type database struct{ flag, value string }

func (p database) String() string { return p.flag }

func onSQLite(t testing.TB) database   { return database{"--data", filepath.Join(t.TempDir(), "data")} }
func onPostgres(t testing.TB) database { return database{"--database", testenv.Postgres(t)} }

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(*testing.T, database)) {
	t.Run("sqlite", func(t *testing.T) { f(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, onPostgres(t)) })
}

// command prepares a memo process. It cannot outlive the test: it is killed when
// the context ends, and by the kernel when the test binary exits.
func command(ctx context.Context, p database, args ...string) *exec.Cmd {
	program := commandProgram
	if args[0] == "serve" {
		program = serverProgram
	}
	cmd := exec.CommandContext(ctx, program, append([]string{p.flag, p.value, "--json"}, args...)...)
	// Without this option the race detector sleeps for a second when a process exits.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// maxServerLife is how long a server runs if its test does not stop it.
const maxServerLife = 2 * time.Hour

// server is a running memo serve.
type server struct {
	database       database
	url            string
	cmd            *exec.Cmd
	stdout, stderr testenv.Output
	cancel         context.CancelFunc
	ended          chan struct{} // closed when the process has exited
	exit           error         // the result of Wait, valid once ended is closed
}

// start runs a server and waits until it prints its address. The server is killed
// at the end of the test, and the test fails if the log shows a data race or a panic.
func start(t testing.TB, p database, args ...string) *server {
	t.Helper()
	s, err := tryStart(p, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		for _, sign := range []string{"WARNING: DATA RACE", `"msg":"panic"`, "goroutine 1 ["} {
			if log := s.stderr.String(); strings.Contains(log, sign) {
				t.Errorf("the server's log contains %q:\n%s", sign, tail(log, 6000))
			}
		}
	})
	return s
}

func tryStart(p database, args ...string) (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), maxServerLife)
	s := &server{database: p, cancel: cancel, ended: make(chan struct{})}
	s.cmd = command(ctx, p, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Stderr = &s.stderr
	r, w := io.Pipe()
	s.cmd.Stdout = io.MultiWriter(&s.stdout, w)
	if err := s.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	go func() {
		s.exit = s.cmd.Wait()
		w.Close()
		close(s.ended)
	}()
	listening := make(chan string, 1)
	go func() {
		var v struct{ URL string }
		if json.NewDecoder(r).Decode(&v) == nil {
			listening <- v.URL
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	select {
	case s.url = <-listening:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("memo serve exited: %v\n%s", s.exit, s.stderr.String())
	case <-time.After(60 * time.Second):
		s.kill()
		return nil, fmt.Errorf("memo serve printed no address\n%s", s.stderr.String())
	}
}

// kill ends the process without a warning, as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have exited
	<-s.ended
	s.cancel()
}

func (s *server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// terminate sends SIGTERM and waits until the process has exited.
func (s *server) terminate(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	select {
	case <-s.ended:
		if s.exit != nil {
			t.Errorf("after SIGTERM: %v\n%s", s.exit, tail(s.stderr.String(), 2000))
		}
	case <-time.After(60 * time.Second):
		t.Errorf("the server did not stop after SIGTERM\n%s", tail(s.stderr.String(), 2000))
		s.kill()
	}
}

// result is the outcome of a command.
type result struct {
	stdout, stderr string
	code           int
}

// run runs a command until it exits; stdin may be empty.
func run(p database, stdin string, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := command(ctx, p, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return result{stderr: err.Error(), code: -1}
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// cli runs a command, which must succeed, and decodes the JSON that it prints.
func cli[T any](t testing.TB, p database, args ...string) (out T) {
	t.Helper()
	r := run(p, "", args...)
	if r.code != 0 {
		t.Fatalf("memo %v: exit %d\n%s", args, r.code, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("memo %v printed unexpected JSON: %v\n%s", args, err, r.stdout)
	}
	return out
}

// Parts of the JSON that commands print and REST returns.
type (
	namedID struct{ ID, Name, Email string }
	newKey  struct{ ID, Name, Suffix, Status, Key string }
)

const password = "correct horse battery staple"

// addUser adds a user who can sign in with [password].
func addUser(t testing.TB, p database, email string) namedID {
	t.Helper()
	r := run(p, password+"\n", "user", "add", "--email", email, "--name", "Name of "+email, "--password-stdin")
	if r.code != 0 {
		t.Fatalf("user add: %s", r.stderr)
	}
	var u namedID
	if err := json.Unmarshal([]byte(r.stdout), &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// installation is a database with one workspace and its OWNER. Most tests start with one.
type installation struct {
	database
	workspace string // id
	owner     string // e-mail
}

func newInstallation(t testing.TB, p database) installation {
	t.Helper()
	const owner = "owner@example.com"
	addUser(t, p, owner)
	w := cli[namedID](t, p, "workspace", "add", "--name", "Acme", "--plan", "pro", "--owner", owner)
	return installation{p, w.ID, owner}
}

func (h installation) newKey(t testing.TB, name string) newKey {
	t.Helper()
	return cli[newKey](t, h.database, "key", "create", "--workspace", h.workspace, "--member", h.owner, "--name", name)
}

// imported is the JSON that memo import prints.
type imported struct {
	Imported, Unchanged []struct{ Path, ID string }
	Refused             []struct{ Path, Reason string }
}

// importText imports a file with this text and returns the id of the transcription.
func importText(t testing.TB, h installation, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := cli[imported](t, h.database, "import", "--workspace", h.workspace, path)
	if len(in.Imported) != 1 {
		t.Fatalf("import: %+v", in)
	}
	return in.Imported[0].ID
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

var eventually = testenv.Eventually
