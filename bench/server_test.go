package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo/internal/testenv"
)

// ownData is the directory of the data that these benchmarks create.
const ownData = "out"

// program is a build of memo.
type program struct {
	path string
	data string // the directory with its data
}

var build = sync.OnceValues(func() (string, error) {
	if *binary != "" {
		return filepath.Abs(*binary)
	}
	return testenv.BuildMemo()
})

// now returns the program that is measured.
func now(b *testing.B) program {
	path, err := build()
	check(b, err)
	return program{path, ownData}
}

// programs returns the program that is measured and, if there is one, the older program.
func programs(b *testing.B) []program {
	all := []program{now(b)}
	if *before != "" {
		path, err := filepath.Abs(*before)
		check(b, err)
		all = append(all, program{path, *beforeData})
	}
	return all
}

// command runs a command of memo, whose result is JSON.
func (p program) command(b *testing.B, args ...string) (result struct{ ID, Key string }) {
	b.Helper()
	stdout, _ := p.run(b, args...)
	check(b, json.Unmarshal(stdout, &result))
	return result
}

// run runs a command of memo. It returns its output and its CPU time.
func (p program) run(b *testing.B, args ...string) (stdout []byte, used time.Duration) {
	b.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.Command(p.path, append(args, "--json")...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		b.Fatalf("memo %v: %v\n%.2000s", args, err, &stderr)
	}
	return out.Bytes(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// server is a process that serves HTTP on loopback.
type server struct {
	host string // address and port
	pid  int
	stop func()
}

// serve starts memo with a rate limit that is never reached.
func (p program) serve(b *testing.B, env []string, args ...string) *server {
	args = append([]string{"serve", "--json", "--listen", "127.0.0.1:0", "--limit-data", "100000000"}, args...)
	return startServer(b, env, p.path, args...)
}

// startServer starts a program that first prints a JSON object with its url to
// stdout, and stops it at the end of the benchmark. Its stderr goes to a file, because a
// log line that is discarded would cost less than one that is stored.
func startServer(b *testing.B, env []string, program string, args ...string) *server {
	b.Helper()
	logFile, err := os.CreateTemp(b.TempDir(), "log")
	check(b, err)
	defer logFile.Close() // the process has its own descriptor
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second // then it is killed
	cmd.Stderr, cmd.Env = logFile, append(os.Environ(), env...)
	stdout, err := cmd.StdoutPipe()
	check(b, err)
	check(b, cmd.Start())
	stop := sync.OnceFunc(func() {
		cancel()
		_ = cmd.Wait() // the error is that it was ended
	})
	b.Cleanup(stop)
	var first struct{ URL string }
	if err := json.NewDecoder(stdout).Decode(&first); err != nil {
		text, _ := os.ReadFile(logFile.Name())
		b.Fatalf("%s did not start: %v\n%.2000s", program, err, text)
	}
	go io.Copy(io.Discard, stdout) //nolint:errcheck // ends with the process
	u, err := url.Parse(first.URL)
	check(b, err)
	return &server{u.Host, cmd.Process.Pid, stop}
}

// cpu returns the CPU time of the process in all its threads. It sums the
// nanoseconds that the scheduler counts per thread, because /proc/PID/stat counts in
// ticks of 10 ms. The sum is complete because Go does not end threads.
func (s *server) cpu(b *testing.B) (sum time.Duration) {
	threads, err := filepath.Glob(s.proc("task/*/schedstat"))
	check(b, err)
	if len(threads) == 0 {
		b.Fatal("the CPU time of another process is in /proc/PID/task/*/schedstat, which needs Linux with schedstats")
	}
	for _, path := range threads {
		data, err := os.ReadFile(path)
		check(b, err)
		var ns time.Duration
		_, err = fmt.Sscan(string(data), &ns)
		check(b, err)
		sum += ns
	}
	return sum
}

func (s *server) proc(name string) string { return fmt.Sprintf("/proc/%d/%s", s.pid, name) }

// memory returns a value of /proc/PID/status in megabytes: VmRSS, the current memory, or
// VmHWM, its peak.
func (s *server) memory(b *testing.B, name string) float64 {
	data, err := os.ReadFile(s.proc("status"))
	check(b, err)
	_, value, _ := strings.Cut(string(data), name+":")
	var kB float64
	_, err = fmt.Sscan(value, &kB)
	check(b, err)
	return kB * 1024 / 1e6
}

// resetPeak makes VmHWM start again at the current memory.
func (s *server) resetPeak(b *testing.B) {
	check(b, os.WriteFile(s.proc("clear_refs"), []byte("5"), 0))
}

func self(b *testing.B) string {
	path, err := os.Executable()
	check(b, err)
	return path
}

// bareCommand, as the argument, makes this program the bare server.
const bareCommand = "bare-server"

// serveBare serves with as little work as net/http allows: it does not log, and sends
// only the headers that HTTP needs. A PUT stores a response for its path; all other
// requests get it. At /mcp is a server of the MCP SDK with one tool that does nothing,
// which shows what the SDK alone costs.
func serveBare() {
	empty := mcp.NewServer(&mcp.Implementation{Name: "empty", Version: "1"},
		&mcp.ServerOptions{Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}}})
	empty.AddTool(&mcp.Tool{Name: "empty", InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: ""}}}, nil
		})
	sdk := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return empty },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	var responses sync.Map
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"url\":\"http://%s\"}\n", l.Addr())
	log.Fatal(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch response, ok := responses.Load(r.URL.Path); {
		case r.URL.Path == "/mcp":
			sdk.ServeHTTP(w, r)
		case ok:
			response.(http.HandlerFunc)(w, r)
		default:
			body, _ := io.ReadAll(r.Body)
			responses.Store(r.URL.Path, fixed(r.URL.Query(), r.Header.Get("Content-Type"), body))
		}
	})))
}

// fixed returns a handler that always writes the same response.
func fixed(query url.Values, contentType string, body []byte) http.HandlerFunc {
	status, _ := strconv.Atoi(query.Get("status"))
	length, sized := strconv.Itoa(len(body)), query.Has("sized")
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		if sized {
			w.Header().Set("Content-Length", length)
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // the client may have disconnected
	}
}
