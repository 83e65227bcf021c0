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

// TestLeakOfKeysTokensAndPasswords uses keys, and the tokens of connected apps, in every right and wrong way, and then
// searches everything that the server stores, logs or sends for them. A key may be in
// the response that created it and nowhere else (docs/contract.md#storage-of-a-key).
func TestLeakOfKeysTokensAndPasswords(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p database) {
		s := newLeakTest(t, p)
		s.createKeys()
		s.connectApp()
		s.misplaceKeys()
		s.misplaceInMCP()
		s.commands()
		s.causeInternalError()
		s.searchStored("while the server runs")
		s.server.terminate(t) // writes what is still in memory
		s.searchStored("after the server stopped")
		s.searchResponses()
	})
}

type leakTest struct {
	t         *testing.T
	home      installation
	server    *server
	owner     *apiClient
	metrics   string
	key       string // the active key that is put in wrong places
	id        string // its id
	secrets   []plantedSecret
	responses []seenText
	outputs   []seenText // of commands
	backup    string
}

func newLeakTest(t *testing.T, p database) *leakTest {
	s := &leakTest{
		t: t, home: newInstallation(t, p), metrics: testenv.FreeAddr(),
		backup: filepath.Join(t.TempDir(), "backup"),
	}
	s.server = start(t, p, "--metrics-listen", s.metrics)
	s.secrets = append(s.secrets, newSecret("the password", password, 0))
	c := s.server.client("")
	s.owner = c
	a := s.call(c, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": password})
	c.cookie = a.session()
	_, token, _ := strings.Cut(c.cookie, "=")
	s.secrets = append(s.secrets, newSecret("the session token", token, 1))
	return s
}

// call makes a call and stores the whole response.
func (s *leakTest) call(c *apiClient, method, path string, body any, headers ...string) response {
	s.t.Helper()
	a, err := c.call(method, path, body, headers...)
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	var b bytes.Buffer
	_ = a.header.Write(&b) // to memory
	b.Write(a.body)
	s.responses = append(s.responses, seenText{fmt.Sprintf("%s %s → %d", method, path, a.status), b.Bytes()})
	return a
}

func (s *leakTest) createKeys() {
	made := decode[newKey](s.t, s.call(s.owner, "POST", api+"/keys", map[string]string{"name": "REST"}))
	s.secrets = append(s.secrets, newSecret("a key created over REST", made.Key, 1))
	// The first use of a key is written at once, with the user agent.
	s.call(s.server.client(made.Key), "GET", api+"/me", nil, "User-Agent: script with "+made.Key)
	overlap := map[string]string{"overlap": "1h"}
	next := decode[newKey](s.t, s.call(s.owner, "POST", api+"/keys/"+made.ID+"/rotate", overlap))
	s.secrets = append(s.secrets, newSecret("a rotated key", next.Key, 1))
	s.key, s.id = next.Key, next.ID
	s.call(s.owner, "PATCH", api+"/keys/"+made.ID, map[string]string{"name": "renamed"})
	s.call(s.owner, "DELETE", api+"/keys/"+made.ID, nil)
	s.call(s.server.client(made.Key), "GET", api+"/me", nil)
	s.call(s.owner, "GET", api+"/keys/"+made.ID, nil)
	// A key of another deployment is well-formed but unknown here.
	elsewhere := newInstallation(s.t, onSQLite(s.t)).newKey(s.t, "elsewhere").Key
	s.secrets = append(s.secrets, newSecret("a key of another deployment", elsewhere, 0))
	s.call(s.server.client(elsewhere), "GET", api+"/me", nil)
}

// connectApp connects an app, calls with its tokens, and refreshes and replays them. Its code goes to the
// host in the page after the consent, and its tokens in one response each.
func (s *leakTest) connectApp() {
	c := s.server.client("")
	app, a, err := s.owner.connect(c, s.home.workspace, "An app")
	if err != nil || a.status != http.StatusOK {
		s.t.Fatalf("connect: %d %s %v", a.status, a.body, err)
	}
	s.secrets = append(s.secrets, newSecret("a code", app.code, 0), newSecret("a verifier", app.verifier, 0))
	id, err := s.owner.newestApp(s.home.workspace)
	if err != nil {
		s.t.Fatal(err)
	}
	next := app
	for _, refresh := range []string{app.Refresh, "unknown", app.Access} {
		a, err := c.sendForm("/oauth/token", url.Values{
			"grant_type": {"refresh_token"}, "client_id": {app.client}, "refresh_token": {refresh},
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if a.status == http.StatusOK {
			next = decode[connection](s.t, a)
		}
	}
	for name, token := range map[string]string{
		"an access token": app.Access, "a refresh token": app.Refresh, "the next access token": next.Access,
		"the next refresh token": next.Refresh,
	} {
		s.secrets = append(s.secrets, newSecret(name, token, 0))
		for _, path := range []string{
			"/mcp", "/mcp?t=" + token, "/healthz?" + token, api + "/me", "/oauth/authorize?state=" + token,
		} {
			s.call(s.server.client(token), "GET", path, nil)
			s.call(c, "POST", path, token, "User-Agent: "+token)
		}
		s.call(s.server.client(token), "POST", "/mcp", tool(older, "memo_list_projects", map[string]any{}).body())
	}
	s.call(s.owner, "GET", api+"/keys/"+id, nil)
	s.call(s.owner, "GET", "/w/"+s.home.workspace+"/keys/"+id, nil, "Accept: text/html")
	a, err = c.sendForm("/oauth/token", url.Values{ // a second time: this ends the app
		"grant_type": {"authorization_code"}, "client_id": {app.client}, "redirect_uri": {appCallback},
		"code": {app.code}, "code_verifier": {app.verifier},
	})
	if err != nil || a.status != http.StatusBadRequest {
		s.t.Fatalf("a second use of a code: %d %s %v", a.status, a.body, err)
	}
}

// misplaceKeys puts an active key in every wrong place where people put keys.
func (s *leakTest) misplaceKeys() {
	withoutKey, withKey := s.server.client(""), s.server.client(s.key)
	k, basic := s.key, base64.StdEncoding.EncodeToString
	list := api + "/transcriptions"
	escaped := strings.Replace(k, "_", "%5F", 2)
	for _, path := range []string{
		list + "?api_key=" + k, list + "?" + k, list + "?" + k + "=1", list + "?a=1&a=" + escaped, list + "?x=Bearer%20" + k,
		list + "/" + k, list + "/" + escaped, list + "/" + k + "/export", api + "/keys/" + k, api + "/" + k, "/" + k,
		"/x/" + escaped, "/?k=" + k,
		"/healthz?k=" + k, "/openapi.json?" + k, "/" + k + "/../healthz", list + "?cursor=" + url.QueryEscape("{"+k),
	} {
		s.call(withoutKey, "GET", path, nil)
		s.call(withKey, "GET", path, nil)
		s.call(s.owner, "GET", path, nil)
		s.call(withoutKey, "DELETE", path, nil)
	}
	for _, header := range []string{
		"X-Api-Key: " + k, "Referer: https://example.com/?k=" + k, "User-Agent: script " + k, "Cookie: memo_session=" + k,
		"Cookie: k=" + k,
		"X-Forwarded-For: " + k, "X-Request-Id: " + k, "Traceparent: " + k, "If-None-Match: \"" + k + "\"",
		"Origin: https://" + k, "Accept: " + k,
		"Content-Type: " + k, "Sec-Fetch-Site: " + k, "Forwarded: for=" + k, "Accept-Language: " + k,
	} {
		s.call(withoutKey, "GET", list, nil, header)
		s.call(withKey, "GET", list, nil, header)
		s.call(s.owner, "GET", api+"/keys", nil, header)
		s.call(s.owner, "POST", api+"/keys", map[string]any{"name": ""}, header)
	}
	for _, authorization := range []string{
		"Basic " + basic([]byte(k+":")), "Basic " + basic([]byte("us:"+k)), "Token " + k, k, "Bearer " + k + "x",
		"Bearer " + strings.ToUpper(k),
		"Bearer \"" + k + "\"", "Bearer " + k + ", Bearer " + k,
	} {
		s.call(withoutKey, "GET", list, nil, "Authorization: "+authorization)
		s.call(withoutKey, "POST", api+"/keys", map[string]string{"name": "x"}, "Authorization: "+authorization)
	}
	for _, body := range []any{
		map[string]any{"ids": []string{k}},
		map[string]any{"ids": []string{s.id}, "format": k},
		map[string]any{k: k},
		k,
		`{"ids": "` + k, `[` + k,
	} {
		s.call(withKey, "POST", list+"/export", body)
		s.call(s.owner, "POST", api+"/keys", body)
		s.call(s.owner, "POST", api+"/keys/"+s.id+"/rotate", body)
		s.call(withoutKey, "POST", "/api/v1/session", body)
	}
	s.call(s.owner, "POST", api+"/keys", map[string]any{"name": "x", "expires_at": k})
	s.call(s.owner, "POST", api+"/keys/"+s.id+"/rotate", map[string]any{"overlap": k})
	s.call(s.owner, "POST", api+"/keys", "name="+k, "Content-Type: application/x-www-form-urlencoded")
	s.call(withoutKey, "POST", "/api/v1/session", map[string]string{"email": k, "password": k})
	s.call(withoutKey, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": k})
	s.call(withoutKey, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": password + "!"})
	// Names are stored and shown, so they must not contain a whole key.
	s.call(s.owner, "POST", api+"/keys", map[string]any{"name": "key " + k})
	s.call(s.owner, "PATCH", api+"/keys/"+s.id, map[string]any{"name": k})
	s.call(withoutKey, "POST", "/api/v1/session", map[string]string{"email": s.home.owner, "password": password},
		"User-Agent: "+k)
	s.call(s.owner, "GET", api+"/keys", nil)
	s.call(s.owner, "GET", "/api/v1/sessions", nil)
}

func (s *leakTest) commands() {
	created := s.home.newKey(s.t, "by command")
	// The output that contains the key is not searched.
	s.secrets = append(s.secrets, newSecret("a key created by the command", created.Key, 0))
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

// causeInternalError causes a 500, and reads the metrics.
func (s *leakTest) causeInternalError() {
	db := open(s.t, s.home.database)
	if _, err := db.Exec(`ALTER TABLE projects RENAME TO gone`); err != nil {
		s.t.Fatal(err)
	}
	a := s.call(s.server.client(s.key), "GET", api+"/projects", nil, "User-Agent: "+s.key)
	if v := decode[map[string]any](s.t, a); a.status != 500 || v["detail"] != "Internal server error" ||
		v["request_id"] == "" {
		s.t.Errorf("unexpected response to an internal error: %d %s", a.status, a.body)
	}
	if _, err := db.Exec(`ALTER TABLE gone RENAME TO projects`); err != nil {
		s.t.Fatal(err)
	}
	a, err := (&apiClient{base: "http://" + s.metrics, http: newHTTPClient()}).call("GET", "/metrics", nil)
	if err != nil || a.status != http.StatusOK || !bytes.Contains(a.body, []byte("memo_http_requests_total")) {
		s.t.Fatalf("metrics: %d %v", a.status, err)
	}
	s.responses = append(s.responses, seenText{"GET /metrics", a.body})
}
