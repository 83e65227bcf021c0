package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// These tests send raw requests that no HTTP client would send. Each has one correct
// status. net/http may refuse what is not HTTP, with its own message. No request may
// hang, be redirected or get a 5xx.

// rawCase is a request as bytes. KEY, OTHER, COOKIE, ID and other words in capitals
// are replaced by values that the test creates.
type rawCase struct {
	name string
	raw  string
	want int  // 0: any 4xx
	bare bool // net/http may send the response, which is not JSON
	cut  bool // the client closes its side after these bytes
	fail bool // the 200 has a JSON-RPC error
}

const (
	getList    = "GET " + api + "/transcriptions HTTP/1.1\r\nHost: memo\r\n"
	getMe      = "GET " + api + "/me HTTP/1.1\r\nHost: memo\r\n"
	bearer     = "Authorization: Bearer KEY\r\n"
	endOfHead  = "Connection: close\r\n\r\n"
	postExport = "POST " + api + "/transcriptions/export HTTP/1.1\r\nHost: memo\r\n" + bearer
)

// rawGet is a GET with a valid key.
func rawGet(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: memo\r\n" + bearer + endOfHead
}

// rawGetWith is a GET with this Authorization header.
func rawGetWith(authorization string) string {
	return getMe + "Authorization: " + authorization + "\r\n" + endOfHead
}

var authorizationCases = []rawCase{
	{name: "valid", raw: rawGetWith("Bearer KEY"), want: 200},
	{name: "scheme in any case", raw: rawGetWith("bEARER KEY"), want: 200},
	{name: "more spaces", raw: rawGetWith("Bearer   KEY"), want: 200},
	{name: "none", raw: getMe + endOfHead, want: 401},
	{name: "empty", raw: rawGetWith(""), want: 401},
	{name: "scheme only", raw: rawGetWith("Bearer"), want: 401},
	{name: "scheme and a space", raw: rawGetWith("Bearer "), want: 401},
	{name: "no scheme", raw: rawGetWith("KEY"), want: 401},
	{name: "no space", raw: rawGetWith("BearerKEY"), want: 401},
	{name: "other scheme", raw: rawGetWith("Token KEY"), want: 401},
	{name: "basic", raw: rawGetWith("Basic KEY"), want: 401},
	{name: "tab", raw: rawGetWith("Bearer\tKEY"), want: 401},
	{name: "tab and space", raw: rawGetWith("Bearer \tKEY"), want: 401},
	{name: "double quotes", raw: rawGetWith(`Bearer "KEY"`), want: 401},
	{name: "single quotes", raw: rawGetWith(`Bearer 'KEY'`), want: 401},
	{name: "two keys", raw: rawGetWith("Bearer KEY KEY"), want: 401},
	{name: "joined by a comma", raw: rawGetWith("Bearer KEY, Bearer KEY"), want: 401},
	{name: "joined by a comma, second bad", raw: rawGetWith("Bearer KEY,Bearer x"), want: 401},
	{name: "two headers", raw: getMe + bearer + bearer + endOfHead, want: 401},
	{name: "two headers, first bad", raw: getMe + "Authorization: Bearer x\r\n" + bearer + endOfHead, want: 401},
	{name: "two headers, second empty", raw: getMe + bearer + "authorization:\r\n" + endOfHead, want: 401},
	{name: "upper case", raw: rawGetWith("Bearer UPPER"), want: 401},
	{name: "Cyrillic m", raw: rawGetWith("Bearer \u043cTAIL"), want: 401},
	{name: "full-width letters", raw: rawGetWith("Bearer \uff4d\uff4bTAIL"), want: 401},
	{name: "one letter more", raw: rawGetWith("Bearer KEYx"), want: 401},
	{name: "percent-encoded", raw: rawGetWith("Bearer mk%5Flive%5F"), want: 401},
	{name: "invalid UTF-8", raw: rawGetWith("Bearer KEY\xff"), want: 401},
	{name: "a key of another server", raw: rawGetWith("Bearer OTHER"), want: 401},
	{name: "a session token", raw: rawGetWith("Bearer COOKIE"), want: 401},
	{name: "NUL", raw: rawGetWith("Bearer KEY\x00"), bare: true},
	{name: "CR", raw: rawGetWith("Bearer KEY\rX: y"), bare: true},
	{name: "folded line, read as a space", raw: getMe + "Authorization: Bearer\r\n KEY\r\n" + endOfHead, want: 200},
	{name: "space before the colon", raw: getMe + "Authorization : Bearer KEY\r\n" + endOfHead, bare: true},
	{name: "200 kB", raw: rawGetWith("Bearer " + strings.Repeat("a", 200<<10)), bare: true},
	{name: "40 kB", raw: rawGetWith("Bearer " + strings.Repeat("KEY", 900)), want: 401},
	{name: "in another header", raw: getMe + "X-Api-Key: KEY\r\n" + endOfHead, want: 401},
	{name: "in a cookie", raw: getMe + "Cookie: memo_session=KEY\r\n" + endOfHead, want: 401},
	{name: "a session on a data call", raw: getMe + "Cookie: memo_session=COOKIE\r\n" + endOfHead, want: 401},
	{name: "key in the URL and in the header", raw: rawGet(api + "/me?x=KEY"), want: 401},
	{name: "encoded key in the URL", raw: rawGet(api + "/me?a=1;b=mk%5Flive_x"), want: 401},
	{name: "proxy header", raw: getMe + "Proxy-Authorization: Bearer KEY\r\n" + endOfHead, want: 401},
}

