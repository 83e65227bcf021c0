package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// The library logs every failed connection, also those to servers that a test stopped.
func init() { logging.Disable() }

// RedisServer is a running redis-server or valkey-server on loopback. It stores
// nothing on disk.
type RedisServer struct {
	Process   *os.Process
	Addr      string
	args      []string // besides those of every server
	dir       string
	ended     chan struct{} // closed when the process has exited
	databases atomic.Int64  // number of databases that tests have received
}

var sharedRedis struct {
	start  sync.Once
	server *RedisServer
	err    error
}

// Redis returns the URL of an empty database for the test, on a server that the
// tests of a binary share.
func Redis(t testing.TB) string {
	t.Helper()
	sharedRedis.start.Do(func() { sharedRedis.server, sharedRedis.err = startRedis("", nil) })
	if sharedRedis.err != nil {
		t.Fatal(sharedRedis.err)
	}
	return sharedRedis.server.URL() + "/" + strconv.FormatInt(sharedRedis.server.databases.Add(1), 10)
}

// StartRedis starts a server that the test may break. It stops at the end of the
// test.
func StartRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	s, err := startRedis("", args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

// URL returns the URL of the server, without a database.
func (s *RedisServer) URL() string { return "redis://" + s.Addr }

// Stop kills the server.
func (s *RedisServer) Stop() {
	_ = s.Process.Kill() // it has no data to save
	<-s.ended
	_ = os.RemoveAll(s.dir)
}

// Restart starts a new, empty server on the address of s. Call it after Stop.
func (s *RedisServer) Restart(t testing.TB) {
	t.Helper()
	restarted, err := startRedis(s.Addr, s.args)
	if err != nil {
		t.Fatal(err)
	}
	s.Process, s.dir, s.ended = restarted.Process, restarted.dir, restarted.ended
}

// Do sends a command and returns the reply as text.
func (s *RedisServer) Do(t testing.TB, command string, args ...any) string {
	t.Helper()
	reply, err := s.Try(command, args...)
	if err != nil {
		t.Fatalf("redis: %s: %v", command, err)
	}
	return reply
}

// Try sends a command and returns the reply as text, or an error if the server refuses it or
// breaks the connection.
func (s *RedisServer) Try(command string, args ...any) (string, error) {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: 2, MaxRetries: -1, DialerRetries: 1})
	defer c.Close()
	reply, err := c.Do(context.Background(), append([]any{command}, args...)...).Result()
	return fmt.Sprint(reply), err
}

// startRedis starts a server on addr, or on a free address if addr is empty. It
// tries again if that fails, because another process may have taken the address.
func startRedis(addr string, args []string) (s *RedisServer, err error) {
	for range 5 {
		if s, err = tryRedis(addr, args); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func tryRedis(addr string, args []string) (*RedisServer, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		if bin, err = exec.LookPath("valkey-server"); err != nil {
			return nil, fmt.Errorf("testenv: redis-server is missing: apt-get install redis-server")
		}
	}
	if addr == "" {
		addr = FreeAddr()
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "memo-redis-")
	if err != nil {
		return nil, err
	}
	server := exec.Command(bin, slices.Concat(args, []string{
		"--bind", host, "--port", port, "--dir", dir, "--save", "", "--appendonly", "no", "--databases", "10000",
	})...)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := server.Start(); err != nil {
		return nil, err
	}
	s := &RedisServer{Process: server.Process, Addr: addr, args: args, dir: dir, ended: make(chan struct{})}
	go func() {
		_ = server.Wait()
		close(s.ended)
	}()
	timeout := time.After(10 * time.Second)
	for {
		_, err := s.Try("PING")
		if err == nil || strings.HasPrefix(err.Error(), "NOAUTH ") { // it asks for a password
			return s, nil
		}
		select {
		case <-s.ended:
		case <-timeout:
		case <-time.After(5 * time.Millisecond):
			continue
		}
		s.Stop()
		return nil, fmt.Errorf("testenv: redis-server did not start: %w", err)
	}
}
