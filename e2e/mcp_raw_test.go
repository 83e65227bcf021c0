package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// These tests send raw requests to MCP, with unusual origins, hosts, paths and bodies.
// Each has one correct status, and every refusal is JSON, of REST or of JSON-RPC.

// pingMessage is a message that is answered with {}.
const pingMessage = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

// postRequest is a POST with a valid key; head has more header lines.
func postRequest(path, head, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: HERE\r\n" + bearer + "Content-Type: application/json\r\n" + head +
		"Content-Length: LENGTH\r\n" + endOfHead + body
}

// pingWithHeaders is a ping with these header lines.
func pingWithHeaders(head string) string { return postRequest(mcp, head, pingMessage) }

// pingToHost is a ping with this Host header.
func pingToHost(host string) string { return strings.Replace(pingWithHeaders(""), "HERE", host, 1) }

// pingWithMethod is a request with another HTTP method.
func pingWithMethod(method string) string {
	return strings.Replace(postRequest(mcp, "", ""), "POST", method, 1)
}

// pingWithType is a ping with this Content-Type line, or without one if it is empty.
func pingWithType(line string) string {
	return strings.Replace(pingWithHeaders(""), "Content-Type: application/json\r\n", line, 1)
}

// postMessage is a POST of a message with the header of an older revision.
func postMessage(body string) string {
	return postRequest(mcp, "MCP-Protocol-Version: "+older+"\r\n", body)
}

// callWithHeaders is a tool call in the newest revision, with these header lines and
// this version in _meta.
func callWithHeaders(version, head string) string {
	return postRequest(mcp, head,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memo_list_projects","arguments":{},`+
			metaMember(version)+`}}`)
}

// metaMember is the _meta member of the parameters, with this version.
func metaMember(version string) string {
	return `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + version + `",` +
		`"io.modelcontextprotocol/clientInfo":{"name":"e","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":{}}`
}

const (
	versionLine = "MCP-Protocol-Version: " + newest + "\r\n"
	methodLine  = "Mcp-Method: tools/call\r\n"
	nameLine    = "Mcp-Name: memo_list_projects\r\n"
)

var originCases = []rawCase{
	{name: "none", raw: pingWithHeaders(""), want: 200},
	{name: "own", raw: pingWithHeaders("Origin: http://HERE\r\n"), want: 200},
	// The server does not know the scheme if a proxy terminates TLS.
	{name: "own, with https", raw: pingWithHeaders("Origin: https://HERE\r\n"), want: 200},
	{name: "foreign", raw: pingWithHeaders("Origin: https://evil.example\r\n"), want: 403},
	{name: "null", raw: pingWithHeaders("Origin: null\r\n"), want: 403},
	{name: "file", raw: pingWithHeaders("Origin: file://\r\n"), want: 403},
	{name: "an extension", raw: pingWithHeaders("Origin: chrome-extension://HERE.evil\r\n"), want: 403},
	{name: "starts with localhost", raw: pingWithHeaders("Origin: http://localhost.evil.example\r\n"), want: 403},
	{name: "starts with own host", raw: pingWithHeaders("Origin: http://HERE.evil.example\r\n"), want: 403},
	{name: "ends with own host", raw: pingWithHeaders("Origin: http://evil.example/HERE\r\n"), want: 403},
	{name: "own host as user", raw: pingWithHeaders("Origin: http://HERE@evil.example\r\n"), want: 403},
	{name: "own host as fragment", raw: pingWithHeaders("Origin: http://evil.example#HERE\r\n"), want: 403},
	{name: "other port", raw: pingWithHeaders("Origin: http://127.0.0.1:1\r\n"), want: 403},
	{name: "no port", raw: pingWithHeaders("Origin: http://127.0.0.1\r\n"), want: 403},
	{name: "localhost with another port", raw: pingWithHeaders("Origin: http://localhost:1\r\n"), want: 403},
	{name: "two, own last", raw: pingWithHeaders("Origin: https://evil.example\r\nOrigin: http://HERE\r\n"), want: 403},
	{name: "two, own first", raw: pingWithHeaders("Origin: http://HERE\r\nOrigin: https://evil.example\r\n"), want: 403},
	{name: "two in one header", raw: pingWithHeaders("Origin: http://HERE, https://evil.example\r\n"), want: 403},
	{name: "from another site", raw: pingWithHeaders("Sec-Fetch-Site: cross-site\r\n"), want: 403},
	{name: "from the same site", raw: pingWithHeaders("Sec-Fetch-Site: same-site\r\n"), want: 403},
	{
		name: "foreign, with Sec-Fetch-Site: same-origin",
		raw:  pingWithHeaders("Origin: https://evil.example\r\nSec-Fetch-Site: same-origin\r\n"), want: 403,
	},
	{name: "foreign, without a key", raw: strings.Replace(pingWithHeaders("Origin: https://evil.example\r\n"), bearer, "",
		1), want: 403},
}