var targetCases = []rawCase{
	{name: "encoded slash in an id", raw: rawGet(api + "/transcriptions/a%2Fb"), want: 422},
	{name: "encoded NUL in an id", raw: rawGet(api + "/transcriptions/%00"), want: 422},
	{name: "NUL after an id", raw: rawGet(api + "/transcriptions/ID%00"), want: 422},
	{name: "encoded dots in an id", raw: rawGet(api + "/transcriptions/%2e%2e%2fme"), want: 404},
	{name: "encoded letters in an id", raw: rawGet(api + "/transcriptions/%30%31"), want: 422},
	{name: "unknown id", raw: rawGet(api + "/transcriptions/ID"), want: 404},
	{name: "broken escape in a path", raw: rawGet(api + "/transcriptions/%zz"), bare: true},
	{name: "two slashes", raw: rawGet("//v1//x"), want: 404},
	{name: "two slashes within", raw: rawGet("/api//v1/developer/me"), want: 404},
	{name: "slash at the end", raw: rawGet(api + "/me/"), want: 404},
	{name: "dots", raw: rawGet("/api/v1/developer/x/../me"), want: 404},
	{name: "dot", raw: rawGet("/api/v1/./developer/me"), want: 404},
	{name: "other case", raw: rawGet("/API/v1/developer/me"), want: 404},
	{name: "the path /api", raw: rawGet("/api"), want: 404},
	{name: "the path /api/", raw: rawGet("/api/"), want: 404},
	{name: "semicolon", raw: rawGet(api + "/transcriptions?a;b=1"), want: 422},
	{name: "semicolon between valid parameters", raw: rawGet(api + "/transcriptions?limit=1;offset=1"), want: 422},
	{name: "twice", raw: rawGet(api + "/transcriptions?limit=1&limit=2"), want: 422},
	{name: "twice, once encoded", raw: rawGet(api + "/transcriptions?limit=1&li%6Dit=2"), want: 422},
	{name: "unknown parameter", raw: rawGet(api + "/transcriptions?Limit=1"), want: 422},
	{name: "broken escape in a query", raw: rawGet(api + "/transcriptions?limit=%zz"), want: 422},
	{name: "NUL in a query", raw: rawGet(api + "/transcriptions?q=%00"), want: 422},
	{name: "invalid UTF-8 in a query", raw: rawGet(api + "/transcriptions?q=%ff"), want: 422},
	{name: "empty query", raw: rawGet(api + "/transcriptions?"), want: 200},
	{name: "40 kB of query", raw: rawGet(api + "/transcriptions?external_id=" + strings.Repeat("a", 40<<10)), want: 422},
	{name: "absolute form", raw: strings.Replace(rawGet(api+"/me"), " /", " http://memo/", 1), want: 200},
	{
		name: "absolute form, other host", raw: strings.Replace(rawGet(api+"/me"), " /", " http://other.example/", 1),
		want: 200,
	},
	{name: "asterisk", raw: "OPTIONS * HTTP/1.1\r\nHost: memo\r\n" + endOfHead, bare: true, want: 200},
	{name: "authority form", raw: "CONNECT memo:443 HTTP/1.1\r\nHost: memo:443\r\n" + endOfHead},
	{name: "HTTP/1.0", raw: "GET " + api + "/me HTTP/1.0\r\n" + bearer + "\r\n", want: 200},
	{name: "HTTP/1.1 without a host", raw: "GET " + api + "/me HTTP/1.1\r\n" + bearer + endOfHead, bare: true},
	{name: "HTTP/0.9", raw: "GET " + api + "/me\r\n\r\n", bare: true},
	{name: "HTTP/2 preface", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bare: true},
	{name: "unknown path", raw: rawGet(api + "/nothing"), want: 404},
	{name: "unknown path without a key", raw: "GET /api/nothing HTTP/1.1\r\nHost: memo\r\n" + endOfHead, want: 404},
	{name: "PUT", raw: strings.Replace(rawGet(api+"/me"), "GET", "PUT", 1), want: 405},
	{name: "DELETE", raw: strings.Replace(rawGet(api+"/transcriptions/ID"), "GET", "DELETE", 1), want: 405},
	{name: "TRACE", raw: strings.Replace(rawGet(api+"/me"), "GET", "TRACE", 1), want: 405},
	{name: "OPTIONS", raw: strings.Replace(rawGet(api+"/me"), "GET", "OPTIONS", 1), want: 405},
	{name: "lower case", raw: strings.Replace(rawGet(api+"/me"), "GET", "get", 1), want: 405},
	{name: "made up", raw: strings.Replace(rawGet(api+"/me"), "GET", "BREW", 1), want: 405},
	{name: "GET of the bulk export", raw: rawGet(api + "/transcriptions/export"), want: 405},
	{name: "not HTTP", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", bare: true},
}

const (
	oneID    = `{"ids":["ID"]}`
	jsonType = "Content-Type: application/json\r\n"
	chunked  = "Transfer-Encoding: chunked\r\n"
)

var bodyCases = []rawCase{
	{
		name: "chunked", want: 422,
		raw: postExport + jsonType + chunked + endOfHead +
			"4\r\n" + oneID[:4] + "\r\n7\r\n" + `s":["x"` + "\r\n2\r\n]}\r\n0\r\n\r\n",
	},
	{name: "bad chunks", raw: postExport + jsonType + chunked + endOfHead + "zz\r\n", want: 422},
	{
		name: "length and chunks", bare: true,
		raw: postExport + jsonType + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" + endOfHead + "0\r\n\r\n",
	},
	{
		name: "two lengths", bare: true,
		raw: postExport + jsonType + "Content-Length: 2\r\nContent-Length: 3\r\n" + endOfHead + "{} ",
	},
	{name: "negative length", raw: postExport + jsonType + "Content-Length: -1\r\n" + endOfHead, bare: true},
	{
		name: "unknown coding", want: 501, bare: true,
		raw: postExport + jsonType + "Transfer-Encoding: gzip\r\n" + endOfHead,
	},
	{name: "unknown id", raw: postExport + jsonType + "Content-Length: 48\r\n" + endOfHead + oneID, want: 404},
	{
		name: "cut short", want: 422, cut: true,
		raw: postExport + jsonType + "Content-Length: 100\r\n" + endOfHead + oneID,
	},
	{name: "no body", raw: postExport + jsonType + endOfHead, want: 422},
	{name: "no type", raw: postExport + "Content-Length: 2\r\n" + endOfHead + "{}", want: 415},
	{
		name: "a form", want: 415,
		raw: postExport + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n" + endOfHead + "{}",
	},
	{
		name: "200 kB", want: 413,
		raw: postExport + jsonType + "Content-Length: 204800\r\n" + endOfHead + strings.Repeat(" ", 200<<10),
	},
	{
		name: "200 kB announced", cut: true,
		raw: postExport + jsonType + "Content-Length: 204800\r\nExpect: 100-continue\r\n" + endOfHead,
	},
	{
		name: "200 kB in chunks", want: 413,
		raw: postExport + jsonType + chunked + endOfHead + "32000\r\n" + strings.Repeat(" ", 200<<10) + "\r\n0\r\n\r\n",
	},
	{
		name: "deep", want: 422,
		raw: postExport + jsonType + "Content-Length: 60000\r\n" + endOfHead + strings.Repeat("[", 60_000),
	},
	{
		name: "without a key", want: 401,
		raw: strings.Replace(postExport, bearer, "", 1) + jsonType + "Content-Length: 2\r\n" + endOfHead + "{}",
	},
	{name: "body of a GET", raw: getList + bearer + "Content-Length: 2\r\n" + endOfHead + "{}", want: 200},
}

func TestRawRequests(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	k := h.newKey(t, "raw").Key
	other := newInstallation(t, onSQLite(t)).newKey(t, "elsewhere").Key
	s := start(t, h.database)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(s.signIn(t, h.owner).cookie, "=")
	fill := strings.NewReplacer("UPPER", strings.ToUpper(k), "KEY", k, "OTHER", other, "COOKIE", token,
		"TAIL", k[1:], "ID", unknown)
	for name, group := range map[string][]rawCase{
		"authorization": authorizationCases, "target": targetCases, "body": bodyCases,
	} {
		t.Run(name, func(t *testing.T) {
			for _, test := range group {
				t.Run(test.name, func(t *testing.T) {
					a := sendRaw(t, u.Host, fill.Replace(test.raw), test.cut)
					test.check(t, a)
				})
			}
		})
	}
	s.client(k).must(t, http.StatusOK, "GET", api+"/me", nil) // the server still works
	s.mustLogNoError(t)
}

// TestClientDisconnectIsNotLoggedAsError: a client that does not wait for its response
// is not an error of the server, and must not cause an alert.
func TestClientDisconnectIsNotLoggedAsError(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	raw := strings.Replace(rawGet(api+"/transcriptions"), "KEY", h.newKey(t, "hasty").Key, 1)
	for range 400 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, raw)
		c.Close()
	}
	s.terminate(t) // after this, every request is in the log
	s.mustLogNoError(t)
}

