package bridge_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"memoai.tech/memo/internal/bridge"
)

func TestMessagesPassUnchanged(t *testing.T) {
	const message = `{ "method":"tools/call","id":"a<é\u00e9",` +
		`"params":{"n":1.50,"z":1e3,"big":12345678901234567890},"jsonrpc":"2.0"}`
	for _, c := range []struct{ name, response, line string }{
		{"unchanged", `{"result": {"b":1.50,"a":"<\u00e9>"} , "id":"a<éé", "jsonrpc":"2.0"}`, ""},
		{
			"reduced to one line",
			"{\r\n  \"jsonrpc\": \"2.0\",\n  \"id\": \"a<éé\", \"result\": {\"n\": 1.50, \"s\": \"a\\nb <\\u00e9>\"}\n}\n",
			`{"jsonrpc":"2.0","id":"a<éé","result":{"n":1.50,"s":"a\nb <\u00e9>"}}`,
		},
		{
			"with the id of another request", `{"jsonrpc":"2.0","id":8,"result":{"n":1}}`,
			`{"jsonrpc":"2.0","id":"a<é\u00e9","result":{"n":1}}`,
		},
		{
			"an error of the server",
			`{"jsonrpc":"2.0","id":"a<é\u00e9","error":{"code":-32602,"message":"no","data":{"x":1}}}`,
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body []byte
			var header http.Header
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ = io.ReadAll(r.Body)
				header = r.Header
				sendJSON(w, http.StatusOK, c.response)
			}))
			defer s.Close()
			h := start(t, s.URL)
			h.send("  %s\r", message)
			if c.line == "" {
				c.line = c.response
			}
			h.wantLine(c.line)
			if err := h.end(); err != nil {
				t.Error(err)
			}
			if string(body) != message {
				t.Errorf("the server got %s, want the message unchanged", body)
			}
			for name, want := range map[string]string{
				"Authorization": "Bearer " + h.key, "Content-Type": "application/json",
				"Accept": "application/json, text/event-stream", "User-Agent": "memo-mcp/1.2.3", "Idempotency-Key": "",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("header %s is %q, want %q", name, got, want)
				}
			}
			if h.log.String() != "" {
				t.Errorf("the log is not empty: %s", h.log.String())
			}
		})
	}
}

