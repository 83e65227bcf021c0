package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

// benchWorld is a world with pages of 20 transcriptions and one of 30 kB, whose id it returns.
func benchWorld(t testing.TB, cfg store.Config) (w *world, long string) {
	w = newWorld(t, testworld.Config{Store: cfg})
	for i := range 20 {
		w.Import(w.Acme, fmt.Sprint(i, ".json"), strings.ReplaceAll(testworld.Sources[1], "Größe", fmt.Sprint(i)))
	}
	return w, w.Import(w.Acme, "long.txt", strings.Repeat("Ann: A line that somebody says in a long meeting.\n", 600))
}

// serve returns a function that sends a message to a handler, without the network.
func (w *world) serve(t testing.TB, handler http.Handler, message string) func() {
	return func() {
		r := httptest.NewRequest("POST", mcp.Path, strings.NewReader(message))
		r.Header.Set("Authorization", "Bearer "+w.OlgaKey.Key)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		if strings.Contains(message, revisions[0]) {
			r.Header.Set("MCP-Protocol-Version", revisions[0])
			r.Header.Set("Mcp-Method", "tools/call")
			r.Header.Set("Mcp-Name", listTool)
		}
		rec := httptest.NewRecorder()
		if handler.ServeHTTP(rec, r); rec.Code != 200 {
			t.Fatal(rec.Body)
		}
	}
}

// BenchmarkCall measures what one tools/call allocates, without the network:
//
//	go test ./internal/mcp -run '^$' -bench Call -benchmem
//
// "empty" is a tool of the SDK that does nothing. ./bench measures the CPU time of a request over a socket.
func BenchmarkCall(b *testing.B) {
	w, long := benchWorld(b, storeIn(b))
	empty := sdk.NewServer(&sdk.Implementation{Name: "empty", Version: "1"}, nil)
	empty.AddTool(&sdk.Tool{Name: "empty", InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return &sdk.CallToolResult{}, nil
		})
	sdkOnly := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return empty },
		&sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	newest := request("tools/call", `{"name":"`+listTool+`","arguments":{"limit":20},`+newestMeta+`}`)
	for _, bench := range []struct {
		name    string
		handler http.Handler
		message string
	}{
		{"empty", sdkOnly, toolCall("empty", "{}")},
		{"list", w.server, toolCall(listTool, `{"limit":20}`)},
		{"list, newest revision", w.server, newest},
		{"get", w.server, toolCall(getTool, `{"id":"`+long+`"}`)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			call := w.serve(b, bench.handler, bench.message)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}

// TestCallAllocates: what a call allocates besides its use case is bounded. It includes the authorisation, the
// request and the recorder of the test.
func TestCallAllocates(t *testing.T) {
	if testenv.Race {
		t.Skip("the race detector allocates")
	}
	testworld.Databases(t, func(t *testing.T, cfg store.Config) {
		w, long := benchWorld(t, cfg)
		caller := memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}
		for _, c := range []struct {
			name, message string
			useCase       func() error
			objects, kB   float64
		}{
			{"list", toolCall(listTool, `{"limit":20}`), func() error {
				_, err := w.App.Transcriptions(t.Context(), caller, app.ListQuery{
					Status: memo.StatusCompleted, Sort: "-created_at", Limit: 20, ReportNames: true,
				})
				return err
			}, 400, 80},
			{"get", toolCall(getTool, `{"id":"`+long+`"}`), func() error {
				_, err := w.App.Text(t.Context(), caller, long)
				return err
			}, 230, 56},
		} {
			t.Run(c.name, func(t *testing.T) {
				objects, bytes := allocated(w.serve(t, w.server, c.message))
				use, useBytes := allocated(func() { w.Must(c.useCase()) })
				objects, kB := objects-use, (bytes-useBytes)/1e3
				t.Logf("%.0f objects, %.1f kB", objects, kB)
				if objects > c.objects || kB > c.kB {
					t.Errorf("want at most %.0f objects, %.1f kB", c.objects, c.kB)
				}
			})
		}
	})
}

// allocated returns how many objects and bytes a call of f allocates: the median of some rounds, because the
// server does other work at times.
func allocated(f func()) (objects, bytes float64) {
	f() // caches
	var counts, sizes []float64
	for range 9 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 10 {
			f()
		}
		runtime.ReadMemStats(&after)
		counts = append(counts, float64(after.Mallocs-before.Mallocs)/10)
		sizes = append(sizes, float64(after.TotalAlloc-before.TotalAlloc)/10)
	}
	slices.Sort(counts)
	slices.Sort(sizes)
	return counts[len(counts)/2], sizes[len(sizes)/2]
}