var hostCases = []rawCase{
	{name: "foreign", raw: pingToHost("evil.example"), want: 403},
	{name: "foreign, with its origin", raw: strings.Replace(pingToHost("evil.example"), bearer,
		bearer+"Origin: http://evil.example\r\n", 1), want: 403},
	{name: "starts with localhost", raw: pingToHost("localhost.evil.example"), want: 403},
	{name: "starts with an address", raw: pingToHost("127.0.0.1.evil.example"), want: 403},
	{name: "any address", raw: pingToHost("0.0.0.0"), want: 403},
	{name: "an address as one number", raw: pingToHost("2130706433"), want: 403},
	{name: "empty", raw: pingToHost(""), want: 403},
	{name: "foreign in an absolute form", raw: strings.Replace(pingWithHeaders(""), " /mcp", " http://evil.example/mcp",
		1), want: 403},
	{
		name: "own in an absolute form", raw: strings.Replace(pingWithHeaders(""), " /mcp", " http://HERE/mcp", 1),
		want: 200,
	},
	{name: "localhost", raw: pingToHost("localhost"), want: 200},
	{name: "localhost, with a port", raw: pingToHost("localhost:1"), want: 200},
	{name: "LocalHost", raw: pingToHost("LocalHost"), want: 200},
	{name: "other address of this machine", raw: pingToHost("127.0.0.2"), want: 200},
	{name: "IPv6", raw: pingToHost("[::1]:8080"), want: 200},
	{name: "with a user", raw: pingToHost("u@127.0.0.1"), bare: true},
}

var requestCases = []rawCase{
	{name: "GET", raw: pingWithMethod("GET"), want: 405},
	{name: "DELETE", raw: pingWithMethod("DELETE"), want: 405},
	{name: "PUT", raw: pingWithMethod("PUT"), want: 405},
	{name: "PATCH", raw: pingWithMethod("PATCH"), want: 405},
	{name: "OPTIONS", raw: pingWithMethod("OPTIONS"), want: 405},
	{name: "HEAD", raw: pingWithMethod("HEAD"), want: 405},
	{name: "lower case", raw: pingWithMethod("post"), want: 405},
	// A host that sends a GET first learns that it needs a key.
	{name: "GET without a key", raw: strings.Replace(pingWithMethod("GET"), bearer, "", 1), want: 401},
	{name: "slash at the end", raw: postRequest(mcp+"/", "", pingMessage), want: 200},
	{name: "two slashes at the start", raw: postRequest("/"+mcp, "", pingMessage), want: 404},
	{name: "longer path", raw: postRequest(mcp+"/sse", "", pingMessage), want: 404},
	{name: "encoded slash at the end", raw: postRequest(mcp+"%2F", "", pingMessage), want: 200},
	{name: "upper case path", raw: postRequest("/MCP", "", pingMessage), want: 404},
	{name: "dots", raw: postRequest("/x/.."+mcp, "", pingMessage), want: 404},
	{name: "query", raw: postRequest(mcp+"?x=1", "", pingMessage), want: 200},
	{name: "key in the query", raw: postRequest(mcp+"?k=KEY", "", pingMessage), want: 401},
	{name: "no key", raw: strings.Replace(pingWithHeaders(""), bearer, "", 1), want: 401},
	{name: "two keys", raw: pingWithHeaders(bearer), want: 401},
	{name: "another deployment's key", raw: strings.Replace(pingWithHeaders(""), "KEY", "OTHER", 1), want: 401},
	{
		name: "a session", raw: strings.Replace(pingWithHeaders(""), bearer, "Cookie: memo_session=COOKIE\r\n", 1),
		want: 401,
	},
	{name: "no content type", raw: pingWithType(""), want: 415},
	{name: "text", raw: pingWithType("Content-Type: text/plain\r\n"), want: 415},
	{name: "a form", raw: pingWithType("Content-Type: application/x-www-form-urlencoded\r\n"), want: 415},
	{name: "like JSON", raw: pingWithType("Content-Type: application/json-rpc\r\n"), want: 415},
	{name: "two types in one", raw: pingWithType("Content-Type: application/json, text/plain\r\n"), want: 415},
	{
		name: "JSON in capitals, with a charset", raw: pingWithType("Content-Type: Application/JSON; charset=utf-8\r\n"),
		want: 200,
	},
	{name: "Accept: text/html", raw: pingWithHeaders("Accept: text/html\r\n"), want: 200},
	{name: "a session of MCP", raw: pingWithHeaders("Mcp-Session-Id: 7\r\n"), want: 200},
	{name: "bad chunks", raw: strings.Replace(postRequest(mcp, "Transfer-Encoding: chunked\r\n", "zz\r\n"),
		"Content-Length: LENGTH\r\n", "", 1), want: 400},
	{name: "cut short", raw: strings.Replace(pingWithHeaders(""), "LENGTH", "100", 1), want: 400, cut: true},
	{name: "300 kB", raw: postRequest(mcp, "", `"`+strings.Repeat("x", 300<<10)+`"`), want: 413},
}

