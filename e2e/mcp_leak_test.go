package e2e

import (
	"bytes"
	"maps"
	"net/http"
)

// misplaceInMCP puts the active key into every part of a message and its headers. No
// response may contain it, except those that repeat an id, as JSON-RPC requires. What
// the server stores is searched later.
func (s *leakTest) misplaceInMCP() {
	k := s.key
	c := s.server.client(k)
	with := func(revision, method string, params map[string]any) rpc { return rpc{revision, 1, method, params} }
	for _, revision := range []string{unnamed, older, newest} {
		for name, m := range map[string]rpc{
			"a method":                   with(revision, k, nil),
			"a method after a valid one": with(revision, "tools/call/"+k, nil),
			"a notification":             {revision, nil, "notifications/" + k, nil},
			"the reason of a cancellation": {
				revision, nil, "notifications/cancelled",
				map[string]any{"requestId": k, "reason": k},
			},
			"a tool":                  tool(revision, k, map[string]any{}),
			"a tool like ours":        tool(revision, "memo_"+k, map[string]any{}),
			"the name of an argument": tool(revision, "memo_list_projects", map[string]any{k: 1}),
			"a cursor":                tool(revision, "memo_list_projects", map[string]any{"cursor": k}),
			"a cursor of the list": tool(revision, "memo_list_transcriptions",
				map[string]any{"cursor": k, "q": k, "external_id": k, "language": k}),
			"a status, a sort and a date": tool(revision, "memo_list_transcriptions",
				map[string]any{"status": k, "sort": k, "date_from": k}),
			"a search": tool(revision, "memo_search_transcriptions", map[string]any{"query": k}),
			"a project": tool(revision, "memo_search_transcriptions",
				map[string]any{"query": "x", "project_id": k}),
			"an id":    tool(revision, "memo_get_transcription", map[string]any{"id": k, "offset": k}),
			"a report": tool(revision, "memo_get_report", map[string]any{"id": unknown, "report": k}),
			"a format": tool(revision, "memo_export_transcription",
				map[string]any{"id": unknown, "format": k}),
			"ids": tool(revision, "memo_bulk_export",
				map[string]any{"ids": []string{k}, "format": k}),
			"arguments that are a text":            tool(revision, "memo_list_projects", k),
			"arguments that are a list":            tool(revision, "memo_list_projects", []string{k}),
			"a tool that is an object":             with(revision, "tools/call", map[string]any{"name": map[string]any{k: k}}),
			"arguments of a tool that is a number": with(revision, "tools/call", map[string]any{"name": 7, "arguments": k}),
			"a prompt":                             prompt(revision, k),
			"an argument of a prompt": with(revision, "prompts/get",
				map[string]any{"name": "decisions", "arguments": map[string]any{"meeting": k}}),
			"an argument that is an object": with(revision, "prompts/get",
				map[string]any{"name": "decisions", "arguments": map[string]any{"meeting": []string{k}}}),
			"a resource":                with(revision, "resources/read", map[string]any{"uri": k}),
			"a resource like ours":      resource(revision, k),
			"a resource that is a list": with(revision, "resources/read", map[string]any{"uri": []string{k}}),
			"a cursor of tools":         with(revision, "tools/list", map[string]any{"cursor": []string{k}}),
			"a completion": with(revision, "completion/complete",
				map[string]any{"ref": map[string]any{"type": k, "name": k}, "argument": k}),
			"a log level": with(revision, "logging/setLevel", map[string]any{"level": k}),
			"a handshake": with(revision, "initialize",
				map[string]any{
					"protocolVersion": k, "capabilities": map[string]any{},
					"clientInfo": map[string]any{"name": k, "version": k},
				}),
			"a handshake of odd types": with(revision, "initialize",
				map[string]any{"protocolVersion": []string{k}, "capabilities": k, "clientInfo": k}),
		} {
			s.mustNotEcho(c, name+" "+revision, m.body(), m.headers()...)
		}
	}
	s.misplaceInEnvelopes(c)
	s.misplaceInHeaders(c)
	// JSON-RPC requires that these responses repeat the id, which is the key. It must
	// not be stored anywhere.
	for _, revision := range []string{older, newest} {
		if _, err := c.send(rpc{revision, k, "tools/list", nil}); err != nil {
			s.t.Error(err)
		}
	}
}