func (s *server) mustLogNoError(t *testing.T) {
	t.Helper()
	n := 0
	for line := range strings.Lines(s.stderr.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			if n++; n <= 3 {
				t.Errorf("the log contains an error: %.600s", line)
			}
		}
	}
	if n > 3 {
		t.Errorf("and %d more", n-3)
	}
}

func (test rawCase) check(t *testing.T, a response) {
	t.Helper()
	switch {
	case test.want != 0 && a.status != test.want, test.want == 0 && (a.status < 400 || a.status > 499):
		t.Errorf("%d instead of %d: %s", a.status, test.want, tail(string(a.body), 300))
	case test.bare || a.status < 400:
		return
	case !a.isRefusal():
		t.Errorf("%d is not JSON with a detail: %s %s", a.status, a.header.Get("Content-Type"), tail(string(a.body), 300))
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Error("X-Request-Id is missing")
	}
	challenge := a.header.Get("WWW-Authenticate")
	if a.status == 401 && !strings.HasPrefix(challenge, `Bearer realm="memo"`) {
		t.Errorf("WWW-Authenticate: %q", challenge)
	}
	if allow := a.header.Get("Allow"); (a.status == 405) != (allow != "") {
		t.Errorf("%d with Allow: %q", a.status, allow)
	}
}

// sendRaw sends bytes, closes its side if cut is set, and reads one response.
func sendRaw(t *testing.T, address, raw string, cut bool) response {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // a server that does not answer fails the test
	sent := make(chan struct{})
	go func() { // in parallel, because the server may answer before it has read everything
		defer close(sent)
		_, _ = io.WriteString(c, raw)
		if cut {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	defer func() { c.Close(); <-sent }()
	r := bufio.NewReader(c)
	method, _, _ := strings.Cut(raw, " ")
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatal(fmt.Errorf("no response: %w", err))
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusContinue {
			continue
		}
		if err != nil {
			t.Errorf("the response is cut: %v", err)
		}
		return response{resp.StatusCode, resp.Header, b}
	}
}