// TestIDsComeBackAsSent: an id may be a number that float64 cannot hold.
func TestIDsComeBackAsSent(t *testing.T) {
	for _, id := range []string{"12345678901234567", "1.5", "-0", "1e3", `"1"`, `""`} {
		t.Run(id, func(t *testing.T) {
			h := start(t, server(t, result).URL)
			h.send(`{"jsonrpc":"2.0","id":%s,"method":"ping"}`, id)
			h.wantLine(resultOf(id))
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHeadersFollowTheRevision: a host may use an old or a new revision of MCP, and the
// headers of each request follow the revision of its message.
func TestHeadersFollowTheRevision(t *testing.T) {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`
	type headers struct{ Version, Method, Name string }
	got := make(chan headers, 1)
	s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
		got <- headers{r.Header.Get("MCP-Protocol-Version"), r.Header.Get("Mcp-Method"), r.Header.Get("Mcp-Name")}
		if m.Method == "initialize" {
			sendJSON(w, 200, `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18"}}`)
			return
		}
		result(w, r, m)
	})
	h := start(t, s.URL)
	for _, c := range []struct {
		name, message string
		want          headers
	}{
		{"before initialize", `"id":1,"method":"tools/list"`, headers{}},
		{
			"2026-07-28", `"id":2,"method":"server/discover","params":{` + meta + `}`,
			headers{"2026-07-28", "server/discover", ""},
		},
		{"initialize", `"id":3,"method":"initialize","params":{"protocolVersion":"2025-11-25"}`, headers{}},
		{"after initialize", `"id":4,"method":"tools/list"`, headers{"2025-06-18", "", ""}},
		{"a notification", `"method":"notifications/initialized"`, headers{"2025-06-18", "", ""}},
		{"a response of the host", `"id":5,"result":{}`, headers{"2025-06-18", "", ""}},
		{"a call", `"id":6,"method":"tools/call","params":{"name":"memo_list_projects"}`, headers{"2025-06-18", "", ""}},
		{"initialize again", `"id":7,"method":"initialize"`, headers{}},
		{"params that are not an object", `"id":8,"method":"tools/list","params":[]`, headers{"2025-06-18", "", ""}},
		{
			"new call", `"id":9,"method":"tools/call","params":{"name":"memo_list_projects",` + meta + `}`,
			headers{"2026-07-28", "tools/call", "memo_list_projects"},
		},
		{
			"new prompt", `"id":10,"method":"prompts/get","params":{` + meta + `,"name":"été"}`,
			headers{"2026-07-28", "prompts/get", "été"},
		},
		{"new resource", `"id":11,"method":"resources/read","params":{"name":"no","uri":"memo://transcriptions/1",` +
			meta + `}`, headers{"2026-07-28", "resources/read", "memo://transcriptions/1"}},
		{
			"new list", `"id":12,"method":"tools/list","params":{"name":"no",` + meta + `}`,
			headers{"2026-07-28", "tools/list", ""},
		},
		{
			"new notification", `"method":"notifications/progress","params":{` + meta + `}`,
			headers{"2026-07-28", "notifications/progress", ""},
		},
		{
			"a name that is not a string", `"id":13,"method":"tools/call","params":{"name":7,` + meta + `}`,
			headers{"2026-07-28", "tools/call", ""},
		},
		{
			"control characters in the name", `"id":14,"method":"tools/call","params":{"name":"a\nb",` + meta + `}`,
			headers{"2026-07-28", "tools/call", "=?base64?" + base64.StdEncoding.EncodeToString([]byte("a\nb")) + "?="},
		},
		{
			"a space before the name", `"id":15,"method":"tools/call","params":{"name":" a",` + meta + `}`,
			headers{"2026-07-28", "tools/call", "=?base64?IGE=?="},
		},
		{
			"control characters in the version",
			`"id":16,"method":"x\u0000","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"\u007f"}}`,
			headers{"=?base64?fw==?=", "=?base64?eAA=?=", ""},
		},
	} {
		h.send(`{"jsonrpc":"2.0",%s}`, c.message)
		if diff := cmp.Diff(c.want, await(t, got, "the server got no request")); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if strings.Contains(c.message, `"id"`) && strings.Contains(c.message, `"method"`) {
			h.next()
		}
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
}

func TestInvalidLineGetsAnError(t *testing.T) {
	s := server(t, result)
	long := strings.Repeat("x", bridge.MaxMessage-len(`{"jsonrpc":"2.0","id":1,"method":"ping","x":""}`))
	for _, c := range []struct {
		name, line string
		code       int
	}{
		{"not JSON", `hello`, jsonrpc.CodeParseError},
		{"half a message", `{"jsonrpc":"2.0"`, jsonrpc.CodeParseError},
		{"two messages", ping(1) + ping(2), jsonrpc.CodeParseError},
		{"a duplicate name", `{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`, jsonrpc.CodeParseError},
		{"not UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", jsonrpc.CodeParseError},
		{"a batch", `[` + ping(1) + `]`, jsonrpc.CodeInvalidRequest},
		{"an empty batch", `[]`, jsonrpc.CodeInvalidRequest},
		{"a number", `42`, jsonrpc.CodeInvalidRequest},
		{"null", `null`, jsonrpc.CodeInvalidRequest},
		{"a method that is not a string", `{"jsonrpc":"2.0","id":1,"method":1}`, jsonrpc.CodeInvalidRequest},
		{"of the maximum length", `{"jsonrpc":"2.0","id":1,"method":"ping","x":"` + long + `"}`, 0},
		{"too long", `{"jsonrpc":"2.0","id":1,"method":"ping","x":"` + long + `xxx"}`, jsonrpc.CodeInvalidRequest},
		{"much too long", strings.Repeat("[", 5*bridge.MaxMessage), jsonrpc.CodeInvalidRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, s.URL)
			h.send("")
			h.send("%s", c.line)
			if c.code == 0 {
				h.wantLine(resultOf("1"))
			} else {
				h.errorMessage("null", c.code)
			}
			h.send("%s\r", ping(2)) // later lines are still read
			h.wantLine(resultOf("2"))
			io.WriteString(h.stdin, ping(3)) // the last line has no newline
			h.stdin.Close()
			h.wantLine(resultOf("3"))
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRequestsRunConcurrently up to the maximum, and each response is on one line.
func TestRequestsRunConcurrently(t *testing.T) {
	const n = 5 * bridge.MaxConcurrent
	var mu sync.Mutex
	running, peak := 0, 0
	full := make(chan struct{})
	long := strings.Repeat("a", 100_000)
	s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
		mu.Lock()
		running++
		peak = max(peak, running)
		if running == bridge.MaxConcurrent && peak == bridge.MaxConcurrent {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		await(t, full, "fewer requests ran at a time than allowed")
		mu.Lock()
		running--
		mu.Unlock()
		sendJSON(w, 200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"x":"`+long+`"}}`)
	})
	h := start(t, s.URL)
	var want, got []string
	for i := range n {
		h.send("%s", ping(i))
		want = append(want, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"x":"%s"}}`, i, long))
	}
	for range n {
		got = append(got, h.next())
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Error("the lines on stdout are not the responses")
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
	if peak != bridge.MaxConcurrent {
		t.Errorf("up to %d requests ran at a time, want %d", peak, bridge.MaxConcurrent)
	}
}

// TestLaterMessagesWaitForInitialize: a message that follows an initialize or a
// notification is sent after the server has answered it.
func TestLaterMessagesWaitForInitialize(t *testing.T) {
	for name, first := range map[string]string{
		"initialize":     `{"jsonrpc":"2.0","id":1,"method":"initialize"}`,
		"a notification": `{"jsonrpc":"2.0","method":"notifications/initialized"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var order []string
			record := func(method string) {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, method)
			}
			arrived, release := make(chan struct{}), make(chan struct{})
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				if m.Method != "ping" {
					close(arrived)
					await(t, release, "the test did not continue")
				}
				result(w, r, m)
				record(m.Method)
			})
			h := start(t, s.URL)
			h.send("%s", first)
			await(t, arrived, "the server got no request")
			for i := range 3 {
				h.send("%s", ping(10+i))
			}
			h.settle()
			close(release)
			for range 3 + strings.Count(first, `"id"`) {
				h.next()
			}
			if err := h.end(); err != nil {
				t.Error(err)
			}
			if len(order) != 4 || order[0] == "ping" {
				t.Errorf("the server answered in the order %v, want the pings last", order)
			}
		})
	}
}

func TestNotificationGetsNoResponse(t *testing.T) {
	for _, c := range []struct {
		name, message string
		status        int
		body          string
	}{
		{"accepted", `"method":"notifications/initialized"`, 202, ""},
		{"answered nevertheless", `"method":"notifications/initialized"`, 200, `{"jsonrpc":"2.0","id":null,"result":{}}`},
		{"refused", `"method":"notifications/initialized"`, 401, `{"detail":"Invalid API key"}`},
		{
			"refused as JSON-RPC", `"method":"notifications/initialized"`, 400,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}`,
		},
		{"a null id", `"id":null,"method":"ping"`, 500, ``},
		{"a response of the host", `"id":1,"result":{}`, 202, ""},
		{"a response of the host, refused", `"id":1,"error":{"code":1,"message":""}`, 503, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) { sendJSON(w, c.status, c.body) })
			h := start(t, s.URL)
			h.send(`{"jsonrpc":"2.0",%s}`, c.message)
			if err := h.end(); err != nil {
				t.Error(err)
			}
			if refused := c.status >= 300; (h.log.String() != "") != refused {
				t.Errorf("the log is %q, want a line: %v", h.log.String(), refused)
			}
		})
	}
}

