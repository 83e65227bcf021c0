package bridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/bridge"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testenv"
)

// timeout is long, for slow machines. No test waits for it unless it fails.
const timeout = 30 * time.Second

// host is an MCP host that started a bridge.
type host struct {
	t      *testing.T
	bridge *bridge.Bridge
	key    string
	stdin  *io.PipeWriter
	stdout *io.PipeReader
	lines  chan string
	log    testenv.Output
	cancel context.CancelFunc
	done   chan struct{}
	err    error // from Run; valid when done is closed
}

// start starts a bridge to a server, with the changes to its configuration. At the end of
// the test it fails if the key is in the output.
func start(t *testing.T, url string, change ...func(*bridge.Config)) *host {
	t.Helper()
	h := unstarted(t, url, change...)
	h.run()
	return h
}

// unstarted is like start, but does not call run.
func unstarted(t *testing.T, url string, change ...func(*bridge.Config)) *host {
	t.Helper()
	h := &host{t: t, key: credential.NewKey().Secret(), lines: make(chan string), done: make(chan struct{})}
	cfg := bridge.Config{URL: url, Key: h.key, Version: "1.2.3", Log: &h.log}
	for _, f := range change {
		f(&cfg)
	}
	h.bridge = bridge.New(cfg)
	return h
}

// run starts the bridge, and reads what it writes to stdout.
func (h *host) run() {
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	h.stdin, h.stdout = stdin, stdout
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(context.Background())
	go func() {
		h.err = h.bridge.Run(ctx, in, out)
		out.Close()
		close(h.done)
	}()
	go func() {
		defer close(h.lines)
		for r := bufio.NewReader(stdout); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			h.lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	h.t.Cleanup(func() {
		h.cancel()
		stdin.Close()
		stdout.Close()
		h.wait()
		if strings.Contains(h.log.String(), h.key[8:20]) {
			h.t.Errorf("the log contains the key: %s", h.log.String())
		}
	})
}

// send writes a line to stdin, and returns when the bridge has read it.
func (h *host) send(format string, args ...any) {
	h.t.Helper()
	if _, err := fmt.Fprintf(h.stdin, format+"\n", args...); err != nil {
		h.t.Fatal(err)
	}
}

// settle returns when the bridge has processed every line that was sent. Responses may
// still be missing.
func (h *host) settle() {
	h.t.Helper()
	h.send("")
	h.send("")
}

// next returns the next line on stdout, or "" at its end. It fails if the key is in it.
func (h *host) next() string {
	h.t.Helper()
	select {
	case line := <-h.lines:
		if strings.Contains(line, h.key[8:20]) {
			h.t.Errorf("stdout contains the key: %s", line)
		}
		return line
	case <-time.After(timeout):
		h.t.Fatal("no line on stdout")
		return ""
	}
}

// wantLine fails unless the next line on stdout is line.
func (h *host) wantLine(line string) {
	h.t.Helper()
	if got := h.next(); got != line {
		h.t.Errorf("stdout has %s\nwant %s", got, line)
	}
}

// errorMessage reads the next line, which must be an error with an id and a code, and returns
// its message.
func (h *host) errorMessage(id string, code int) string {
	h.t.Helper()
	line := h.next()
	var m struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(line), &m); err != nil || m.JSONRPC != "2.0" || string(m.ID) != id ||
		m.Error.Code != code || m.Error.Message == "" {
		h.t.Errorf("stdout has %s, want an error %d for id %s", line, code, id)
	}
	return m.Error.Message
}

// end closes stdin and returns the error of Run. It fails if stdout has another line.
func (h *host) end() error {
	h.t.Helper()
	h.stdin.Close()
	if line := h.next(); line != "" {
		h.t.Errorf("stdout has another line: %s", line)
	}
	return h.wait()
}

func (h *host) wait() error {
	h.t.Helper()
	await(h.t, h.done, "Run did not return")
	return h.err
}

// await waits until a channel is closed or has a value, and fails with a message after the
// timeout.
func await[T any](t *testing.T, c <-chan T, message string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(timeout):
		t.Fatal(message)
	}
	return v
}

// rpcMessage has the members of a JSON-RPC message that test servers read.
type rpcMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
}

// server starts an MCP server that answers each message with respond.
func server(t *testing.T, respond func(w http.ResponseWriter, r *http.Request, m rpcMessage)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m rpcMessage
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/mcp" || r.URL.RawQuery != "" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		respond(w, r, m)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

func sendJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// result answers a request with an empty result, and a notification with 202.
func result(w http.ResponseWriter, _ *http.Request, m rpcMessage) {
	if m.ID == nil || m.Method == "" {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	sendJSON(w, http.StatusOK, resultOf(string(m.ID)))
}

// resultOf returns the response that result sends.
func resultOf(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"result":{}}` }

// ping returns a ping request.
func ping(id int) string { return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, id) }
