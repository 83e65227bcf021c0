package mcp_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// world is a [testworld.World] whose server is the MCP server.
type world struct {
	*testworld.World
	server *mcp.Server
}

const restPrefix = "/api/v1/developer"

// The names that hosts know.
const (
	listTool       = "memo_list_transcriptions"
	searchTool     = "memo_search_transcriptions"
	getTool        = "memo_get_transcription"
	reportTool     = "memo_get_report"
	exportTool     = "memo_export_transcription"
	bulkTool       = "memo_bulk_export"
	projectsTool   = "memo_list_projects"
	resourcePrefix = "memo://transcriptions/"
)

// in returns the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	inner := *w.World
	inner.T = t
	return &world{World: &inner, server: w.server}
}

// onBoth runs a test against a new server on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	testworld.Databases(t, func(t *testing.T, cfg store.Config) { f(t, newWorld(t, testworld.Config{Store: cfg})) })
}

func newWorld(t testing.TB, cfg testworld.Config) *world {
	t.Helper()
	return newWorldAt(t, cfg, "")
}

// newWorldAt returns a new world whose server has a public URL.
func newWorldAt(t testing.TB, cfg testworld.Config, publicURL string) *world {
	t.Helper()
	w := new(world)
	cfg.Handler = func(a *app.App, g *admission.Control, log *slog.Logger) http.Handler {
		w.server = mcp.New(mcp.Config{
			App: a, Admission: g, Log: log, RESTPrefix: restPrefix, Version: "test", PublicURL: publicURL,
			Now: func() time.Time { return time.Date(2026, 5, 20, 23, 0, 0, 0, time.FixedZone("", -2*3600)) },
		})
		return w.server
	}
	w.World = testworld.New(t, cfg)
	return w
}

// post sends a message with a key. Each set function can change the request before it is sent.
func (w *world) post(key, message string, set ...func(*http.Request)) testworld.Response {
	w.T.Helper()
	return w.Request(http.DefaultClient, "POST", mcp.Path, message,
		append([]func(*http.Request){testworld.WithKey(key)}, set...)...)
}

// result is the result of a tools/call.
type result struct {
	Content    []struct{ Type, Text string }
	IsError    bool
	Structured json.RawMessage `json:"structuredContent"` // nil if absent
}

// request returns a JSON-RPC request.
func request(method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
}

func toolCall(tool, arguments string) string {
	return request("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments))
}

// rpc sends a request with Olga's key and decodes its result.
func (w *world) rpc(method, params string, into any) {
	w.T.Helper()
	a := w.post(w.OlgaKey.Key, request(method, params)).Want(200)
	var out struct {
		JSONRPC string
		ID      int
		Result  json.RawMessage
		Error   any
	}
	if a.Decode(&out); out.Error != nil || out.ID != 1 || out.JSONRPC != "2.0" {
		w.T.Fatalf("%s %s: %s", method, params, a.Body)
	}
	if err := json.Unmarshal(out.Result, into); err != nil {
		w.T.Fatalf("%s: %v\n%s", method, err, out.Result)
	}
}

// call calls a tool with Olga's key.
func (w *world) call(tool, arguments string) (r result) {
	w.T.Helper()
	w.rpc("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments), &r)
	return r
}

// mustSucceed calls a tool and decodes its structured result into into, unless that is nil.
func (w *world) mustSucceed(tool, arguments string, into any) result {
	w.T.Helper()
	r := w.call(tool, arguments)
	if r.IsError || len(r.Content) != 1 || r.Content[0].Type != "text" || r.Content[0].Text == "" {
		w.T.Fatalf("%s %s: %+v", tool, arguments, r)
	}
	if into != nil {
		if !strings.HasPrefix(string(r.Structured), "{") {
			w.T.Fatalf("%s: structuredContent is not an object: %s", tool, r.Structured)
		}
		if err := json.Unmarshal(r.Structured, into); err != nil {
			w.T.Fatal(err)
		}
	}
	return r
}

// mustFail calls a tool and returns the text of its error, which must contain each of parts and
// name a tool to call.
func (w *world) mustFail(tool, arguments string, parts ...string) string {
	w.T.Helper()
	r := w.call(tool, arguments)
	if !r.IsError || len(r.Content) != 1 || r.Structured != nil {
		w.T.Fatalf("%s %s did not fail: %+v", tool, arguments, r)
	}
	text := r.Content[0].Text
	for _, s := range append(parts, "all memo_") { // "Call memo_…" or "call memo_…"
		if !strings.Contains(text, s) {
			w.T.Errorf("%s %s: %q does not contain %q", tool, arguments, text, s)
		}
	}
	return text
}

func storeIn(t testing.TB) store.Config { return store.Config{Dir: t.TempDir()} }