func TestCancelledRequestGetsNoResponse(t *testing.T) {
	for _, id := range []string{`7`, `"seven"`} {
		t.Run(id, func(t *testing.T) {
			arrived, canceled := make(chan struct{}), make(chan struct{})
			var others sync.Map
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				if string(m.ID) != id {
					others.Store(m.Method, true)
					result(w, r, m)
					return
				}
				close(arrived)
				await(t, r.Context().Done(), "the request was not cancelled")
				close(canceled)
			})
			h := start(t, s.URL)
			h.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call"}`, id)
			await(t, arrived, "the server got no request")
			h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"unknown"}}`)
			h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled"}`)
			h.send("%s", ping(8))
			h.wantLine(resultOf("8"))
			select {
			case <-canceled:
				t.Error("the cancellation of another request cancelled this one")
			default:
			}
			h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`, id)
			await(t, canceled, "the request was not cancelled")
			h.send("%s", ping(9))
			h.wantLine(resultOf("9"))
			if err := h.end(); err != nil {
				t.Error(err)
			}
			if _, ok := others.Load("notifications/cancelled"); !ok {
				t.Error("the server did not get the notification")
			}
			if h.log.String() != "" {
				t.Errorf("the log is not empty: %s", h.log.String())
			}
		})
	}
}

// TestWaitingRequestCanBeCancelled, and is never sent.
func TestWaitingRequestCanBeCancelled(t *testing.T) {
	arrived, release := make(chan struct{}, bridge.MaxConcurrent), make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
		if m.Method == "tools/call" {
			t.Error("the cancelled request was sent")
		}
		if m.Method == "ping" {
			arrived <- struct{}{}
			await(t, release, "the test did not continue")
		}
		result(w, r, m)
	})
	h := start(t, s.URL)
	for i := range bridge.MaxConcurrent {
		h.send("%s", ping(i))
	}
	for range bridge.MaxConcurrent {
		await(t, arrived, "the server got no request")
	}
	h.send(`{"jsonrpc":"2.0","id":"late","method":"tools/call"}`)
	h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"late"}}`)
	h.settle()
	close(release)
	for range bridge.MaxConcurrent {
		h.next()
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
}

