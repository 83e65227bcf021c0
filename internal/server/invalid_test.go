package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/server"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
	"memoai.tech/memo/internal/web"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// allSurfaces is a world whose server has all surfaces.
type allSurfaces struct {
	*testworld.World
	handler  http.Handler
	patterns []string // of all routes, such as "GET /path/{id}"
}

func newAllSurfaces(t testing.TB, cfg store.Config) *allSurfaces {
	t.Helper()
	w := new(allSurfaces)
	w.World = testworld.New(t, testworld.Config{
		Store: cfg,
		Handler: func(a *app.App, g *admission.Control, log *slog.Logger) http.Handler {
			api := rest.New(rest.Config{App: a, Admission: g})
			authorization := oauth.New(oauth.Config{App: a, Admission: g})
			site := web.New(web.Config{
				App: a, Admission: g, OAuth: authorization, Log: log, PublicURL: "https://memo.example.com",
				OpenAPI: api.Document(), FirstPlan: memo.PlanPro, Now: time.Now,
			})
			w.patterns = append(site.Patterns(), "GET /healthz", "GET /readyz", "GET /openapi.json", "GET /llms.txt",
				"GET /nowhere/{id}",
				"POST "+mcp.Path, "GET "+mcp.Path, "POST /register", "GET /static/{version}/{file}", "PUT /api/v1/developer/me")
			for path, methods := range api.Document().Paths {
				for method := range methods {
					w.patterns = append(w.patterns, strings.ToUpper(method)+" "+path)
				}
			}
			slices.Sort(w.patterns)
			w.handler = server.New(server.Config{
				App: a, Admission: g, REST: api, OAuth: authorization, Web: site, Log: log,
				Metrics: telemetry.NewMetrics(), PublicURL: "https://memo.example.com",
				MCP: mcp.New(mcp.Config{
					App: a, Admission: g, Log: log, RESTPrefix: rest.Prefix,
					Version: "test", Now: time.Now,
				}),
			}).Handler()
			return w.handler
		},
	})
	return w
}

// rawRequest is a request whose parts may be any bytes.
type rawRequest struct {
	method, path, query, contentType, body string
	header                                 []string // lines such as "Accept: text/html"
}

// String returns the bytes of the request as a client sends them.
func (q rawRequest) String() string {
	target := strings.ReplaceAll(q.path, " ", "%20")
	if q.query != "" {
		target += "?" + q.query
	}
	lines := append([]string{
		q.method + " " + target + " HTTP/1.1", "Host: memo.example.com",
		"Content-Length: " + fmt.Sprint(len(q.body)),
	}, q.header...)
	if q.contentType != "" {
		lines = append(lines, "Content-Type: "+q.contentType)
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + q.body
}

// send sends a request to the server and checks that the response is not a 5xx and that the
// response and the log are valid text. A request that net/http refuses never reaches the server.
func (w *allSurfaces) send(t testing.TB, q rawRequest) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(q.String())))
	if err != nil {
		return
	}
	r.RemoteAddr = "192.0.2.1:1234"
	w.Log.Reset()
	res := httptest.NewRecorder()
	w.handler.ServeHTTP(res, r)
	body, sent := res.Body.Bytes(), fmt.Sprintf("%.300q", q.String())
	mediaType, _, _ := mime.ParseMediaType(res.Header().Get("Content-Type"))
	switch {
	case res.Code >= 500:
		t.Errorf("%s: %d %.300s\n%.1000s", sent, res.Code, body, w.Log)
	case mediaType != "application/zip" && !utf8.Valid(body):
		t.Errorf("%s: the response is not UTF-8: %.300q", sent, body)
	case mediaType == "application/json" && !json.Valid(body):
		t.Errorf("%s: the response is not JSON: %.300q", sent, body)
	}
	for name, values := range res.Header() {
		if s := strings.Join(values, ""); !utf8.ValidString(s) || memo.Printable(s, 1<<20) != s {
			t.Errorf("%s: the header %s is %q", sent, name, values)
		}
	}
	for line := range strings.Lines(w.Log.String()) {
		if !json.Valid([]byte(line)) || !utf8.ValidString(line) || len(line) > 4000 || strings.Contains(line, "panic") {
			t.Errorf("%s: the log line is %.1000q", sent, line)
		}
	}
}

