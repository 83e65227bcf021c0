package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// mcp is the path of the MCP server.
const mcp = "/mcp"

// Revisions of the protocol. Clients of the newest one name it in the headers and in
// _meta of every request, and have no handshake. Clients of earlier ones differ, in
// these tests, only in the header.
const (
	unnamed = "" // from before the header existed
	older   = "2025-06-18"
	newest  = "2026-07-28"
)

// rpc is a JSON-RPC message. Without an id it is a notification.
type rpc struct {
	revision string
	id       any
	method   string
	params   map[string]any
}

func tool(revision, name string, arguments any) rpc {
	return rpc{revision, 1, "tools/call", map[string]any{"name": name, "arguments": arguments}}
}

func resource(revision, id string) rpc {
	return rpc{revision, 1, "resources/read", map[string]any{"uri": "memo://transcriptions/" + id}}
}

func prompt(revision, name string) rpc {
	return rpc{revision, 1, "prompts/get", map[string]any{"name": name}}
}

// plain is a call without parameters.
func plain(revision, method string) rpc { return rpc{revision, 1, method, nil} }

// body returns the JSON of the message.
func (m rpc) body() map[string]any {
	params := map[string]any{}
	for name, value := range m.params {
		params[name] = value
	}
	if m.revision == newest {
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    newest,
			"io.modelcontextprotocol/clientInfo":         map[string]string{"name": "e2e", "version": "1"},
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		}
	}
	b := map[string]any{"jsonrpc": "2.0", "method": m.method, "params": params}
	if m.id != nil {
		b["id"] = m.id
	}
	return b
}

// headers returns the "Name: value" header lines of the message.
func (m rpc) headers() (lines []string) {
	if m.revision == unnamed {
		return nil
	}
	lines = append(lines, "MCP-Protocol-Version: "+m.revision)
	if m.revision == newest {
		lines = append(lines, "Mcp-Method: "+m.method)
		for _, name := range []string{"name", "uri"} {
			if value, ok := m.params[name].(string); ok {
				lines = append(lines, "Mcp-Name: "+value)
			}
		}
	}
	return lines
}

// send sends a message as an MCP host does.
func (c *apiClient) send(m rpc, headers ...string) (response, error) {
	return c.call("POST", mcp, m.body(), append(m.headers(), headers...)...)
}

// mustSend is like send, but fails the test if the status is not want. Only the
// goroutine of the test may call it.
func (c *apiClient) mustSend(t testing.TB, want int, m rpc, headers ...string) response {
	t.Helper()
	return c.must(t, want, "POST", mcp, m.body(), append(m.headers(), headers...)...)
}

// reply is a JSON-RPC response.
type reply struct {
	JSONRPC string
	ID      json.RawMessage
	Result  *struct {
		Content []struct{ Type, Text string }
		IsError bool
	}
	Error *struct {
		Code    int
		Message string
	}
}

func (a response) reply() (r reply, err error) {
	if err := json.Unmarshal(a.body, &r); err != nil {
		return r, err
	}
	if r.JSONRPC != "2.0" || (r.Result == nil) == (r.Error == nil) {
		return r, fmt.Errorf("not a JSON-RPC response: %.300s", a.body)
	}
	return r, nil
}

// text calls a tool that returns a single text block, and returns its text.
func (c *apiClient) text(t testing.TB, m rpc) string {
	t.Helper()
	r, err := c.mustSend(t, http.StatusOK, m).reply()
	if err != nil {
		t.Fatal(err)
	}
	if r.Error != nil || r.Result.IsError || len(r.Result.Content) != 1 || r.Result.Content[0].Type != "text" {
		t.Fatalf("%v: not a single text block: %+v", m.params, r)
	}
	return r.Result.Content[0].Text
}

// unknown is an id that no transcription has.
const unknown = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
