package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serverProcess is a process that serves HTTP on loopback.
type serverProcess struct {
	cmd  *exec.Cmd
	host string // address and port
	log  *os.File
}

// buildBinary builds memo with the flags of a release.
func buildBinary(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "memo")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/memo")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build memo: %w\n%s", err, out)
	}
	return binary, nil
}

// startMemo starts memo on a data directory, with a rate limit that is never
// reached.
func startMemo(ctx context.Context, binary, dir, log string, env ...string) (*serverProcess, error) {
	return startServer(ctx, log, env, binary, "serve", "--json",
		"--data", dir, "--listen", "127.0.0.1:0", "--limit-data", "100000000")
}

// startServer starts a program that first prints a JSON object with its url to
// stdout. Its stderr goes to a file, because a log line that is discarded would cost
// less than one that is stored.
func startServer(ctx context.Context, log string, env []string, program string, args ...string) (*serverProcess,
	error,
) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	s := &serverProcess{cmd: exec.Command(program, args...), log: f}
	s.cmd.Stderr, s.cmd.Env = f, append(os.Environ(), env...)
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	stopEarly := context.AfterFunc(ctx, func() { _ = s.cmd.Process.Kill() })
	defer stopEarly()
	var first struct {
		URL string `json:"url"`
	}
	if err := json.NewDecoder(stdout).Decode(&first); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w\n%s", program, err, s.tail()), s.stop())
	}
	go io.Copy(io.Discard, stdout) //nolint:errcheck // ends with the process
	u, err := url.Parse(first.URL)
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.host = u.Host
	return s, nil
}

// tail returns the last lines of the log, for an error message.
func (s *serverProcess) tail() string {
	data, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

// stop sends SIGTERM to the process, and kills it after 30 s.
func (s *serverProcess) stop() error {
	if s == nil {
		return nil
	}
	defer s.log.Close()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have exited already
	kill := time.AfterFunc(30*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	return s.cmd.Wait()
}

// ready waits until /readyz reports that the server is ready.
func (s *serverProcess) ready(ctx context.Context) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.host+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// cpu returns the CPU time of the process in all its threads. It sums the
// nanoseconds that the scheduler counts per thread, because /proc/PID/stat counts in
// ticks of 10 ms. The sum is complete because Go does not end threads.
func (s *serverProcess) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(s.proc("task/*/schedstat"))
	if err != nil || len(threads) == 0 {
		return 0, errors.New("bench reads the CPU time of another process from /proc/PID/task/*/schedstat, " +
			"which needs Linux with schedstats")
	}
	var sum time.Duration
	for _, path := range threads {
		data, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		spent, _, _ := strings.Cut(string(data), " ")
		ns, err := strconv.ParseInt(spent, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// resetPeak resets the peak of memory that the kernel has recorded.
func (s *serverProcess) resetPeak() error { return os.WriteFile(s.proc("clear_refs"), []byte("5"), 0) }

// memory returns the current memory of the process, and the peak since the last
// resetPeak, in bytes.
func (s *serverProcess) memory() (now, peak int64, err error) {
	data, err := os.ReadFile(s.proc("status"))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case name == "VmRSS" && err == nil:
			now = kb << 10
		case name == "VmHWM" && err == nil:
			peak = kb << 10
		}
	}
	if now == 0 || peak == 0 {
		return 0, 0, errors.New("/proc/PID/status has no VmRSS and VmHWM")
	}
	return now, peak, nil
}

func (s *serverProcess) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, name)
}
