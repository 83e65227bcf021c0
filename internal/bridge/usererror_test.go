package bridge_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"memoai.tech/memo/internal/bridge"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/testenv"
)

// TestRefusalBecomesAnErrorMessage: a refusal of the server reaches the host as the error
// of every request, and the log once. In the table, URL stands for the server's address.
func TestRefusalBecomesAnErrorMessage(t *testing.T) {
	const newKey = " Create a new key in Settings → API & MCP, put it into MEMO_API_KEY and restart this MCP server."
	const bearer = `Bearer realm="memo", error="invalid_token", error_description="`
	const html = "<!DOCTYPE html><title>Welcome</title>"
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		want   string
	}{
		{
			"revoked", 401,
			map[string]string{"WWW-Authenticate": bearer + `The API key was revoked"`},
			`{"detail":"Invalid API key"}`,
			"The API key was revoked." + newKey,
		},
		{
			"expired", 401,
			map[string]string{"WWW-Authenticate": bearer + `The API key has expired"`},
			`{"detail":"Invalid API key"}`,
			"The API key has expired." + newKey,
		},
		{
			"deactivated", 401,
			map[string]string{
				"WWW-Authenticate": bearer + `The API key was deactivated: its member lost access to the workspace"`,
			},
			"",
			"The API key was deactivated: its member lost access to the workspace." + newKey,
		},
		{
			"unknown", 401,
			map[string]string{"WWW-Authenticate": bearer + `The API key is not valid"`},
			"",
			"The API key is not valid." + newKey,
		},
		{
			"401 of another server", 401,
			map[string]string{"WWW-Authenticate": `Basic realm="x"`, "Content-Type": "text/html"},
			html,
			"The API key is not valid." + newKey,
		},
		{
			"plan", 403, nil,
			`{"detail":{"code":"api_access_denied","message":"API and MCP access needs the Pro or Expert plan."}}`,
			"API and MCP access needs the Pro or Expert plan.",
		},
		{
			"origin", 403, nil, `{"detail":"Not from here"}`,
			"Memo at URL did not accept this message (status 403: Not from here).",
		},
		{
			"limit", 429,
			map[string]string{"Retry-After": "17"},
			`{"detail":"Rate limit exceeded"}`,
			"The rate limit of this API key is reached. Try again in 17 s.",
		},
		{
			"limit without Retry-After", 429, nil, `{"detail":"Rate limit exceeded"}`,
			"The rate limit of this API key is reached. Try again in a moment.",
		},
		{
			"unavailable", 503,
			map[string]string{"Retry-After": "2"},
			`{"detail":"This took too long."}`,
			"Memo at URL is busy or unavailable. Try again in 2 s.",
		},
		{
			"internal", 500, nil, `{"detail":"Internal server error","request_id":"ABC"}`,
			"Memo at URL failed (status 500: Internal server error, request ABC). Try again, or contact the operator of " +
				"the server.",
		},
		{
			"gateway", 502,
			map[string]string{"Content-Type": "text/html"},
			html,
			"Memo at URL failed (status 502: Bad Gateway). Try again, or contact the operator of the server.",
		},
		{
			"not found", 404, nil, `{"detail":"Not found"}`,
			"There is no Memo server at URL (status 404). Put the address of the Memo server into MEMO_URL.",
		},
		{
			"page of another server", 405,
			map[string]string{"Content-Type": "text/html"},
			html,
			"There is no Memo server at URL (status 405). Put the address of the Memo server into MEMO_URL.",
		},
		{
			"too long", 413,
			map[string]string{"Content-Type": "text/plain; charset=utf-8"},
			"request body exceeds 262144 bytes\nmore",
			"Memo at URL did not accept this message (status 413: request body exceeds 262144 bytes).",
		},
		{
			"control characters", 418,
			map[string]string{"Content-Type": "text/plain"},
			"a\x1b[31m\xffb\u0085c mk_live_abcdefghijklmnop",
			"Memo at URL did not accept this message (status 418: a[31m�b c mk_live_[redacted]).",
		},
		{
			"redirect", 308,
			map[string]string{"Location": "https://user:pw@new.example.com/mcp?x=1"},
			"",
			"URL redirects to https://new.example.com, and the API key was not sent there. If that is your Memo server, put " +
				"its address into MEMO_URL.",
		},
		{
			"redirect to nowhere", 302, nil, "",
			"URL redirects to somewhere else, and the API key was not sent there. If that is your Memo server, put its " +
				"address into MEMO_URL.",
		},
		{
			"HTML", 200,
			map[string]string{"Content-Type": "text/html; charset=utf-8"},
			html,
			"The server at URL is not Memo (it sent text/html). Put the address of the Memo server into MEMO_URL.",
		},
		{
			"no body", 202,
			map[string]string{"Content-Type": ""},
			"",
			"The server at URL is not Memo (it sent nothing). Put the address of the Memo server into MEMO_URL.",
		},
		{
			"other JSON", 200, nil, `{"status":"ok"}`,
			"The server at URL is not Memo (it sent application/json). Put the address of the Memo server into MEMO_URL.",
		},
		{
			"no result", 200, nil, `{"jsonrpc":"2.0","id":1}`,
			"The server at URL is not Memo (it sent application/json). Put the address of the Memo server into MEMO_URL.",
		},
		{
			"a batch", 200, nil, `[{"jsonrpc":"2.0","id":1,"result":{}}]`,
			"The server at URL is not Memo (it sent application/json). Put the address of the Memo server into MEMO_URL.",
		},
		{
			"truncated", 200,
			map[string]string{"Content-Length": "100"},
			`{"jsonrpc":`,
			"Memo at URL closed the connection before its response was complete. Is the server running? Try again.",
		},
		{
			"longer than the limit", 200, nil, strings.Repeat(" ", bridge.MaxResponse+1),
			"The server's response is longer than 16 MiB. Ask for less at once.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				w.Header().Set("Content-Type", "application/json")
				for name, value := range c.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			h := start(t, s.URL)
			want := strings.ReplaceAll(c.want, "URL", s.URL+"/mcp")
			want = strings.ReplaceAll(want, "MEMO_"+s.URL+"/mcp", "MEMO_URL")
			for _, id := range []string{"1", `"two"`} {
				h.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/list"}`, id)
				if got := h.errorMessage(id, bridge.CodeServer); got != want {
					t.Errorf("the host gets %s\nwant: %s", got, want)
				}
			}
			if err := h.end(); err != nil {
				t.Error(err)
			}
			if got := h.log.String(); got != "memo mcp: "+want+"\n" {
				t.Errorf("the log has %s, want the message once", got)
			}
		})
	}
}