// misplaceInEnvelopes puts the key into the members of the JSON-RPC message itself.
func (s *leakTest) misplaceInEnvelopes(c *apiClient) {
	k := s.key
	for name, body := range map[string]any{
		"a version of JSON-RPC":      map[string]any{"jsonrpc": k, "id": 1, "method": "ping"},
		"an unknown member":          map[string]any{"jsonrpc": "2.0", "id": 1, "method": "ping", k: k},
		"a member given twice":       `{"jsonrpc":"2.0","` + k + `":1,"` + k + `":2}`,
		"a message cut short":        `{"jsonrpc":"2.0","method":"` + k,
		"a text":                     marshal(s.t, k),
		"a body that is not JSON":    k,
		"a batch":                    []any{k},
		"an id that is a list":       map[string]any{"jsonrpc": "2.0", "id": []string{k}, "method": "ping"},
		"a method that is a list":    map[string]any{"jsonrpc": "2.0", "id": 1, "method": []string{k}},
		"parameters that are a text": map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": k},
		"parameters that are a list": map[string]any{
			"jsonrpc": "2.0", "id": 1, "method": "prompts/get",
			"params": []string{k},
		},
		"a response": map[string]any{"jsonrpc": "2.0", "id": 1, "result": k},
		"an error":   map[string]any{"jsonrpc": "2.0", "id": 1, "error": k},
		"_meta that is a text": map[string]any{
			"jsonrpc": "2.0", "id": 1, "method": "tools/list",
			"params": map[string]any{"_meta": k},
		},
		"a progress token in _meta": map[string]any{
			"jsonrpc": "2.0", "id": 1, "method": "tools/list",
			"params": map[string]any{"_meta": map[string]any{"progressToken": k}},
		},
	} {
		s.mustNotEcho(c, name, body)
	}
	for _, name := range []string{"protocolVersion", "clientInfo", "clientCapabilities", "logLevel"} {
		for _, value := range []any{k, map[string]any{k: k}} {
			m := tool(newest, "memo_list_projects", map[string]any{})
			body := m.body()
			meta := maps.Clone(body["params"].(map[string]any)["_meta"].(map[string]any))
			meta["io.modelcontextprotocol/"+name] = value
			body["params"].(map[string]any)["_meta"] = meta
			s.mustNotEcho(c, name+" in _meta", body, m.headers()...)
		}
	}
	a := s.mustNotEcho(s.server.client(""), "an empty body", nil)
	if a.status != http.StatusUnauthorized {
		s.t.Errorf("a call without a key: %d", a.status)
	}
	s.call(s.server.client(""), "POST", "/register",
		map[string]any{"client_name": k, "redirect_uris": []string{"https://" + k}})
}

// misplaceInHeaders puts the key into the headers of MCP, other headers and the URL.
func (s *leakTest) misplaceInHeaders(c *apiClient) {
	k := s.key
	message := tool(newest, "memo_list_projects", map[string]any{})
	lines := message.headers()
	for _, name := range []string{"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"} {
		var headers []string
		for _, line := range lines {
			if !bytes.HasPrefix([]byte(line), []byte(name)) {
				headers = append(headers, line)
			}
		}
		for _, value := range []string{k, "=?base64?" + k + "?=", "1" + k} {
			s.mustNotEcho(c, name, message.body(), append(headers, name+": "+value)...)
			s.mustNotEcho(c, name+" twice", message.body(), append(lines, name+": "+value)...)
			s.mustNotEcho(c, name+" of an earlier revision", plain(unnamed, "ping").body(), name+": "+value)
		}
	}
	for _, header := range []string{
		"User-Agent: host " + k, "Mcp-Session-Id: " + k, "Last-Event-ID: " + k, "Mcp-Param-Id: " + k, "Origin: https://" + k,
		"Accept: " + k,
		"X-Api-Key: " + k, "Authorization: Bearer " + k, "Cookie: k=" + k, "Traceparent: " + k, "Content-Type: " + k,
		"Sec-Fetch-Site: " + k,
	} {
		s.mustNotEcho(c, "a header", message.body(), append(lines, header)...)
		s.mustNotEcho(s.server.client(""), "a header without a key", message.body(), append(lines, header)...)
	}
	for _, path := range []string{mcp + "?api_key=" + k, mcp + "?" + k, mcp + "/" + k, mcp + "?x=Bearer%20" + k} {
		for _, method := range []string{"POST", "GET", "DELETE"} {
			s.call(c, method, path, message.body(), lines...)
		}
	}
}

// mustNotEcho sends a message and fails the test if a secret is in the response.
func (s *leakTest) mustNotEcho(c *apiClient, name string, body any, headers ...string) response {
	s.t.Helper()
	a, err := c.call("POST", mcp, body, headers...)
	if err != nil {
		s.t.Errorf("%s: %v", name, err)
		return a
	}
	var b bytes.Buffer
	_ = a.header.Write(&b) // to memory
	b.Write(a.body)
	for _, secret := range s.secrets {
		if secret.in(b.Bytes()) {
			s.t.Errorf("%s, sent to MCP as %s, is in the response: %d %.160s", secret.name, name, a.status, a.body)
		}
	}
	if a.status >= 500 {
		s.t.Errorf("%s: %d %s", name, a.status, a.body)
	}
	return a
}