// cookie signs Olga in and returns the header line of her session cookie.
func (w *allSurfaces) cookie(t testing.TB) string {
	t.Helper()
	token, _, _, err := w.App.SignIn(context.Background(), app.SignIn{Email: w.Olga.Email, Password: testworld.Password},
		app.Client{Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: memo_session=" + token
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// fill replaces the wildcards of a path by existing ids.
func (w *allSurfaces) fill(path string) string {
	path = strings.ReplaceAll(path, "{workspace}", w.Acme.ID)
	if strings.Contains(path, "/keys/") {
		path = strings.ReplaceAll(path, "{id}", w.MarkKey.ID)
	}
	path = strings.ReplaceAll(path, "{id}", w.Transcriptions[0])
	return parameter.ReplaceAllString(strings.ReplaceAll(path, "{$}", ""), "x")
}

var (
	// queryNames are the query parameters of all routes, members the fields of all their forms and
	// JSON bodies.
	queryNames = strings.Fields("q limit offset cursor sort status project_id language date_from date_to external_id " +
		"format workspace_id " +
		"project from to subject member before span show line at next done")
	members = strings.Fields("name email password ids format expires_at overlap code workspace role current title " +
		"project expiry date next id jsonrpc method")
	// headers are header lines in which %s stands for the bad text.
	headers = []string{
		"User-Agent: %s", "Authorization: %s", "Authorization: Bearer %s", "Authorization: Bearer mk_live_%s",
		"Authorization: Basic %s",
		"Content-Type: %s", "Content-Type: application/json; charset=%s", "Content-Encoding: %s", "Accept: %s",
		"Accept: text/html, %s", "Accept-Language: %s",
		"Cookie: %s", "Cookie: memo_session=%s", "Cookie: %s=1; memo_session=\"%s\"", "Origin: %s", "Origin: http://%s",
		"Referer: %s", "Referer: http://memo.example.com/%s",
		"If-None-Match: %s", "If-None-Match: \"%s\"", "Range: %s", "X-Forwarded-For: %s", "X-Forwarded-Proto: %s",
		"Sec-Fetch-Site: %s",
		"MCP-Protocol-Version: %s", "MCP-Protocol-Version: 2026-07-28%s", "Mcp-Method: %s", "Mcp-Name: %s",
		"Mcp-Session-Id: %s",
	}
)

// requests returns requests to a route, each with bad text in one place. The text is given as
// bytes (bad), escaped for a URL (inURL) and escaped for JSON (inJSON).
func requests(method, path, bad, inURL, inJSON string) []rawRequest {
	const form, object = "application/x-www-form-urlencoded", "application/json"
	all := []rawRequest{
		{method: method, path: path + "/" + inURL},
		{method: method, path: path + bad},
		{method: method, path: path, query: inURL + "=1"},
		{method: method, path: path, query: bad + "=1&" + bad + "=2"},
	}
	for i := range strings.Count(path, "/") {
		parts := strings.Split(path, "/")
		parts[i+1] = inURL
		all = append(all, rawRequest{method: method, path: strings.Join(parts, "/")})
	}
	var fields, escaped []string
	for _, name := range queryNames {
		all = append(all, rawRequest{method: method, path: path, query: name + "=" + inURL})
	}
	all = append(all, rawRequest{method: method, path: path, query: strings.Join(queryNames, "="+bad+"&")})
	for _, line := range headers {
		all = append(all, rawRequest{method: method, path: path, header: []string{strings.ReplaceAll(line, "%s", bad)}})
	}
	if method == http.MethodGet {
		return all
	}
	for _, name := range members {
		value := `"` + inJSON + `"`
		if name == "ids" {
			value = "[" + value + "]"
		}
		fields, escaped = append(fields, `"`+name+`":`+value), append(escaped, name+"="+inURL)
		all = append(all, rawRequest{method: method, path: path, contentType: form, body: name + "=" + bad})
	}
	tool := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memo_search_transcriptions","arguments":{`
	for _, body := range []string{
		`{"` + inJSON + `":1}`, `{"name":{"` + inJSON + `":1}}`, `{` + strings.Join(fields, ",") + `}`,
		`{"email":"a@b.c","password":"` + inJSON + `"}`, inJSON,
		`{"jsonrpc":"2.0","id":"` + inJSON + `","method":"ping"}`, `{"jsonrpc":"2.0","id":1,"method":"` + inJSON + `"}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + inJSON + `"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"memo://` + inJSON + `"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"` + inJSON + `","arguments":{"` + inJSON +
			`":"x"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"find_commitments","arguments":{"person":"` +
			inJSON + `"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + inJSON + `","clientInfo":{"name":"` +
			inJSON + `"}}}`,
		tool + `"query":"` + inJSON + `"}}}`, tool + `"` + inJSON + `":"x"}}}`, tool + `"query":"x","date_from":"` + inJSON +
			`"}}}`,
	} {
		all = append(all, rawRequest{method: method, path: path, contentType: object, body: body})
	}
	parts := func(name, file, value string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"" + file + "\r\n\r\n" + value + "\r\n--x--\r\n"
	}
	return append(all,
		rawRequest{method: method, path: path, contentType: form, body: inURL + "=1&" + strings.Join(escaped, "&")},
		rawRequest{method: method, path: path, contentType: form, body: "email=" + inURL + "&password=" + inURL},
		rawRequest{
			method: method, path: path, contentType: "multipart/form-data; boundary=x",
			body: parts("files", "; filename=\""+bad+".txt\"", "words"),
		},
		rawRequest{
			method: method, path: path, contentType: "multipart/form-data; boundary=x",
			body: parts("files", "; filename=\"a.txt\"", bad),
		},
		rawRequest{
			method: method, path: path, contentType: "multipart/form-data; boundary=x",
			body: parts("project", "", bad),
		},
		rawRequest{method: method, path: path, contentType: "multipart/form-data; boundary=x", body: parts(bad, "", "x")},
		rawRequest{
			method: method, path: path, contentType: "multipart/form-data; boundary=" + bad,
			body: "--" + bad,
		},
	)
}

// TestInvalidTextIsNoServerError sends bytes that are not valid text to every route, in every
// place of a request and with every kind of credential: 100,000 requests, one after the other.
// make sequential runs it, because the race detector makes it five times slower and finds
// nothing in one goroutine.
func TestInvalidTextIsNoServerError(t *testing.T) {
	if testenv.Race {
		t.Skip("make sequential")
	}
	testworld.Databases(t, func(t *testing.T, cfg store.Config) {
		w := newAllSurfaces(t, cfg)
		for _, pattern := range w.patterns {
			method, path, _ := strings.Cut(pattern, " ")
			path = w.fill(path)
			credentials := [][]string{nil, {w.cookie(t), "Sec-Fetch-Site: same-origin"}}
			if strings.HasPrefix(path, "/api/") || path == mcp.Path {
				credentials = append(credentials, []string{"Authorization: Bearer " + w.OlgaKey.Key})
			}
			for i, bad := range []struct{ bytes, inJSON string }{
				{"\xff", "\xff"},
				{"\xed\xa0\x80\u202e", `\ud800\u202e`},
				{"\x00", `\u0000`},
			} {
				for _, q := range requests(method, path, bad.bytes, url.QueryEscape(bad.bytes), bad.inJSON) {
					for _, credential := range credentials[min(i, 1):] { // without a credential, most are refused early
						one := q
						one.header = append(slices.Clone(credential), q.header...)
						w.send(t, one)
					}
				}
			}
			if t.Failed() {
				t.Fatalf("the route %s failed", pattern)
			}
		}
	})
}

// FuzzInvalidText puts any bytes into any place of a request to any route.
func FuzzInvalidText(f *testing.F) {
	f.Add(uint(3), uint(7), "%ff")
	f.Add(uint(40), uint(2), "a\x80b")
	w := newAllSurfaces(f, store.Config{Dir: f.TempDir()})
	cookie := w.cookie(f)
	f.Fuzz(func(t *testing.T, route, place uint, text string) {
		method, path, _ := strings.Cut(w.patterns[route%uint(len(w.patterns))], " ")
		all := requests(method, w.fill(path), text, url.QueryEscape(text), text)
		q := all[place%uint(len(all))]
		for _, credential := range []string{"X-None: x", "Authorization: Bearer " + w.OlgaKey.Key, cookie} {
			one := q
			one.header = append([]string{credential, "Sec-Fetch-Site: same-origin"}, q.header...)
			w.send(t, one)
		}
	})
}
