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

// Requests as bytes, which no HTTP client would send. Each has one right
// status; what is no HTTP at all may be refused by net/http before our code, in
// its own words. Nothing may hang, redirect or be answered with 5xx.

// rawCase is a request on the wire. KEY, OTHER, COOKIE and ID stand for what the
// test has made.
type rawCase struct {
	name string
	raw  string
	want int  // 0: some 4xx
	bare bool // net/http may answer, without JSON
	cut  bool // the client ends its side behind these bytes
	fail bool // a 200 that carries an error of JSON-RPC
}

const (
	list     = "GET " + api + "/transcriptions HTTP/1.1\r\nHost: memo\r\n"
	me       = "GET " + api + "/me HTTP/1.1\r\nHost: memo\r\n"
	bearer   = "Authorization: Bearer KEY\r\n"
	end1     = "Connection: close\r\n\r\n"
	exporter = "POST " + api + "/transcriptions/export HTTP/1.1\r\nHost: memo\r\n" + bearer
)

// rawGet is a GET with a good key.
func rawGet(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: memo\r\n" + bearer + end1
}

// rawGetWith is a GET with this Authorization.
func rawGetWith(authorization string) string {
	return me + "Authorization: " + authorization + "\r\n" + end1
}

var authorizations = []rawCase{
	{name: "good", raw: rawGetWith("Bearer KEY"), want: 200},
	{name: "scheme in any case", raw: rawGetWith("bEARER KEY"), want: 200},
	{name: "more spaces", raw: rawGetWith("Bearer   KEY"), want: 200},
	{name: "none", raw: me + end1, want: 401},
	{name: "empty", raw: rawGetWith(""), want: 401},
	{name: "scheme only", raw: rawGetWith("Bearer"), want: 401},
	{name: "nothing behind it", raw: rawGetWith("Bearer "), want: 401},
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
	{name: "two headers", raw: me + bearer + bearer + end1, want: 401},
	{name: "two headers, first bad", raw: me + "Authorization: Bearer x\r\n" + bearer + end1, want: 401},
	{name: "two headers, second empty", raw: me + bearer + "authorization:\r\n" + end1, want: 401},
	{name: "upper case", raw: rawGetWith("Bearer UPPER"), want: 401},
	{name: "Cyrillic m", raw: rawGetWith("Bearer \u043cTAIL"), want: 401},
	{name: "full-width letters", raw: rawGetWith("Bearer \uff4d\uff4bTAIL"), want: 401},
	{name: "one letter more", raw: rawGetWith("Bearer KEYx"), want: 401},
	{name: "percent-encoded", raw: rawGetWith("Bearer mk%5Flive%5F"), want: 401},
	{name: "invalid UTF-8", raw: rawGetWith("Bearer KEY\xff"), want: 401},
	{name: "another deployment's", raw: rawGetWith("Bearer OTHER"), want: 401},
	{name: "a session's token", raw: rawGetWith("Bearer COOKIE"), want: 401},
	{name: "NUL", raw: rawGetWith("Bearer KEY\x00"), bare: true},
	{name: "CR", raw: rawGetWith("Bearer KEY\rX: y"), bare: true},
	{name: "folded, which is one line with a space", raw: me + "Authorization: Bearer\r\n KEY\r\n" + end1, want: 200},
	{name: "space before the colon", raw: me + "Authorization : Bearer KEY\r\n" + end1, bare: true},
	{name: "200 kB", raw: rawGetWith("Bearer " + strings.Repeat("a", 200<<10)), bare: true},
	{name: "40 kB", raw: rawGetWith("Bearer " + strings.Repeat("KEY", 900)), want: 401},
	{name: "in another header", raw: me + "X-Api-Key: KEY\r\n" + end1, want: 401},
	{name: "in a cookie", raw: me + "Cookie: memo_session=KEY\r\n" + end1, want: 401},
	{name: "a session on a data call", raw: me + "Cookie: memo_session=COOKIE\r\n" + end1, want: 401},
	{name: "key in the URL beside a good header", raw: rawGet(api + "/me?x=KEY"), want: 401},
	{name: "encoded key in the URL", raw: rawGet(api + "/me?a=1;b=mk%5Flive_x"), want: 401},
	{name: "proxy header", raw: me + "Proxy-Authorization: Bearer KEY\r\n" + end1, want: 401},
}