func TestRunReturnsAfterStdinEnds(t *testing.T) {
	t.Run("running requests finish", func(t *testing.T) {
		arrived, release := make(chan struct{}), make(chan struct{})
		s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
			close(arrived)
			await(t, release, "the test did not continue")
			result(w, r, m)
		})
		h := start(t, s.URL)
		h.send("%s", ping(1))
		await(t, arrived, "the server got no request")
		h.stdin.Close()
		close(release)
		h.wantLine(resultOf("1"))
		if err := h.end(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a slow request is cancelled", func(t *testing.T) {
		arrived := make(chan struct{})
		s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
			close(arrived)
			await(t, r.Context().Done(), "the request was not cancelled")
		})
		h := unstarted(t, s.URL)
		h.bridge.SetTimeouts(timeout, time.Millisecond)
		h.run()
		h.send("%s", ping(1))
		await(t, arrived, "the server got no request")
		if err := h.end(); err != nil {
			t.Error(err)
		}
	})
	t.Run("no message was sent", func(t *testing.T) {
		if err := start(t, "http://127.0.0.1:1").end(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a read error is returned", func(t *testing.T) {
		h := start(t, "http://127.0.0.1:1")
		broken := errors.New("broken")
		h.stdin.CloseWithError(broken)
		if err := h.wait(); !errors.Is(err, broken) {
			t.Errorf("Run returned %v, want the read error", err)
		}
	})
}

func TestCancelledRunReturnsImmediately(t *testing.T) {
	arrived := make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
		close(arrived)
		await(t, r.Context().Done(), "the request was not cancelled")
	})
	h := start(t, s.URL)
	h.send("%s", ping(1))
	await(t, arrived, "the server got no request")
	h.cancel() // stdin stays open
	if err := h.wait(); err != nil {
		t.Error(err)
	}
	if line := h.next(); line != "" {
		t.Errorf("stdout has %s, want nothing", line)
	}
}

func TestClosedStdoutEndsRun(t *testing.T) {
	s := server(t, result)
	h := start(t, s.URL)
	h.stdout.CloseWithError(errors.New("closed by the host"))
	h.send("%s", ping(1)) // stdin stays open
	if err := h.wait(); err == nil || !strings.Contains(err.Error(), "stdout: closed by the host") {
		t.Errorf("Run returned %v, want the write error", err)
	}
}

// TestBridgeReconnects: a server that restarts closes idle connections.
func TestBridgeReconnects(t *testing.T) {
	s := server(t, result)
	h := start(t, s.URL)
	for i := range 50 {
		h.send("%s", ping(i))
		h.wantLine(resultOf(fmt.Sprint(i)))
		s.CloseClientConnections()
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
}
