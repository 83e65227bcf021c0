package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/testworld"
)

// BenchmarkCall measures what one tools/call allocates, without the network:
//
//	go test ./internal/mcp -run '^$' -bench Call -benchmem
//
// "empty" is a tool of the SDK that does nothing, so it shows the SDK's part of the others.
// ./bench measures the CPU time of a request over a socket.
func BenchmarkCall(b *testing.B) {
	w := newWorld(b, testworld.Config{Store: storeIn(b)})
	for i := range 20 {
		w.Import(w.Acme, fmt.Sprint(i, ".json"), strings.ReplaceAll(testworld.Sources[1], "Größe", fmt.Sprint(i)))
	}
	long := w.Import(w.Acme, "long.txt", strings.Repeat("Ann: A line that somebody says in a long meeting.\n", 600))
	empty := sdk.NewServer(&sdk.Implementation{Name: "empty", Version: "1"}, nil)
	empty.AddTool(&sdk.Tool{Name: "empty", InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return &sdk.CallToolResult{}, nil
		})
	sdkOnly := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return empty },
		&sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	for _, bench := range []struct {
		name    string
		handler http.Handler
		body    string
	}{
		{"empty", sdkOnly, toolCall("empty", "{}")},
		{"list", w.server, toolCall(listTool, `{"limit":20}`)},
		{"get", w.server, toolCall(getTool, `{"id":"`+long+`"}`)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", mcp.Path, strings.NewReader(bench.body))
				r.Header.Set("Authorization", "Bearer "+w.OlgaKey.Key)
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "application/json, text/event-stream")
				rec := httptest.NewRecorder()
				if bench.handler.ServeHTTP(rec, r); rec.Code != 200 {
					b.Fatal(rec.Body)
				}
			}
		})
	}
}
