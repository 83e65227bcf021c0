// Package testenv starts real servers for tests: one PostgreSQL cluster per test
// binary with one schema per test, and one Redis server per test binary with one
// database per test. If the programs of a server are missing, the test fails with a
// line that says what to install.
package testenv

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
)

// Main runs the tests of a package and stops the servers that they started. A
// package that uses testenv calls it in TestMain:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) { os.Exit(M{m}.Run()) }

// M is a testing.M for a TestMain that does more than call [Main].
type M struct{ *testing.M }

// Run runs the tests, stops the servers and returns the exit status.
func (m M) Run() int {
	code := m.M.Run()
	if sharedPostgres.server != nil {
		sharedPostgres.server.remove()
	}
	if sharedRedis.server != nil {
		sharedRedis.server.Stop()
	}
	return code
}

var sharedPostgres struct {
	start  sync.Once
	server *PostgresServer
	err    error
}

// Postgres returns the URL of an empty schema for the test, on a cluster that the
// tests of a binary share.
func Postgres(t testing.TB) string {
	t.Helper()
	sharedPostgres.start.Do(func() { sharedPostgres.server, sharedPostgres.err = startPostgres() })
	if sharedPostgres.err != nil {
		t.Fatal(sharedPostgres.err)
	}
	schema := "t_" + rand.Text()
	db, err := sql.Open("pgx", sharedPostgres.server.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), `CREATE SCHEMA "`+schema+`"`); err != nil {
		t.Fatal(err)
	}
	return sharedPostgres.server.dsn() + "&search_path=" + url.QueryEscape(`"`+schema+`"`)
}

// PostgresServer is a cluster in a temporary directory.
type PostgresServer struct {
	Addr string // on loopback; empty for a cluster that listens on its Unix socket only

	dir, bin string
	options  []string
	attr     *syscall.SysProcAttr
	server   *exec.Cmd
}

// StartPostgres starts a cluster that the test may break. It listens on loopback, so
// that a proxy can connect to it, and stops at the end of the test. Options are
// settings such as "max_connections=10".
func StartPostgres(t testing.TB, options ...string) *PostgresServer {
	t.Helper()
	addr := FreeAddr()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	// With synchronous_commit a crash loses no acknowledged commit.
	s, err := startPostgres(append(options, "synchronous_commit=on", "listen_addresses="+host, "port="+port)...)
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = addr
	t.Cleanup(s.remove)
	return s
}

// URL returns the URL of the cluster's database for a client that connects to addr, which
// is s.Addr or the address of a proxy.
func (s *PostgresServer) URL(addr string) string {
	return "postgres://memo@" + addr + "/postgres?sslmode=disable"
}

// Stop stops the server at once, as a crash would.
func (s *PostgresServer) Stop() {
	if s.server == nil || s.server.Process == nil {
		return // it did not start
	}
	_ = s.server.Process.Signal(syscall.SIGQUIT) // PostgreSQL exits without a checkpoint
	_ = s.server.Wait()
}

// Start starts the server. After Stop, it has the same data as before.
func (s *PostgresServer) Start() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", filepath.Join(s.dir, "data"), "-k", s.dir}
	for _, o := range append([]string{
		"listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200",
		"timezone=Asia/Tokyo",
	}, s.options...) {
		args = append(args, "-c", o)
	}
	s.server = exec.Command(filepath.Join(s.bin, "postgres"), args...)
	s.server.SysProcAttr, s.server.Dir = s.attr, s.dir
	s.server.Stdout, s.server.Stderr = log, log
	if err := s.server.Start(); err != nil {
		return err
	}
	if err := waitFor(s.dsn(), 30*time.Second); err != nil {
		output, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w\n%s", err, output)
	}
	return nil
}

// dsn returns the URL of the database "postgres", without a schema.
func (s *PostgresServer) dsn() string {
	dsn := "postgres:///postgres?user=memo&host=" + url.QueryEscape(s.dir)
	for _, o := range s.options {
		if port, ok := strings.CutPrefix(o, "port="); ok {
			dsn += "&port=" + port // the socket's name contains the port
		}
	}
	return dsn
}

func (s *PostgresServer) remove() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// startPostgres creates a cluster and starts it.
func startPostgres(options ...string) (*PostgresServer, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "memo-pg-")
	if err != nil {
		return nil, err
	}
	s := &PostgresServer{
		dir: dir, bin: bin, options: options,
		attr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true},
	}
	if s.attr.Credential, err = chownToPostgres(dir); err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "memo", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = s.attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := s.Start(); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func postgresBin() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(dirs)
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	for _, d := range slices.Backward(dirs) {
		if _, err := os.Stat(filepath.Join(d, "postgres")); err == nil {
			return d, nil
		}
	}
	return "", fmt.Errorf("testenv: PostgreSQL's server binaries are missing: apt-get install postgresql")
}

// chownToPostgres gives a file or directory to the user that runs PostgreSQL, and
// returns the credential to run it with. PostgreSQL does not run as root, so for
// root the user is "postgres". Other users run it themselves: nothing changes, and
// the credential is nil.
func chownToPostgres(path string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("testenv: root cannot run PostgreSQL, and there is no user %q: %w", "postgres", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(path, uid, gid)
}

func waitFor(dsn string, limit time.Duration) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("testenv: PostgreSQL did not start: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