var messageCases = []rawCase{
	{name: "id 0", raw: postMessage(`{"jsonrpc":"2.0","id":0,"method":"ping"}`), want: 200},
	{name: "id of text", raw: postMessage(`{"jsonrpc":"2.0","id":"\u0000\"é","method":"ping"}`), want: 200},
	{name: "empty id", raw: postMessage(`{"jsonrpc":"2.0","id":"","method":"ping"}`), want: 200},
	{name: "largest id", raw: postMessage(`{"jsonrpc":"2.0","id":9007199254740991,"method":"ping"}`), want: 200},
	{name: "id of 100 kB", raw: postMessage(`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 100<<10) +
		`","method":"ping"}`), want: 200},
	{name: "id null", raw: postMessage(`{"jsonrpc":"2.0","id":null,"method":"ping"}`), want: 400},
	{name: "id 1.5", raw: postMessage(`{"jsonrpc":"2.0","id":1.5,"method":"ping"}`), want: 400},
	{name: "id 2^53", raw: postMessage(`{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}`), want: 400},
	{name: "id of 1,000 digits", raw: postMessage(`{"jsonrpc":"2.0","id":` + strings.Repeat("9", 1000) +
		`,"method":"ping"}`), want: 400},
	{name: "id 1e999", raw: postMessage(`{"jsonrpc":"2.0","id":1e999,"method":"ping"}`), want: 400},
	{name: "id true", raw: postMessage(`{"jsonrpc":"2.0","id":true,"method":"ping"}`), want: 400},
	{name: "id object", raw: postMessage(`{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}`), want: 400},
	{name: "id array", raw: postMessage(`{"jsonrpc":"2.0","id":[1],"method":"ping"}`), want: 400},
	{name: "id of half a surrogate", raw: postMessage(`{"jsonrpc":"2.0","id":"\ud800","method":"ping"}`), want: 400},
	{name: "no id", raw: postMessage(`{"jsonrpc":"2.0","method":"ping"}`), want: 400},
	{name: "id twice", raw: postMessage(`{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`), want: 400},
	{name: "method twice", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`), want: 400},
	{
		name: "argument twice",
		raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call",` +
			`"params":{"name":"memo_list_projects","arguments":{"limit":1,"limit":2}}}`),
		want: 400,
	},
	{
		name: "Method, which is ignored",
		raw:  postMessage(`{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}`), want: 200,
	},
	{name: "method null", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":null}`), want: 400},
	{name: "method of a number", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":7}`), want: 400},
	{name: "method with NUL", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"ping\u0000"}`), want: 200, fail: true},
	{name: "unknown method", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/destroy"}`), want: 200, fail: true},
	{name: "JSON-RPC 1.0", raw: postMessage(`{"jsonrpc":"1.0","id":1,"method":"ping"}`), want: 400},
	{name: "no JSON-RPC", raw: postMessage(`{"id":1,"method":"ping"}`), want: 400},
	{name: "empty", raw: postMessage(""), want: 400},
	{name: "spaces", raw: postMessage(" \r\n\t "), want: 400},
	{name: "null", raw: postMessage("null"), want: 400},
	{name: "true", raw: postMessage("true"), want: 400},
	{name: "a number", raw: postMessage("1"), want: 400},
	{name: "{}", raw: postMessage("{}"), want: 400},
	{name: "a batch", raw: postMessage("[" + pingMessage + "," + pingMessage + "]"), want: 400},
	{name: "a batch, spaced", raw: postMessage("\n\t [" + pingMessage + "]"), want: 400},
	{name: "cut", raw: postMessage(pingMessage[:20]), want: 400},
	{name: "two messages", raw: postMessage(pingMessage + pingMessage), want: 400},
	{name: "NUL at the end", raw: postMessage(pingMessage + "\x00"), want: 400},
	{name: "BOM", raw: postMessage("\ufeff" + pingMessage), want: 400},
	{name: "UTF-16", raw: postMessage("\xff\xfe{\x00}\x00"), want: 400},
	{
		name: "invalid UTF-8", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + "\xff" + `"}}`),
		want: 400,
	},
	{name: "100,000 brackets", raw: postMessage(strings.Repeat("[", 100_000)), want: 400},
	{name: "100,000 braces", raw: postMessage(strings.Repeat(`{"a":`, 40_000)), want: 400},
	{name: "deep", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":` + strings.Repeat("[", 5000) +
		strings.Repeat("]", 5000) + `}}`), want: 400},
	{
		name: "deep arguments",
		raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call",` +
			`"params":{"name":"memo_list_projects","arguments":{"x":` +
			strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}}}`),
		want: 400,
	},
	{
		name: "a call without an id",
		raw:  postMessage(`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"memo_list_projects"}}`), want: 400,
	},
	{name: "a call without parameters", raw: postMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`), want: 400},
	{name: "a response", raw: postMessage(`{"jsonrpc":"2.0","id":1,"result":{}}`), want: 202},
	{name: "a notification", raw: postMessage(`{"jsonrpc":"2.0","method":"notifications/initialized"}`), want: 202},
	{name: "unknown revision", raw: postRequest(mcp, "MCP-Protocol-Version: 1999-12-31\r\n", pingMessage), want: 400},
	{name: "future revision", raw: callWithHeaders("2099-01-01",
		"MCP-Protocol-Version: 2099-01-01\r\n"+methodLine+nameLine), want: 400},
	{name: "malformed revision", raw: postRequest(mcp, "MCP-Protocol-Version: latest\r\n", pingMessage), want: 400},
	{name: "newest", raw: callWithHeaders(newest, versionLine+methodLine+nameLine), want: 200},
	{name: "newest, no header", raw: callWithHeaders(newest, methodLine+nameLine), want: 400},
	{name: "newest, no method", raw: callWithHeaders(newest, versionLine+nameLine), want: 400},
	{name: "newest, no name", raw: callWithHeaders(newest, versionLine+methodLine), want: 400},
	{
		name: "newest, other method", raw: callWithHeaders(newest, versionLine+"Mcp-Method: tools/list\r\n"+nameLine),
		want: 400,
	},
	{
		name: "newest, other name", raw: callWithHeaders(newest, versionLine+methodLine+"Mcp-Name: memo_bulk_export\r\n"),
		want: 400,
	},
	{name: "newest in the header only", raw: postRequest(mcp, versionLine+methodLine+nameLine,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memo_list_projects"}}`), want: 400},
	{
		name: "newest in the header, older in the body", raw: callWithHeaders(older, versionLine+methodLine+nameLine),
		want: 400,
	},
	{
		name: "newest in the body, older in the header",
		raw:  callWithHeaders(newest, "MCP-Protocol-Version: "+older+"\r\n"+methodLine+nameLine), want: 400,
	},
	{name: "newest has no ping", raw: postRequest(mcp, versionLine+"Mcp-Method: ping\r\n",
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":{`+metaMember(newest)+`}}`), want: 404},
}

// otherPathCases are what hosts request besides /mcp, mainly for OAuth.
var otherPathCases = []rawCase{
	{
		name: "register",
		raw: "POST /register HTTP/1.1\r\nHost: HERE\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" +
			endOfHead + "{}",
		want: 400,
	},
	{name: "protected resource", raw: getWithoutKey("/.well-known/oauth-protected-resource"), want: 200},
	{name: "protected resource, MCP", raw: getWithoutKey("/.well-known/oauth-protected-resource/mcp"), want: 200},
	{name: "authorization server", raw: getWithoutKey("/.well-known/oauth-authorization-server"), want: 200},
	{name: "authorization server, MCP", raw: getWithoutKey("/.well-known/oauth-authorization-server/mcp"), want: 404},
	{name: "OpenID", raw: getWithoutKey("/.well-known/openid-configuration"), want: 404},
	{name: "authorize", raw: getWithoutKey("/authorize?response_type=code"), want: 404},
	{name: "SSE", raw: getWithoutKey("/sse"), want: 404},
}

func getWithoutKey(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: HERE\r\n" + endOfHead
}

func TestRawMCP(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	k := h.newKey(t, "raw").Key
	other := newInstallation(t, onSQLite(t)).newKey(t, "elsewhere").Key
	s := start(t, h.database, withoutLimits...)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(s.signIn(t, h.owner).cookie, "=")
	for name, group := range map[string][]rawCase{
		"origin": originCases, "host": hostCases, "request": requestCases, "message": messageCases,
		"other path": otherPathCases,
	} {
		t.Run(name, func(t *testing.T) {
			for _, test := range group {
				t.Run(test.name, func(t *testing.T) {
					_, body, _ := strings.Cut(test.raw, "\r\n\r\n")
					fill := strings.NewReplacer("HERE", u.Host, "KEY", k, "OTHER", other, "COOKIE", token, "LENGTH",
						strconv.Itoa(len(body)))
					test.checkMCP(t, sendRaw(t, u.Host, fill.Replace(test.raw), test.cut))
				})
			}
		})
	}
	s.client(k).mustSend(t, http.StatusOK, tool(newest, "memo_list_projects", map[string]any{})) // the server still works
	s.mustLogNoError(t)
}

// checkMCP is like check, but the response may also be JSON-RPC.
func (test rawCase) checkMCP(t *testing.T, a response) {
	t.Helper()
	var v struct {
		Detail any
		Error  any
	}
	switch {
	case test.want != 0 && a.status != test.want, test.want == 0 && (a.status < 400 || a.status > 499):
		t.Errorf("%d instead of %d: %s", a.status, test.want, tail(string(a.body), 300))
	case test.bare:
		return
	case a.status == http.StatusAccepted && len(a.body) > 0:
		t.Errorf("202 has a body: %s", a.body)
	case a.status == http.StatusOK && strings.Contains(string(a.body), `"error":`) != test.fail:
		t.Errorf("JSON-RPC error: want %v: %s", test.fail, tail(string(a.body), 300))
	case a.status >= 400 && !strings.HasPrefix(test.raw, "HEAD") &&
		(!strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || json.Unmarshal(a.body, &v) != nil ||
			v.Detail == nil && v.Error == nil):
		t.Errorf("%d is not a refusal in JSON: %s %s", a.status, a.header.Get("Content-Type"), tail(string(a.body), 300))
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Error("X-Request-Id is missing")
	}
	if a.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), `Bearer realm="memo"`) {
		t.Errorf("WWW-Authenticate: %q", a.header.Get("WWW-Authenticate"))
	}
	if allow := a.header.Get("Allow"); (a.status == 405) != (allow == "POST") {
		t.Errorf("%d with Allow: %q", a.status, allow)
	}
	if a.header.Get("Mcp-Session-Id") != "" {
		t.Error("the response has Mcp-Session-Id, but there are no sessions")
	}
	if strings.HasPrefix(test.raw, "POST /register") && !strings.Contains(string(a.body), "redirect_uris") {
		t.Errorf("the response does not say what is missing: %s", a.body)
	}
}
