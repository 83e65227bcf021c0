package bridge

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
)

func TestAMessagePassesUntouched(t *testing.T) {
	const message = `{ "method":"tools/call","id":"a<é\u00e9","params":{"n":1.50,"z":1e3,"big":12345678901234567890},"jsonrpc":"2.0"}`
	for _, c := range []struct{ name, answer, line string }{
		{"as it is", `{"result": {"b":1.50,"a":"<\u00e9>"} , "id":"a<éé", "jsonrpc":"2.0"}`, ""},
		{
			"on one line",
			"{\r\n  \"jsonrpc\": \"2.0\",\n  \"id\": \"a<éé\", \"result\": {\"n\": 1.50, \"s\": \"a\\nb <\\u00e9>\"}\n}\n",
			`{"jsonrpc":"2.0","id":"a<éé","result":{"n":1.50,"s":"a\nb <\u00e9>"}}`,
		},
		{
			"somebody else's answer", `{"jsonrpc":"2.0","id":8,"result":{"n":1}}`,
			`{"jsonrpc":"2.0","id":"a<é\u00e9","result":{"n":1}}`,
		},
		{
			"an error of the server", `{"jsonrpc":"2.0","id":"a<é\u00e9","error":{"code":-32602,"message":"no","data":{"x":1}}}`,
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body []byte
			var header http.Header
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ = io.ReadAll(r.Body)
				header = r.Header
				sendJSON(w, http.StatusOK, c.answer)
			}))
			defer s.Close()
			h := start(t, s.URL)
			h.send("  %s\r", message)
			if c.line == "" {
				c.line = c.answer
			}
			h.wants(c.line)
			if err := h.end(); err != nil {
				t.Error(err)
			}
			if string(body) != message {
				t.Errorf("the server got %s", body)
			}
			for name, want := range map[string]string{
				"Authorization": "Bearer " + h.key, "Content-Type": "application/json",
				"Accept": "application/json, text/event-stream", "User-Agent": "memo-mcp/1.2.3", "Idempotency-Key": "",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if h.log.String() != "" {
				t.Errorf("the log has %s", h.log.String())
			}
		})
	}
}

