package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// sdkCommand, as the first argument, makes this program a server of the MCP SDK with
// one tool that does nothing. It shows what the SDK alone costs.
const sdkCommand = "sdk-server"

func serveSDK(ctx context.Context) error {
	server := mcp.NewServer(&mcp.Implementation{Name: "empty", Version: "1"},
		&mcp.ServerOptions{Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}}})
	server.AddTool(&mcp.Tool{Name: "empty", InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: ""}}}, nil
		})
	return serveUntil(ctx, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true}))
}

// startSDK starts this program as the SDK server.
func startSDK(ctx context.Context, work string) (*serverProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startServer(ctx, work+"/sdk.log", nil, self, sdkCommand)
}

// tool calls a tool over MCP with each of the arguments in turn.
func (c apiClient) tool(name string, arguments ...string) func() []byte {
	requests := make([]string, len(arguments))
	for i, a := range arguments {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, a)
		requests[i] = fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
			"User-Agent: memo-bench\r\nAccept: application/json, text/event-stream\r\n"+
			"MCP-Protocol-Version: 2025-11-25\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			c.host, c.key, len(body), body)
	}
	turn := inTurn(requests)
	return func() []byte { return []byte(turn()) }
}

// formatEach formats each of the values.
func formatEach(format string, values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf(format, v)
	}
	return out
}