var rawTargets = []rawCase{
	{name: "encoded slash in an id", raw: rawGet(api + "/transcriptions/a%2Fb"), want: 422},
	{name: "encoded NUL in an id", raw: rawGet(api + "/transcriptions/%00"), want: 422},
	{name: "NUL behind an id", raw: rawGet(api + "/transcriptions/ID%00"), want: 422},
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
	{name: "the API itself", raw: rawGet("/api"), want: 404},
	{name: "the API's root", raw: rawGet("/api/"), want: 404},
	{name: "semicolon", raw: rawGet(api + "/transcriptions?a;b=1"), want: 422},
	{name: "semicolon between good ones", raw: rawGet(api + "/transcriptions?limit=1;offset=1"), want: 422},
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
	{name: "asterisk", raw: "OPTIONS * HTTP/1.1\r\nHost: memo\r\n" + end1, bare: true, want: 200},
	{name: "authority form", raw: "CONNECT memo:443 HTTP/1.1\r\nHost: memo:443\r\n" + end1},
	{name: "HTTP/1.0", raw: "GET " + api + "/me HTTP/1.0\r\n" + bearer + "\r\n", want: 200},
	{name: "HTTP/1.1 without a host", raw: "GET " + api + "/me HTTP/1.1\r\n" + bearer + end1, bare: true},
	{name: "HTTP/0.9", raw: "GET " + api + "/me\r\n\r\n", bare: true},
	{name: "HTTP/2 by surprise", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bare: true},
	{name: "unknown path", raw: rawGet(api + "/nothing"), want: 404},
	{name: "unknown path without a key", raw: "GET /api/nothing HTTP/1.1\r\nHost: memo\r\n" + end1, want: 404},
	{name: "PUT", raw: strings.Replace(rawGet(api+"/me"), "GET", "PUT", 1), want: 405},
	{name: "DELETE", raw: strings.Replace(rawGet(api+"/transcriptions/ID"), "GET", "DELETE", 1), want: 405},
	{name: "TRACE", raw: strings.Replace(rawGet(api+"/me"), "GET", "TRACE", 1), want: 405},
	{name: "OPTIONS", raw: strings.Replace(rawGet(api+"/me"), "GET", "OPTIONS", 1), want: 405},
	{name: "lower case", raw: strings.Replace(rawGet(api+"/me"), "GET", "get", 1), want: 405},
	{name: "made up", raw: strings.Replace(rawGet(api+"/me"), "GET", "BREW", 1), want: 405},
	{name: "GET of the bulk export", raw: rawGet(api + "/transcriptions/export"), want: 405},
	{name: "no HTTP", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", bare: true},
}

const oneID = `{"ids":["ID"]}`

var rawBodies = []rawCase{
	{name: "chunked", raw: exporter + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + end1 + "4\r\n" + oneID[:4] + "\r\n7\r\n" + `s":["x"` + "\r\n2\r\n]}\r\n0\r\n\r\n", want: 422},
	{name: "bad chunks", raw: exporter + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + end1 + "zz\r\n", want: 422},
	{name: "length and chunks", raw: exporter + "Content-Type: application/json\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n" + end1 + "0\r\n\r\n", bare: true},
	{name: "two lengths", raw: exporter + "Content-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n" + end1 + "{} ", bare: true},
	{name: "negative length", raw: exporter + "Content-Type: application/json\r\nContent-Length: -1\r\n" + end1, bare: true},
	{name: "unknown coding", raw: exporter + "Content-Type: application/json\r\nTransfer-Encoding: gzip\r\n" + end1, bare: true, want: 501},
	{name: "unknown id", raw: exporter + "Content-Type: application/json\r\nContent-Length: 48\r\n" + end1 + oneID, want: 404},
	{name: "cut short", raw: exporter + "Content-Type: application/json\r\nContent-Length: 100\r\n" + end1 + oneID, want: 422, cut: true},
	{name: "no body", raw: exporter + "Content-Type: application/json\r\n" + end1, want: 422},
	{name: "no type", raw: exporter + "Content-Length: 2\r\n" + end1 + "{}", want: 415},
	{name: "a form", raw: exporter + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n" + end1 + "{}", want: 415},
	{name: "200 kB", raw: exporter + "Content-Type: application/json\r\nContent-Length: 204800\r\n" + end1 + strings.Repeat(" ", 200<<10), want: 413},
	{name: "200 kB announced", raw: exporter + "Content-Type: application/json\r\nContent-Length: 204800\r\nExpect: 100-continue\r\n" + end1, cut: true},
	{name: "200 kB in chunks", raw: exporter + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + end1 + "32000\r\n" + strings.Repeat(" ", 200<<10) + "\r\n0\r\n\r\n", want: 413},
	{name: "deep", raw: exporter + "Content-Type: application/json\r\nContent-Length: 60000\r\n" + end1 + strings.Repeat("[", 60_000), want: 422},
	{name: "without a key", raw: strings.Replace(exporter, bearer, "", 1) + "Content-Type: application/json\r\nContent-Length: 2\r\n" + end1 + "{}", want: 401},
	{name: "body of a GET", raw: list + bearer + "Content-Length: 2\r\n" + end1 + "{}", want: 200},
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
	fill := strings.NewReplacer("UPPER", strings.ToUpper(k), "KEY", k, "OTHER", other, "COOKIE", token, "TAIL", k[1:], "ID", "3fa85f64-5717-4562-b3fc-2c963f66afa6")
	for name, group := range map[string][]rawCase{"authorization": authorizations, "target": rawTargets, "body": rawBodies} {
		t.Run(name, func(t *testing.T) {
			for _, test := range group {
				t.Run(test.name, func(t *testing.T) {
					a := sendRaw(t, u.Host, fill.Replace(test.raw), test.cut)
					test.judge(t, a)
				})
			}
		})
	}
	s.client(k).must(t, http.StatusOK, "GET", api+"/me", nil) // it still stands
	s.mustLogNoError(t)
}

// A client that does not wait for its answer is no failure of the server: it
// must not look like one in the log, where it would wake somebody.
func TestRawClientThatLeavesIsNoError(t *testing.T) {
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
	s.terminate(t) // all that was under way is in the log then
	s.mustLogNoError(t)
}

func (s *server) mustLogNoError(t *testing.T) {
	t.Helper()
	n := 0
	for line := range strings.Lines(s.stderr.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			if n++; n <= 3 {
				t.Errorf("the log has an error: %.600s", line)
			}
		}
	}
	if n > 3 {
		t.Errorf("and %d more", n-3)
	}
}

func (test rawCase) judge(t *testing.T, a response) {
	t.Helper()
	switch {
	case test.want != 0 && a.status != test.want, test.want == 0 && (a.status < 400 || a.status > 499):
		t.Errorf("%d instead of %d: %s", a.status, test.want, lastLines(string(a.body), 300))
	case test.bare || a.status < 400:
		return
	case !a.isRefusal():
		t.Errorf("%d is no JSON with a detail: %s %s", a.status, a.header.Get("Content-Type"), lastLines(string(a.body), 300))
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

// sendRaw sends bytes, ends its side if cut is set, and reads one answer.
func sendRaw(t *testing.T, address, raw string, cut bool) response {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // a hang fails
	sent := make(chan struct{})
	go func() { // the server may answer before it has read all
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
			t.Fatal(fmt.Errorf("no answer: %w", err))
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusContinue {
			continue
		}
		if err != nil {
			t.Errorf("the answer is cut: %v", err)
		}
		return response{resp.StatusCode, resp.Header, b}
	}
}
