package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memoai.tech/memo/internal/testenv"
)

// Everything is done with keys that can be done with them, right and wrong;
// then every place that keeps or says something is searched for them. A key may
// be in one answer, the one that created it, and nowhere else (contract
// section 1, "stored" and "shown").
func TestLeakOfKeysTokensAndPasswords(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p database) {
		s := newSpill(t, p)
		s.createKeys()
		s.misplaceKeys()
		s.misplaceInMCP()
		s.commands()
		s.fail()
		s.search("while the server runs")
		s.server.terminate(t) // which writes what was still in memory
		s.search("after the server stopped")
		s.searchAnswers()
	})
}

type leak struct {
	t       *testing.T
	home    installation
	server  *server
	owner   *apiClient
	metrics string
	key     string // the living one that is misplaced
	id      string // its id
	secrets []plantedSecret
	answers []seenText
	outputs []seenText // of commands
	backup  string
}

func newSpill(t *testing.T, p database) *leak {
	s := &leak{
		t: t, home: newInstallation(t, p), metrics: testenv.FreeAddr(),
		backup: filepath.Join(t.TempDir(), "backup"),
	}
	s.server = start(t, p, "--metrics-listen", s.metrics)
	s.secrets = append(s.secrets, newSecret("the password", password, 0))
	c := s.server.client("")
	s.owner = c
	a := s.say(c, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": password})
	c.cookie = a.session()
	_, token, _ := strings.Cut(c.cookie, "=")
	s.secrets = append(s.secrets, newSecret("the session token", token, 1))
	return s
}

// say makes a call and keeps its whole answer.
func (s *leak) say(c *apiClient, method, path string, body any, headers ...string) response {
	s.t.Helper()
	a, err := c.call(method, path, body, headers...)
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	var b bytes.Buffer
	_ = a.header.Write(&b) // to memory
	b.Write(a.body)
	s.answers = append(s.answers, seenText{fmt.Sprintf("%s %s → %d", method, path, a.status), b.Bytes()})
	return a
}

func (s *leak) createKeys() {
	made := decode[newKey](s.t, s.say(s.owner, "POST", api+"/keys", map[string]string{"name": "REST"}))
	s.secrets = append(s.secrets, newSecret("a key created over REST", made.Key, 1))
	// The first use of a key is written at once, with what the client says of itself.
	s.say(s.server.client(made.Key), "GET", api+"/me", nil, "User-Agent: script with "+made.Key)
	next := decode[newKey](s.t, s.say(s.owner, "POST", api+"/keys/"+made.ID+"/rotate", map[string]string{"overlap": "1h"}))
	s.secrets = append(s.secrets, newSecret("a rotated key", next.Key, 1))
	s.key, s.id = next.Key, next.ID
	s.say(s.owner, "PATCH", api+"/keys/"+made.ID, map[string]string{"name": "renamed"})
	s.say(s.owner, "DELETE", api+"/keys/"+made.ID, nil)
	s.say(s.server.client(made.Key), "GET", api+"/me", nil)
	s.say(s.owner, "GET", api+"/keys/"+made.ID, nil)
	// A key of another deployment is well-formed as well, and unknown here.
	elsewhere := newInstallation(s.t, onSQLite(s.t)).newKey(s.t, "elsewhere").Key
	s.secrets = append(s.secrets, newSecret("a key of another deployment", elsewhere, 0))
	s.say(s.server.client(elsewhere), "GET", api+"/me", nil)
}

// misplaceKeys puts a living key wherever people put keys.
func (s *leak) misplaceKeys() {
	anyone, good := s.server.client(""), s.server.client(s.key)
	k, basic := s.key, base64.StdEncoding.EncodeToString
	list := api + "/transcriptions"
	escaped := strings.Replace(k, "_", "%5F", 2)
	for _, path := range []string{
		list + "?api_key=" + k, list + "?" + k, list + "?" + k + "=1", list + "?a=1&a=" + escaped, list + "?x=Bearer%20" + k,
		list + "/" + k, list + "/" + escaped, list + "/" + k + "/export", api + "/keys/" + k, api + "/" + k, "/" + k,
		"/x/" + escaped, "/?k=" + k,
		"/healthz?k=" + k, "/openapi.json?" + k, "/" + k + "/../healthz", list + "?cursor=" + url.QueryEscape("{"+k),
	} {
		s.say(anyone, "GET", path, nil)
		s.say(good, "GET", path, nil)
		s.say(s.owner, "GET", path, nil)
		s.say(anyone, "DELETE", path, nil)
	}
	for _, header := range []string{
		"X-Api-Key: " + k, "Referer: https://example.com/?k=" + k, "User-Agent: script " + k, "Cookie: memo_session=" + k,
		"Cookie: k=" + k,
		"X-Forwarded-For: " + k, "X-Request-Id: " + k, "Traceparent: " + k, "If-None-Match: \"" + k + "\"",
		"Origin: https://" + k, "Accept: " + k,
		"Content-Type: " + k, "Sec-Fetch-Site: " + k, "Forwarded: for=" + k, "Accept-Language: " + k,
	} {
		s.say(anyone, "GET", list, nil, header)
		s.say(good, "GET", list, nil, header)
		s.say(s.owner, "GET", api+"/keys", nil, header)
		s.say(s.owner, "POST", api+"/keys", map[string]any{"name": ""}, header)
	}
	for _, authorization := range []string{
		"Basic " + basic([]byte(k+":")), "Basic " + basic([]byte("us:"+k)), "Token " + k, k, "Bearer " + k + "x",
		"Bearer " + strings.ToUpper(k),
		"Bearer \"" + k + "\"", "Bearer " + k + ", Bearer " + k,
	} {
		s.say(anyone, "GET", list, nil, "Authorization: "+authorization)
		s.say(anyone, "POST", api+"/keys", map[string]string{"name": "x"}, "Authorization: "+authorization)
	}
	for _, body := range []any{
		map[string]any{"ids": []string{k}},
		map[string]any{"ids": []string{s.id}, "format": k},
		map[string]any{k: k},
		k,
		`{"ids": "` + k, `[` + k,
	} {
		s.say(good, "POST", list+"/export", body)
		s.say(s.owner, "POST", api+"/keys", body)
		s.say(s.owner, "POST", api+"/keys/"+s.id+"/rotate", body)
		s.say(anyone, "POST", "/api/v1/session", body)
	}
	s.say(s.owner, "POST", api+"/keys", map[string]any{"name": "x", "expires_at": k})
	s.say(s.owner, "POST", api+"/keys/"+s.id+"/rotate", map[string]any{"overlap": k})
	s.say(s.owner, "POST", api+"/keys", "name="+k, "Content-Type: application/x-www-form-urlencoded")
	s.say(anyone, "POST", "/api/v1/session", map[string]string{"email": k, "password": k})
	s.say(anyone, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": k})
	s.say(anyone, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": password + "!"})
	// Names are kept and shown: a whole key is none.
	s.say(s.owner, "POST", api+"/keys", map[string]any{"name": "key " + k})
	s.say(s.owner, "PATCH", api+"/keys/"+s.id, map[string]any{"name": k})
	s.say(anyone, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": password},
		"User-Agent: "+k)
	s.say(s.owner, "GET", api+"/keys", nil)
	s.say(s.owner, "GET", "/api/v1/sessions", nil)
}

func (s *leak) commands() {
	created := s.home.newKey(s.t, "by command")
	s.secrets = append(s.secrets, newSecret("a key created by the command", created.Key, 0)) // that one output is not kept
	file := filepath.Join(s.t.TempDir(), "meeting.txt")
	if err := os.WriteFile(file, []byte("[00:01] Alex: Hello.\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	k, w := s.key, s.home.workspace
	for _, args := range [][]string{
		{"key", "list", "--workspace", w},
		{"key", "inspect"},
		{"key", "revoke", k},
		{"key", "revoke", created.ID},
		{"key", "list", "--workspace", k},
		{"key", "create", "--workspace", w, "--member", s.home.owner, "--name", "x", "--expires", k},
		{"workspace", "plan", k, "pro"},
		{"workspace", "plan", w, k},
		{"member", "list", w},
		{"member", "remove", w, k},
		{"member", "add", k, k},
		{"user", "list"},
		{"user", "add", "--email", k, "--name", "x"},
		{"user", "disable", k},
		{"--" + k},
		{k},
		{"key", k},
		{"import", "--workspace", w, file},
		{"export", "--workspace", w, "--out", s.t.TempDir()},
		{"backup", s.backup},
		{"restore", k},
	} {
		r := run(s.home.database, k+"\n", args...)
		s.outputs = append(s.outputs, seenText{
			"memo " + strings.Join(args[:min(2, len(args))], " "),
			[]byte(r.stdout + r.stderr),
		})
	}
	if _, err := os.Stat(s.backup); err != nil {
		s.t.Fatal(err)
	}
}

// fail makes the server fail inside, and say so.
func (s *leak) fail() {
	db := open(s.t, s.home.database)
	if _, err := db.Exec(`ALTER TABLE projects RENAME TO gone`); err != nil {
		s.t.Fatal(err)
	}
	a := s.say(s.server.client(s.key), "GET", api+"/projects", nil, "User-Agent: "+s.key)
	if v := decode[map[string]any](s.t, a); a.status != 500 || v["detail"] != "Internal server error" ||
		v["request_id"] == "" {
		s.t.Errorf("a failure inside was answered with %d %s", a.status, a.body)
	}
	if _, err := db.Exec(`ALTER TABLE gone RENAME TO projects`); err != nil {
		s.t.Fatal(err)
	}
	a, err := (&apiClient{base: "http://" + s.metrics, http: connectionPool()}).call("GET", "/metrics", nil)
	if err != nil || a.status != http.StatusOK || !bytes.Contains(a.body, []byte("memo_http_requests_total")) {
		s.t.Fatalf("metrics: %d %v", a.status, err)
	}
	s.answers = append(s.answers, seenText{"GET /metrics", a.body})
}