// TestJSONRPCErrorPasses whatever its HTTP status, with the id of the request.
func TestJSONRPCErrorPasses(t *testing.T) {
	for _, id := range []string{``, `"id":null,`, `"id":1,`} {
		t.Run(id, func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				sendJSON(w, http.StatusBadRequest,
					`{"jsonrpc":"2.0",`+id+`"error":{"code":-32020,"message":"header mismatch","data":{"supported":["2025-06-18"]}}}`)
			})
			h := start(t, s.URL)
			h.send("%s", ping(1))
			h.wantLine(`{"jsonrpc":"2.0","id":1,` +
				`"error":{"code":-32020,"message":"header mismatch","data":{"supported":["2025-06-18"]}}}`)
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnreachableServerIsReported(t *testing.T) {
	closed := testenv.FreeAddr()
	plain, secure := server(t, result), httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer secure.Close()
	hangUp := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) { panic(http.ErrAbortHandler) })
	unknown := func(c *bridge.Config) {
		dial := func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{
				Err: "no such host", Name: "memo.example.com", IsNotFound: true,
			}}
		}
		c.HTTP = &http.Client{Transport: &http.Transport{DialContext: dial}}
	}
	unchanged := func(*bridge.Config) {}
	for _, c := range []struct {
		name, url string
		change    func(*bridge.Config)
		want      []string
	}{
		{"refused", "http://" + closed, unchanged, []string{"Memo at http://" + closed +
			"/mcp could not be reached: connect: connection refused. Is the server running, and is MEMO_URL right?"}},
		{
			"unknown host", "https://memo.example.com", unknown,
			[]string{"The host memo.example.com was not found. Check the address in MEMO_URL."},
		},
		{
			"an untrusted certificate", secure.URL, unchanged,
			[]string{
				"No secure connection to " + secure.URL + "/mcp: ", "certificate",
				"Check MEMO_URL and the server's certificate.",
			},
		},
		{
			"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), unchanged,
			[]string{"No secure connection to ", "HTTP response to HTTPS client"},
		},
		{"a closed connection", hangUp.URL, unchanged, []string{"closed the connection"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, c.url, c.change)
			h.send("%s", ping(1))
			got := h.errorMessage("1", bridge.CodeServer)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("the host gets %s\nwant: %s", got, want)
				}
			}
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnresponsiveServerIsReported(t *testing.T) {
	for name, begin := range map[string]string{"no response": "", "half a response": `{"jsonrpc":`} {
		t.Run(name, func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				if begin != "" {
					sendJSON(w, http.StatusOK, begin)
					w.(http.Flusher).Flush()
				}
				await(t, r.Context().Done(), "the request was not cancelled")
			})
			h := unstarted(t, s.URL)
			h.bridge.SetTimeouts(20*time.Millisecond, timeout)
			h.run()
			h.send("%s", ping(1))
			want := "Memo at " + s.URL + "/mcp did not answer in time. Is the server running, and is MEMO_URL right?"
			if got := h.errorMessage("1", bridge.CodeServer); got != want {
				t.Errorf("the host gets %s, want %s", got, want)
			}
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				http.Redirect(w, r, other.URL+"/mcp", status)
			})
			h := start(t, s.URL, func(c *bridge.Config) { c.HTTP = &http.Client{} })
			h.send("%s", ping(1))
			if got := h.errorMessage("1", bridge.CodeServer); !strings.Contains(got, "redirects to "+other.URL+",") {
				t.Errorf("status %d: the host gets %s, want the address of the redirect", status, got)
			}
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBadConfigurationIsReported in the log once, and to the host for every request, until
// stdin ends.
func TestBadConfigurationIsReported(t *testing.T) {
	secret := credential.NewKey().Secret()
	last := secret[len(secret)-1:]
	other := map[bool]string{true: "1", false: "0"}[last == "0"]
	for _, c := range []struct {
		name, url, key string
		want           error
	}{
		{"no key", "https://memo.example.com", "", bridge.ErrNoKey},
		{"an empty key", "https://memo.example.com", " \n", bridge.ErrNoKey},
		{"half a key", "https://memo.example.com", secret[:20], bridge.ErrBadKey},
		{"a wrong checksum", "https://memo.example.com", secret[:len(secret)-1] + other, bridge.ErrBadKey},
		{"the whole header", "https://memo.example.com", "Bearer " + secret, bridge.ErrBadKey},
		{"a placeholder", "https://memo.example.com", "${MEMO_API_KEY}", bridge.ErrBadKey},
		{"no key and another scheme", "ftp://memo.example.com", "", bridge.ErrNoKey},
		{"no address", "", secret, bridge.ErrBadURL},
		{"no scheme", "memo.example.com", secret, bridge.ErrBadURL},
		{"only a host and a port", "localhost:8080", secret, bridge.ErrBadURL},
		{"another scheme", "ftp://memo.example.com", secret, bridge.ErrBadURL},
		{"no host", "https:///mcp", secret, bridge.ErrBadURL},
		{"only a port", "https://:8080", secret, bridge.ErrBadURL},
		{"not a URL", "https://memo example com:x", secret, bridge.ErrBadURL},
		{"a query", "https://memo.example.com/?x=1", secret, bridge.ErrBadURL},
		{"a fragment", "https://memo.example.com/#x", secret, bridge.ErrBadURL},
		{"a key in the query", "https://memo.example.com/?key=" + secret, secret, bridge.ErrKeyInURL},
		{"a key in the path", "https://memo.example.com/" + secret, secret, bridge.ErrKeyInURL},
		{
			"an encoded key", "https://memo.example.com/" + strings.Replace(secret, "mk_", "%6dk%5f", 1), secret,
			bridge.ErrKeyInURL,
		},
		{
			"an encoded key in the query", "https://memo.example.com/?a=" + strings.Replace(secret, "mk_", "%6dk_", 1), secret,
			bridge.ErrKeyInURL,
		},
		{"a key as the user", "https://" + secret + "@memo.example.com", secret, bridge.ErrKeyInURL},
		{"a key in an invalid URL", "https://memo example.com/\x00" + secret, secret, bridge.ErrKeyInURL},
		{"a user", "https://ann@memo.example.com", secret, bridge.ErrUserinfo},
		{"a password", "http://ann:pw@127.0.0.1", secret, bridge.ErrUserinfo},
		{"unencrypted", "http://memo.example.com", secret, bridge.ErrUnencrypted},
		{"unencrypted in a private network", "http://192.168.1.2:8080", secret, bridge.ErrUnencrypted},
		{"unencrypted to a name that only looks local", "http://localhost.example.com", secret, bridge.ErrUnencrypted},
		{"unencrypted to 0.0.0.0", "http://0.0.0.0:8080", secret, bridge.ErrUnencrypted},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, c.url, func(cfg *bridge.Config) { cfg.URL, cfg.Key = c.url, c.key })
			h.send(`{"jsonrpc":"2.0","id":0,"method":"initialize"}`)
			if got := h.errorMessage("0", bridge.CodeServer); got != c.want.Error() {
				t.Errorf("the host gets %s, want %s", got, c.want)
			}
			h.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
			h.send("nonsense")
			h.errorMessage("null", jsonrpc.CodeParseError)
			h.send("%s", ping(1))
			h.errorMessage("1", bridge.CodeServer)
			if got, want := h.log.String(), "memo mcp: "+c.want.Error()+"\n"; got != want {
				t.Errorf("the log has %s, want %s", got, want)
			}
			if err := h.end(); err != c.want {
				t.Errorf("Run returned %v, want %v", err, c.want)
			}
			if strings.Contains(fmt.Sprint(h.log.String(), h.err), secret[8:20]) {
				t.Error("the output contains the key")
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestURLIsCompleted(t *testing.T) {
	for given, want := range map[string]string{
		"https://memo.example.com":          "https://memo.example.com/mcp",
		" https://memo.example.com/\n":      "https://memo.example.com/mcp",
		"https://memo.example.com/mcp":      "https://memo.example.com/mcp",
		"https://memo.example.com/mcp/":     "https://memo.example.com/mcp",
		"https://memo.example.com:8443/a/b": "https://memo.example.com:8443/a/b/mcp",
		"HTTPS://192.168.1.2":               "https://192.168.1.2/mcp",
		"http://127.0.0.1:8080":             "http://127.0.0.1:8080/mcp",
		"http://127.9.9.9":                  "http://127.9.9.9/mcp",
		"http://[::1]:8080/":                "http://[::1]:8080/mcp",
		"http://[::ffff:127.0.0.1]":         "http://[::ffff:127.0.0.1]/mcp",
		"http://LocalHost:8080/mcp":         "http://LocalHost:8080/mcp",
	} {
		t.Run(given, func(t *testing.T) {
			var got string
			h := start(t, given, func(c *bridge.Config) {
				c.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					got = r.URL.String()
					return nil, io.EOF
				})}
			})
			h.send("%s", ping(1))
			h.errorMessage("1", bridge.CodeServer)
			if err := h.end(); err != nil || got != want {
				t.Errorf("it becomes %q (%v), want %q", got, err, want)
			}
		})
	}
}