// TestHeaders: a host speaks a legacy revision or a newer one, and each message
// has the headers of its own.
func TestHeaders(t *testing.T) {
	const newer = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`
	type headers struct{ Version, Method, Name string }
	got := make(chan headers, 1)
	s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
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
			"2026-07-28", `"id":2,"method":"server/discover","params":{` + newer + `}`,
			headers{"2026-07-28", "server/discover", ""},
		},
		{"initialize", `"id":3,"method":"initialize","params":{"protocolVersion":"2025-11-25"}`, headers{}},
		{"what was agreed on", `"id":4,"method":"tools/list"`, headers{"2025-06-18", "", ""}},
		{"a notification", `"method":"notifications/initialized"`, headers{"2025-06-18", "", ""}},
		{"an answer of the host", `"id":5,"result":{}`, headers{"2025-06-18", "", ""}},
		{"a call", `"id":6,"method":"tools/call","params":{"name":"memo_list_projects"}`, headers{"2025-06-18", "", ""}},
		{"initialize again", `"id":7,"method":"initialize"`, headers{}},
		{"params of another form", `"id":8,"method":"tools/list","params":[]`, headers{"2025-06-18", "", ""}},
		{
			"newer call", `"id":9,"method":"tools/call","params":{"name":"memo_list_projects",` + newer + `}`,
			headers{"2026-07-28", "tools/call", "memo_list_projects"},
		},
		{
			"newer prompt", `"id":10,"method":"prompts/get","params":{` + newer + `,"name":"été"}`,
			headers{"2026-07-28", "prompts/get", "été"},
		},
		{"newer resource", `"id":11,"method":"resources/read","params":{"name":"no","uri":"memo://transcriptions/1",` +
			newer + `}`, headers{"2026-07-28", "resources/read", "memo://transcriptions/1"}},
		{
			"newer list", `"id":12,"method":"tools/list","params":{"name":"no",` + newer + `}`,
			headers{"2026-07-28", "tools/list", ""},
		},
		{
			"newer notification", `"method":"notifications/progress","params":{` + newer + `}`,
			headers{"2026-07-28", "notifications/progress", ""},
		},
		{
			"no name", `"id":13,"method":"tools/call","params":{"name":7,` + newer + `}`,
			headers{"2026-07-28", "tools/call", ""},
		},
		{
			"control characters", `"id":14,"method":"tools/call","params":{"name":"a\nb",` + newer + `}`,
			headers{"2026-07-28", "tools/call", "=?base64?" + base64.StdEncoding.EncodeToString([]byte("a\nb")) + "?="},
		},
		{
			"blanks", `"id":15,"method":"tools/call","params":{"name":" a",` + newer + `}`,
			headers{"2026-07-28", "tools/call", "=?base64?IGE=?="},
		},
		{
			"a version that is none",
			`"id":16,"method":"x\u0000","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"\u007f"}}`,
			headers{"=?base64?fw==?=", "=?base64?eAA=?=", ""},
		},
	} {
		h.send(`{"jsonrpc":"2.0",%s}`, c.message)
		if diff := cmp.Diff(c.want, await(t, got, "no request came")); diff != "" {
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

func TestALineThatIsNoMessage(t *testing.T) {
	s := server(t, result)
	long := strings.Repeat("x", maxMessage-len(`{"jsonrpc":"2.0","id":1,"method":"ping","x":""}`))
	for _, c := range []struct {
		name, line string
		code       int
	}{
		{"no JSON", `hello`, codeParse},
		{"half of one", `{"jsonrpc":"2.0"`, codeParse},
		{"two", ask(1) + ask(2), codeParse},
		{"the same name twice", `{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`, codeParse},
		{"not UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", codeParse},
		{"a batch", `[` + ask(1) + `]`, codeInvalidRequest},
		{"an empty batch", `[]`, codeInvalidRequest},
		{"a number", `42`, codeInvalidRequest},
		{"null", `null`, codeInvalidRequest},
		{"a method that is none", `{"jsonrpc":"2.0","id":1,"method":1}`, codeInvalidRequest},
		{"as long as may be", `{"jsonrpc":"2.0","id":1,"method":"ping","x":"` + long + `"}`, 0},
		{"too long", `{"jsonrpc":"2.0","id":1,"method":"ping","x":"` + long + `xxx"}`, codeInvalidRequest},
		{"much too long", strings.Repeat("[", 5*maxMessage), codeInvalidRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, s.URL)
			h.send("")
			h.send("%s", c.line)
			if c.code == 0 {
				h.wants(resultOf("1"))
			} else {
				h.sentence("null", c.code)
			}
			h.send("%s\r", ask(2)) // and it goes on
			h.wants(resultOf("2"))
			io.WriteString(h.stdin, ask(3)) // no end of the last line
			h.stdin.Close()
			h.wants(resultOf("3"))
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRequestsRunSideBySide, as many as may, and each line comes out whole.
func TestRequestsRunSideBySide(t *testing.T) {
	const n = 5 * maxConcurrent
	var mu sync.Mutex
	now, most := 0, 0
	full := make(chan struct{})
	long := strings.Repeat("a", 100_000)
	s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
		mu.Lock()
		now++
		most = max(most, now)
		if now == maxConcurrent && most == maxConcurrent {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		await(t, full, "not as many at once as may be")
		mu.Lock()
		now--
		mu.Unlock()
		sendJSON(w, 200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"x":"`+long+`"}}`)
	})
	h := start(t, s.URL)
	var want, got []string
	for i := range n {
		h.send("%s", ask(i))
		want = append(want, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"x":"%s"}}`, i, long))
	}
	for range n {
		got = append(got, h.next())
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Error("the lines are others")
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
	if most != maxConcurrent {
		t.Errorf("%d requests at once", most)
	}
}

// TestOrder: what comes after an initialize or a notification finds that the
// server knows it.
func TestOrder(t *testing.T) {
	for _, first := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize"}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
	} {
		var mu sync.Mutex
		var order []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		arrived, release := make(chan struct{}), make(chan struct{})
		s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
			if m.Method != "ping" {
				close(arrived)
				await(t, release, "the test did not go on")
			}
			result(w, r, m)
			note(m.Method)
		})
		h := start(t, s.URL)
		h.send("%s", first)
		await(t, arrived, "no request came")
		for i := range 3 {
			h.send("%s", ask(10+i))
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
			t.Errorf("%v", order)
		}
	}
}

