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

// What an operator relies on. A full disk is not here: without a file system
// of its own it can only be had by a limit on the size of files, and Go ends a
// process that meets it.

// The release binary stays small enough to be copied around (design section 4).
func TestBinaryIsSmall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds once more")
	}
	path := filepath.Join(t.TempDir(), "memo")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "memoai.tech/memo/cmd/memo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	const most = 40_000_000
	if info.Size() >= most {
		t.Errorf("the binary has %d bytes, and %d are the limit", info.Size(), most)
	}
	t.Logf("%d bytes", info.Size())
	if out, err := exec.Command(path, "version").Output(); err != nil || !bytes.HasPrefix(out, []byte("memo ")) {
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
		s.client("").must(t, http.StatusNotFound, "GET", "/.well-known/oauth-protected-resource", nil)
		s.terminate(t)
	})
}

// Only its owner reads the embedded database.
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
		t.Errorf("only %q", paths)
	}
}

func TestDemoLine(t *testing.T) {
	t.Parallel()
	p := onSQLite(t)
	var before struct{ Key string }
	for range 2 { // the second start gives another key
		s := start(t, p, "--demo")
		var demo struct{ URL, Key, Curl string }
		if err := json.Unmarshal([]byte(s.stdout.String()), &demo); err != nil {
			t.Fatal(err)
		}
		list := decode[struct{ Total int }](t, s.client(demo.Key).must(t, http.StatusOK, "GET", api+"/transcriptions", nil))
		if list.Total == 0 || !strings.Contains(demo.Curl, demo.URL+api+"/transcriptions") {
			t.Errorf("%d transcriptions; %s", list.Total, demo.Curl)
		}
		if lives, err := s.alive(before.Key, http.DefaultClient); before.Key != "" && (lives || err != nil) {
			t.Errorf("the key of the first start lives: %v %v", lives, err)
		}
		before.Key = demo.Key
		s.terminate(t)
	}
}

// An error names what to do, goes to stderr, and has its exit status.
func TestErrorsOfCommands(t *testing.T) {
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
		readOnly = "/sys/kernel" // modes do not hold root off
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		name  string
		place database
		args  []string
		code  int
		says  string
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
			1,
			"data directory",
		},
		{"a file in the way", database{"--data", file}, []string{"serve", "--listen", "127.0.0.1:0"}, 1, "data directory"},
		{"address in use", onSQLite(t), []string{"serve", "--listen", taken.Addr().String()}, 1, "--listen"},
		{
			"no database there",
			database{"--database", "postgres:///memo?host=/nowhere"},
			[]string{"user", "list"},
			1,
			"database",
		},
		{"no URL", database{"--database", "here"}, []string{"user", "list"}, 1, "postgres://"},
		{"unknown command", onSQLite(t), []string{"sing"}, 2, "--help"},
		{"limit of nothing", onSQLite(t), []string{"serve", "--limit-data", "0"}, 2, "--limit-data"},
		{"unknown workspace", onSQLite(t), []string{"key", "list", "--workspace", "x"}, 1, "workspace list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := run(test.place, "", test.args...)
			if r.code != test.code || !strings.Contains(r.stderr, test.says) {
				t.Errorf("exit %d instead of %d, without %q: %s", r.code, test.code, test.says, lastLines(r.stderr, 500))
			}
			if test.code == 1 && r.stdout != "" || strings.Contains(r.stderr, "goroutine ") {
				t.Errorf("stdout %q, stderr %s", r.stdout, lastLines(r.stderr, 500))
			}
		})
	}
}

// Servers that start at once on nothing bring the schema up together.
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
		// Each migration is noted once.
		if n := readColumn(t, open(t, p),
			`SELECT CAST(count(*) - count(DISTINCT version_id) AS TEXT) FROM goose_db_version`); n[0] != "0" {
			t.Errorf("%s migrations were applied twice", n[0])
		}
	})
}

// SIGTERM closes the door and lets those who are inside finish.
func TestStopLetsRequestsFinish(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	ids := fillWorkspace(t, h, 80, 80<<10)
	s := start(t, h.database)
	e := s.export(t, h.newKey(t, "exporter").Key, ids)
	defer e.conn.Close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no new connection is taken", func() bool {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case <-s.ended:
		t.Fatalf("the server went with a request under way: %v", s.exit)
	default:
	}
	e.drain()
	body := e.body(t)
	if z, err := zip.NewReader(bytes.NewReader(body), int64(len(body))); err != nil || len(z.File) != len(ids) {
		t.Errorf("the answer under way was cut: %v", err)
	}
	eventually(t, "the process ends", func() bool {
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

// A second signal ends at once, whoever is inside.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	h := newInstallation(t, onSQLite(t))
	ids := fillWorkspace(t, h, 80, 80<<10)
	s := start(t, h.database)
	e := s.export(t, h.newKey(t, "exporter").Key, ids) // and never read
	defer e.conn.Close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, "the second signal ends the process", func() bool {
		select {
		case <-s.ended:
			return true
		default:
			_ = s.cmd.Process.Signal(syscall.SIGTERM) // again: the first may not have been taken yet
			return false
		}
	})
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v, as long as waiting for the requests would", took)
	}
}
