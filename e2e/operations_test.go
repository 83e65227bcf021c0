package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests check what an operator relies on. A full disk is tested in packages app
// and store.

// TestBinaryIsSmall: the release binary has less than 40 MB, so that it is easy to copy.
func TestBinaryIsSmall(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(commandProgram)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 40_000_000
	if info.Size() >= limit {
		t.Errorf("the binary has %d bytes, the limit is %d", info.Size(), limit)
	}
	t.Logf("%d bytes", info.Size())
	if out, err := exec.Command(commandProgram, "version").Output(); err != nil || !bytes.HasPrefix(out, []byte("memo ")) {
		t.Errorf("memo version: %q %v", out, err)
	}
}

func TestServerStarts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p database) {
		s := start(t, p)
		for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/llms.txt"} {
			if a := s.client("").must(t, http.StatusOK, "GET", path, nil); len(a.body) == 0 ||
				a.header.Get("X-Request-Id") == "" {
				t.Errorf("%s: %v", path, a.header)
			}
		}
		s.client("").must(t, http.StatusNotFound, "GET", "/metrics", nil) // off by default
		s.client("").must(t, http.StatusOK, "GET", "/.well-known/oauth-protected-resource", nil)
		s.terminate(t)
	})
}

// TestFilesArePrivate: only the owner of the files can read the embedded database and
// its backup.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	backup := filepath.Join(t.TempDir(), "backup")
	start(t, h.database)
	if r := run(h.database, "", "backup", backup); r.code != 0 {
		t.Fatal(r.stderr)
	}
	paths := []string{backup}
	if err := filepath.WalkDir(h.value, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
	if len(paths) < 3 {
		t.Errorf("too few files were checked: %q", paths)
	}
}

func TestDemoOutput(t *testing.T) {
	t.Parallel()
	p := onSQLite(t)
	var before struct{ Key string }
	for range 2 { // the second start creates another key
		s := start(t, p, "--demo")
		var demo struct{ URL, Key, Curl string }
		if err := json.Unmarshal([]byte(s.stdout.String()), &demo); err != nil {
			t.Fatal(err)
		}
		list := decode[struct{ Total int }](t, s.client(demo.Key).must(t, http.StatusOK, "GET", api+"/transcriptions", nil))
		if list.Total == 0 || !strings.Contains(demo.Curl, demo.URL+api+"/transcriptions") {
			t.Errorf("unexpected demo output: %d transcriptions; %s", list.Total, demo.Curl)
		}
		if active, err := s.accepts(before.Key, http.DefaultClient); before.Key != "" && (active || err != nil) {
			t.Errorf("the key of the first start still works: %v %v", active, err)
		}
		before.Key = demo.Key
		s.terminate(t)
	}
}

// TestCommandErrors: an error is printed to stderr, says what to do, and sets the exit
// status.
func TestCommandErrors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	readOnly := filepath.Join(t.TempDir(), "read-only")
	if err := os.Mkdir(readOnly, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		readOnly = "/sys/kernel" // root can write to a directory of any mode
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		name       string
		database   database
		args       []string
		code       int
		wantStderr string
	}{
		{
			"read-only directory",
			database{"--data", filepath.Join(readOnly, "memo")},
			[]string{"serve", "--listen", "127.0.0.1:0"},
			1, "data directory",
		},
		{
			"read-only directory, command",
			database{"--data", filepath.Join(readOnly, "memo")},
			[]string{"user", "list"},
			1, "data directory",
		},
		{
			"data directory is a file",
			database{"--data", file},
			[]string{"serve", "--listen", "127.0.0.1:0"},
			1, "data directory",
		},
		{"address in use", onSQLite(t), []string{"serve", "--listen", taken.Addr().String()}, 1, "--listen"},
		{
			"unreachable database",
			database{"--database", "postgres:///memo?host=/nowhere"},
			[]string{"user", "list"},
			1, "database",
		},
		{"invalid database URL", database{"--database", "here"}, []string{"user", "list"}, 1, "postgres://"},
		{"unknown command", onSQLite(t), []string{"sing"}, 2, "--help"},
		{"limit of 0", onSQLite(t), []string{"serve", "--limit-data", "0"}, 2, "--limit-data"},
		{"unknown workspace", onSQLite(t), []string{"key", "list", "--workspace", "x"}, 1, "workspace list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := run(test.database, "", test.args...)
			if r.code != test.code || !strings.Contains(r.stderr, test.wantStderr) {
				t.Errorf("exit %d, want %d with %q on stderr: %s", r.code, test.code, test.wantStderr, tail(r.stderr, 500))
			}
			if test.code == 1 && r.stdout != "" || strings.Contains(r.stderr, "goroutine ") {
				t.Errorf("stdout %q, stderr %s", r.stdout, tail(r.stderr, 500))
			}
		})
	}
}

// TestServersStartTogether: servers that start at the same time on an empty database
// apply every migration once.
func TestServersStartTogether(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p database) {
		const n = 3
		servers, errs := make([]*server, n), make([]error, n)
		var starts sync.WaitGroup
		for i := range n {
			starts.Go(func() { servers[i], errs[i] = tryStart(p) })
		}
		starts.Wait()
		for i, s := range servers {
			if errs[i] != nil {
				t.Errorf("a server did not start: %v", errs[i])
				continue
			}
			s.client("").must(t, http.StatusOK, "GET", "/readyz", nil)
			defer s.kill()
		}
		// goose records each migration once.
		if n := readColumn(t, open(t, p),
			`SELECT CAST(count(*) - count(DISTINCT version_id) AS TEXT) FROM goose_db_version`); n[0] != "0" {
			t.Errorf("%s migrations were recorded more than once", n[0])
		}
	})
}

// TestSIGTERMLetsRequestsFinish: after SIGTERM the server accepts no new connections
// and completes the requests that are running.
func TestSIGTERMLetsRequestsFinish(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	ids := fillWorkspace(t, h, 80, 80<<10)
	s := start(t, h.database)
	export := s.export(t, h.newKey(t, "exporter").Key, ids)
	defer export.conn.Close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "new connections are refused", func() bool {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case <-s.ended:
		t.Fatalf("the server exited while a request was running: %v", s.exit)
	default:
	}
	export.drain()
	body := export.body(t)
	if z, err := zip.NewReader(bytes.NewReader(body), int64(len(body))); err != nil || len(z.File) != len(ids) {
		t.Errorf("the running response was cut: %v", err)
	}
	eventually(t, "the process exits", func() bool {
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	if s.exit != nil {
		t.Errorf("exit: %v", s.exit)
	}
}

// TestSecondSIGTERMStopsAtOnce: a second SIGTERM stops the server at once, even while
// requests are running.
func TestSecondSIGTERMStopsAtOnce(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	ids := fillWorkspace(t, h, 80, 80<<10)
	s := start(t, h.database)
	export := s.export(t, h.newKey(t, "exporter").Key, ids) // never read
	defer export.conn.Close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, "the second signal ends the process", func() bool {
		select {
		case <-s.ended:
			return true
		default:
			_ = s.cmd.Process.Signal(syscall.SIGTERM) // repeated, because the first may not have been handled yet
			return false
		}
	})
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v, as if the server waited for the requests", took)
	}
}