// TestKeyInResponseIsRedacted: wherever a server puts the key into its response, neither
// the host nor the log gets it. host.next checks every line.
func TestKeyInResponseIsRedacted(t *testing.T) {
	for name, respond := range map[string]func(w http.ResponseWriter, key string){
		"a result": func(w http.ResponseWriter, key string) {
			sendJSON(w, 200, `{"jsonrpc":"2.0","id":1,"result":{"x":"`+key+`"}}`)
		},
		"a stream": func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, `data: {"jsonrpc":"2.0","id":1,"result":{"x":"`+key+`"}}`+"\n\n")
		},
		"an error": func(w http.ResponseWriter, key string) {
			sendJSON(w, 400, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"`+key+`"}}`)
		},
		"a detail": func(w http.ResponseWriter, key string) {
			sendJSON(w, 403, `{"detail":{"code":"x","message":"for `+key+`"}}`)
		},
		"a description": func(w http.ResponseWriter, key string) {
			w.Header().Set("WWW-Authenticate", `Bearer error_description="`+key+`"`)
			w.WriteHeader(401)
		},
		"a request id": func(w http.ResponseWriter, key string) { sendJSON(w, 500, `{"detail":"x","request_id":"`+key+`"}`) },
		"a content type": func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", "x/"+key)
			io.WriteString(w, "x")
		},
		"a redirect": func(w http.ResponseWriter, key string) {
			w.Header().Set("Location", "https://"+key+".example.com")
			w.WriteHeader(302)
		},
		"not HTTP": func(w http.ResponseWriter, key string) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprintf(conn, "%s %s\r\n\r\n", key, key)
				conn.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var h *host
			s := server(t, func(w http.ResponseWriter, r *http.Request, m rpcMessage) {
				respond(w, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			})
			h = start(t, s.URL)
			h.send("%s", ping(1))
			if line := h.next(); !strings.Contains(line, `"id":1,`) {
				t.Errorf("stdout has %s, want a message with id 1", line)
			}
			if err := h.end(); err != nil {
				t.Error(err)
			}
		})
	}
}
