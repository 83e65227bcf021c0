package server

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
	"memoai.tech/memo/internal/rest"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
	"memoai.tech/memo/internal/web"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// allDoors is a world whose server has every door, and the patterns of all routes.
type allDoors struct {
	*testworld.World
	handler  http.Handler
	patterns []string // "GET /path/{id}"
}

func newAllDoors(t testing.TB, cfg store.Config) *allDoors {
	t.Helper()
	w := new(allDoors)
	w.World = testworld.New(t, testworld.Config{
		Store: cfg,
		Handler: func(a *app.App, g *admission.Control, log *slog.Logger) http.Handler {
			api := rest.New(rest.Config{App: a, Admission: g})
			site := web.New(web.Config{
				App: a, Admission: g, Log: log, PublicURL: "https://memo.example.com", OpenAPI: api.OpenAPI(),
				FirstPlan: memo.PlanPro, Now: time.Now,
			})
			w.patterns = append(site.Patterns(), "GET /healthz", "GET /readyz", "GET /openapi.json", "GET /llms.txt",
				"GET /nowhere/{id}",
				"POST "+mcp.Path, "GET "+mcp.Path, "POST /register", "GET /static/{version}/{file}", "PUT /api/v1/developer/me")
			var document struct {
				Paths map[string]map[string]any
			}
			if err := json.Unmarshal(api.OpenAPI(), &document); err != nil {
				t.Fatal(err)
			}
			for path, methods := range document.Paths {
				for method := range methods {
					w.patterns = append(w.patterns, strings.ToUpper(method)+" "+path)
				}
			}
			slices.Sort(w.patterns)
			w.handler = New(Config{
				App: a, Admission: g, REST: api, Web: site, Log: log, Metrics: telemetry.NewMetrics(),
				PublicURL: "https://memo.example.com",
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

// wire is a request as it comes in, byte by byte.
type wire struct {
	method, path, query, kind, body string
	header                          []string // whole lines
}

func (q wire) String() string {
	target := strings.ReplaceAll(q.path, " ", "%20")
	if q.query != "" {
		target += "?" + q.query
	}
	lines := append([]string{
		q.method + " " + target + " HTTP/1.1", "Host: memo.example.com",
		"Content-Length: " + fmt.Sprint(len(q.body)),
	}, q.header...)
	if q.kind != "" {
		lines = append(lines, "Content-Type: "+q.kind)
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + q.body
}

// send hands a request to the server, and checks that the answer is good,
// whatever was sent. What net/http refuses never comes to the server.
func (w *allDoors) send(t testing.TB, q wire) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(q.String())))
	if err != nil {
		return
	}
	r.RemoteAddr = "192.0.2.1:1234"
	w.Log.Reset()
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	body, what := answer.Body.Bytes(), fmt.Sprintf("%.300q", q.String())
	kind, _, _ := mime.ParseMediaType(answer.Header().Get("Content-Type"))
	switch {
	case answer.Code >= 500:
		t.Errorf("%s: %d %.300s\n%.1000s", what, answer.Code, body, w.Log)
	case kind != "application/zip" && !utf8.Valid(body):
		t.Errorf("%s: the answer is no UTF-8: %.300q", what, body)
	case kind == "application/json" && !json.Valid(body):
		t.Errorf("%s: the answer is no JSON: %.300q", what, body)
	}
	for name, values := range answer.Header() {
		if s := strings.Join(values, ""); !utf8.ValidString(s) || memo.Printable(s, 1<<20) != s {
			t.Errorf("%s: the header %s is %q", what, name, values)
		}
	}
	for line := range strings.Lines(w.Log.String()) {
		if !json.Valid([]byte(line)) || !utf8.ValidString(line) || len(line) > 4000 || strings.Contains(line, "panic") {
			t.Errorf("%s: the log says %.1000q", what, line)
		}
	}
}

// cookie signs Olga in.
func (w *allDoors) cookie(t testing.TB) string {
	t.Helper()
	token, _, _, err := w.App.SignIn(context.Background(), app.SignIn{Email: w.Olga.Email, Password: testworld.Password},
		app.Client{Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: memo_session=" + token
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// fill puts real things into the places of a pattern.
func (w *allDoors) fill(path string) string {
	path = strings.ReplaceAll(path, "{workspace}", w.Acme.ID)
	if strings.Contains(path, "/keys/") {
		path = strings.ReplaceAll(path, "{id}", w.MarkKey.ID)
	}
	path = strings.ReplaceAll(path, "{id}", w.Meetings[0])
	return parameter.ReplaceAllString(strings.ReplaceAll(path, "{$}", ""), "x")
}

var (
	// queryNames and members are all that some route reads, with no regard to which.
	queryNames = strings.Fields("q limit offset cursor sort status project_id language date_from date_to external_id " +
		"format workspace_id " +
		"project from to subject member before span show line at next done")
	members = strings.Fields("name email password ids format expires_at overlap code workspace role current title " +
		"project life date next id jsonrpc method")
	// headers are lines of a request in which %s is the bad text.
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

// requests are requests to a route that have bad text in one place each. bad is
// as bytes, escaped as in an address and escaped as in JSON.
func requests(method, path, bad, address, inJSON string) []wire {
	const form, object = "application/x-www-form-urlencoded", "application/json"
	all := []wire{
		{method: method, path: path + "/" + address},
		{method: method, path: path + bad},
		{method: method, path: path, query: address + "=1"},
		{method: method, path: path, query: bad + "=1&" + bad + "=2"},
	}
	for i := range strings.Count(path, "/") {
		parts := strings.Split(path, "/")
		parts[i+1] = address
		all = append(all, wire{method: method, path: strings.Join(parts, "/")})
	}
	var fields, escaped []string
	for _, name := range queryNames {
		all = append(all, wire{method: method, path: path, query: name + "=" + address})
	}
	all = append(all, wire{method: method, path: path, query: strings.Join(queryNames, "="+bad+"&")})
	for _, line := range headers {
		all = append(all, wire{method: method, path: path, header: []string{strings.ReplaceAll(line, "%s", bad)}})
	}
	if method == http.MethodGet {
		return all
	}
	for _, name := range members {
		value := `"` + inJSON + `"`
		if name == "ids" {
			value = "[" + value + "]"
		}
		fields, escaped = append(fields, `"`+name+`":`+value), append(escaped, name+"="+address)
		all = append(all, wire{method: method, path: path, kind: form, body: name + "=" + bad})
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
		all = append(all, wire{method: method, path: path, kind: object, body: body})
	}
	parts := func(name, file, value string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"" + file + "\r\n\r\n" + value + "\r\n--x--\r\n"
	}
	return append(all,
		wire{method: method, path: path, kind: form, body: address + "=1&" + strings.Join(escaped, "&")},
		wire{method: method, path: path, kind: form, body: "email=" + address + "&password=" + address},
		wire{
			method: method, path: path, kind: "multipart/form-data; boundary=x",
			body: parts("files", "; filename=\""+bad+".txt\"", "words"),
		},
		wire{
			method: method, path: path, kind: "multipart/form-data; boundary=x",
			body: parts("files", "; filename=\"a.txt\"", bad),
		},
		wire{method: method, path: path, kind: "multipart/form-data; boundary=x", body: parts("project", "", bad)},
		wire{method: method, path: path, kind: "multipart/form-data; boundary=x", body: parts(bad, "", "x")},
		wire{method: method, path: path, kind: "multipart/form-data; boundary=" + bad, body: "--" + bad},
	)
}

// TestInvalidTextIsNoError sends bytes that are no text to every route, in each
// place, to callers of each kind: the answer is never a 5xx, and always text.
func TestInvalidTextIsNoError(t *testing.T) {
	testworld.Databases(t, func(t *testing.T, cfg store.Config) {
		w := newAllDoors(t, cfg)
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
					for _, credential := range credentials[min(i, 1):] { // without any, most are refused early
						one := q
						one.header = append(slices.Clone(credential), q.header...)
						w.send(t, one)
					}
				}
			}
			if t.Failed() {
				t.Fatalf("at %s", pattern)
			}
		}
	})
}

// FuzzInvalidText puts any bytes into a place of a request to any route.
func FuzzInvalidText(f *testing.F) {
	f.Add(uint(3), uint(7), "%ff")
	f.Add(uint(40), uint(2), "a\x80b")
	w := newAllDoors(f, store.Config{Dir: f.TempDir()})
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