func TestANotificationGetsNoAnswer(t *testing.T) {
	for _, c := range []struct {
		name, message string
		status        int
		body          string
	}{
		{"accepted", `"method":"notifications/initialized"`, 202, ""},
		{"answered all the same", `"method":"notifications/initialized"`, 200, `{"jsonrpc":"2.0","id":null,"result":{}}`},
		{"refused", `"method":"notifications/initialized"`, 401, `{"detail":"Invalid API key"}`},
		{
			"refused as JSON-RPC", `"method":"notifications/initialized"`, 400,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}`,
		},
		{"no id", `"id":null,"method":"ping"`, 500, ``},
		{"an answer of the host", `"id":1,"result":{}`, 202, ""},
		{"an answer of the host, refused", `"id":1,"error":{"code":1,"message":""}`, 503, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) { sendJSON(w, c.status, c.body) })
			h := start(t, s.URL)
			h.send(`{"jsonrpc":"2.0",%s}`, c.message)
			if err := h.end(); err != nil {
				t.Error(err)
			}
			if wrong := c.status >= 300; (h.log.String() != "") != wrong {
				t.Errorf("the log has %q", h.log.String())
			}
		})
	}
}

func TestACancelledRequestGetsNoAnswer(t *testing.T) {
	for _, id := range []string{`7`, `"seven"`} {
		arrived, gone := make(chan struct{}), make(chan struct{})
		var others sync.Map
		s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
			if string(m.ID) != id {
				others.Store(m.Method, true)
				result(w, r, m)
				return
			}
			close(arrived)
			await(t, r.Context().Done(), "the request goes on")
			close(gone)
		})
		h := start(t, s.URL)
		h.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call"}`, id)
		await(t, arrived, "no request came")
		h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"nobody"}}`)
		h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled"}`)
		h.send("%s", ask(8))
		h.wants(resultOf("8"))
		select {
		case <-gone:
			t.Error("another's cancellation ended it")
		default:
		}
		h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`, id)
		await(t, gone, "the request goes on")
		h.send("%s", ask(9))
		h.wants(resultOf("9"))
		if err := h.end(); err != nil {
			t.Error(err)
		}
		if _, ok := others.Load("notifications/cancelled"); !ok {
			t.Error("the server was not told")
		}
		if h.log.String() != "" {
			t.Errorf("the log has %s", h.log.String())
		}
	}
}

// TestARequestThatWaitsCanBeCancelled, and is never sent.
func TestARequestThatWaitsCanBeCancelled(t *testing.T) {
	arrived, release := make(chan struct{}, maxConcurrent), make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
		if m.Method == "tools/call" {
			t.Error("the cancelled request was sent")
		}
		if m.Method == "ping" {
			arrived <- struct{}{}
			await(t, release, "the test did not go on")
		}
		result(w, r, m)
	})
	h := start(t, s.URL)
	for i := range maxConcurrent {
		h.send("%s", ask(i))
	}
	for range maxConcurrent {
		await(t, arrived, "no request came")
	}
	h.send(`{"jsonrpc":"2.0","id":"late","method":"tools/call"}`)
	h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"late"}}`)
	h.settle()
	close(release)
	for range maxConcurrent {
		h.next()
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
}

func TestTheEndOfStdin(t *testing.T) {
	t.Run("what is under way may finish", func(t *testing.T) {
		arrived, release := make(chan struct{}), make(chan struct{})
		s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
			close(arrived)
			await(t, release, "the test did not go on")
			result(w, r, m)
		})
		h := start(t, s.URL)
		h.send("%s", ask(1))
		await(t, arrived, "no request came")
		h.stdin.Close()
		close(release)
		h.wants(resultOf("1"))
		if err := h.end(); err != nil {
			t.Error(err)
		}
	})
	t.Run("but not for ever", func(t *testing.T) {
		arrived := make(chan struct{})
		s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
			close(arrived)
			await(t, r.Context().Done(), "the request goes on")
		})
		h := unstarted(t, s.URL)
		h.bridge.drainTime = time.Millisecond
		h.run()
		h.send("%s", ask(1))
		await(t, arrived, "no request came")
		if err := h.end(); err != nil {
			t.Error(err)
		}
	})
	t.Run("nothing was sent", func(t *testing.T) {
		if err := start(t, "http://127.0.0.1:1").end(); err != nil {
			t.Error(err)
		}
	})
	t.Run("it breaks", func(t *testing.T) {
		h := start(t, "http://127.0.0.1:1")
		broken := errors.New("broken")
		h.stdin.CloseWithError(broken)
		if err := h.wait(); !errors.Is(err, broken) {
			t.Error(err)
		}
	})
}

func TestASignalEndsItAtOnce(t *testing.T) {
	arrived := make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request, m seen) {
		close(arrived)
		await(t, r.Context().Done(), "the request goes on")
	})
	h := start(t, s.URL)
	h.send("%s", ask(1))
	await(t, arrived, "no request came")
	h.cancel() // stdin stays open
	if err := h.wait(); err != nil {
		t.Error(err)
	}
	if line := h.next(); line != "" {
		t.Errorf("stdout has %s", line)
	}
}

func TestAHostThatClosesStdout(t *testing.T) {
	s := server(t, result)
	h := start(t, s.URL)
	h.stdout.CloseWithError(errors.New("closed by the host"))
	h.send("%s", ask(1)) // stdin stays open
	if err := h.wait(); err == nil || !strings.Contains(err.Error(), "stdout: closed by the host") {
		t.Errorf("Run returned %v", err)
	}
}

// TestABridgeOutlivesItsServersConnections: a server that is started again has
// closed what was kept open.
func TestABridgeOutlivesItsServersConnections(t *testing.T) {
	s := server(t, result)
	h := start(t, s.URL)
	for i := range 50 {
		h.send("%s", ask(i))
		h.wants(resultOf(fmt.Sprint(i)))
		s.CloseClientConnections()
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
}
