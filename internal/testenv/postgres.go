// Package testenv starts the real servers that tests run against: PostgreSQL,
// one cluster for a test binary and one schema for a test, and Redis, one server
// for a test binary and one database for a test. Nothing is mocked; where a
// server's binaries are missing, the test says in one line what to install and
// fails.
package testenv

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"
)

// Main runs a package's tests and ends the servers they started. A package
// that uses testenv has this as its TestMain:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) { os.Exit(M{m}.Run()) }

// M runs tests and then ends the servers, for a TestMain that has more to do.
type M struct{ *testing.M }

// Run runs the tests and returns the exit status.
func (m M) Run() int {
	code := m.M.Run()
	if theCluster.stop != nil {
		theCluster.stop()
	}
	if theRedis.server != nil {
		theRedis.server.Stop()
	}
	return code
}

var (
	startOnce  sync.Once
	theCluster cluster
)

type cluster struct {
	dsn  string // of the database "memo", without a schema
	err  error
	stop func()
}

// Postgres returns the URL of an empty schema of its own on a real server.
func Postgres(t testing.TB) string {
	t.Helper()
	startOnce.Do(func() { theCluster = startCluster() })
	if theCluster.err != nil {
		t.Fatal(theCluster.err)
	}
	schema := "t_" + rand.Text()
	db, err := sql.Open("pgx", theCluster.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), `CREATE SCHEMA "`+schema+`"`); err != nil {
		t.Fatal(err)
	}
	return theCluster.dsn + "&search_path=" + url.QueryEscape(`"`+schema+`"`)
}

// startCluster makes a cluster in a temporary directory, on a Unix socket
// alone. PostgreSQL refuses to run as root, so root runs it as "postgres".
func startCluster() (c cluster) {
	bin, err := postgresBin()
	if err != nil {
		return cluster{err: err}
	}
	dir, err := os.MkdirTemp("", "memo-pg-")
	if err != nil {
		return cluster{err: err}
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if os.Geteuid() == 0 {
		uid, gid, err := lookup("postgres")
		if err != nil {
			return cluster{err: err}
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return cluster{err: err}
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "memo", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return cluster{err: fmt.Errorf("initdb: %w\n%s", err, out)}
	}
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return cluster{err: err}
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "synchronous_commit=off",
		"-c", "full_page_writes=off", "-c", "max_connections=200", "-c", "timezone=Asia/Tokyo")
	server.SysProcAttr, server.Dir = attr, dir
	server.Stdout, server.Stderr = logFile, logFile
	if err := server.Start(); err != nil {
		return cluster{err: err}
	}
	c.dsn = "postgres:///postgres?user=memo&host=" + url.QueryEscape(dir)
	c.stop = func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // immediate shutdown: nothing here is worth keeping
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	}
	if err := waitFor(c.dsn, 30*time.Second); err != nil {
		c.stop()
		return cluster{err: err}
	}
	return c
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

func lookup(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("testenv: root cannot run PostgreSQL, and there is no user %q: %w", name, err)
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
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
