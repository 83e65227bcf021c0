package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// record holds when accepted calls began and ended, on the client's clock. The server
// counted each call at some moment between the two times.
type record struct {
	mu    sync.Mutex
	calls []struct{ call, ret time.Time }
}

// do makes a call and records it if it was accepted.
func (r *record) do(send func() (response, error)) (response, error) {
	call := time.Now()
	a, err := send()
	ret := time.Now()
	if err == nil && a.status == http.StatusOK {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, struct{ call, ret time.Time }{call, ret})
	}
	return a, err
}

// maxWithin returns the largest number of calls that were certainly accepted within
// one window, wherever it starts.
func (r *record) maxWithin(window time.Duration) (maxAccepted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, first := range r.calls {
		n := 0
		for _, c := range r.calls {
			if !c.call.Before(first.call) && !c.ret.After(first.call.Add(window)) {
				n++
			}
		}
		maxAccepted = max(maxAccepted, n)
	}
	return maxAccepted
}

// mixedCall returns a function that makes a counted call: of varying kinds, with each
// client in turn.
func (r *record) mixedCall(id string, clients ...*apiClient) func(i int) (response, error) {
	return func(i int) (response, error) {
		return r.do(func() (response, error) {
			switch c := clients[i%len(clients)]; i / len(clients) % 6 {
			case 0:
				return c.send(tool(older, "memo_list_transcriptions", map[string]any{"limit": 1}), "User-Agent: codex/1")
			case 1:
				return c.send(resource(newest, id), "User-Agent: claude-code/2")
			case 2:
				return c.send(prompt(newest, "week_brief"))
			case 3:
				return c.call("GET", api+"/me", nil)
			default:
				return c.call("GET", api+"/transcriptions?limit=1", nil)
			}
		})
	}
}

// waitAndCheck checks that a call succeeds after the Retry-After, although other calls
// with the same key do not wait, and that no 60 s of the record exceed the limit.
func (r *record) waitAndCheck(t *testing.T, wait time.Duration, parallel int, client *apiClient,
	call func(i int) (response, error),
) error {
	t.Helper()
	deadline := time.Now().Add(wait)
	time.Sleep(wait - 2*time.Second)
	// Calls that do not wait get only what is free by then.
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	early := 0
	for i := 0; time.Now().Before(deadline); i++ {
		a, err := call(i)
		if err != nil || a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
			return fmt.Errorf("%d %s %v", a.status, a.body, err)
		}
		if a.status == http.StatusOK {
			early++
		}
		<-pace.C
	}
	// After exactly the Retry-After, the next call must succeed.
	a, err := r.do(func() (response, error) { return client.call("GET", api+"/me", nil) })
	if err != nil || a.status != http.StatusOK {
		return fmt.Errorf("after the wait: %d %s %v", a.status, a.body, err)
	}
	late := 1
	for _, a := range concurrently(t, 600, parallel, call) {
		if a.status == http.StatusOK {
			late++
		}
	}
	maxAccepted := r.maxWithin(60 * time.Second)
	if maxAccepted > 500 || early+late > 500 {
		return fmt.Errorf("%d calls were accepted within 60 s", max(maxAccepted, early+late))
	}
	t.Logf("500 accepted, then %d in the 2 s before the Retry-After passed and %d after it: at most %d within 60 s",
		early, late, maxAccepted)
	return nil
}

// importMeeting imports a transcription and returns its id.
func importMeeting(t *testing.T, h installation) string {
	t.Helper()
	return importText(t, h, "meeting.txt", "[00:01] Alex: Hello.\n")
}

// TestLimitWhichMCPCallsCount: tools/call, resources/read and prompts/get count,
// whatever their result.
func TestLimitWhichMCPCallsCount(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	k, id := h.newKey(t, "counted"), importMeeting(t, h)
	s := start(t, h.database)
	c := s.client(k.Key)
	none := map[string]any{}
	left := c.must(t, http.StatusOK, "GET", api+"/me", nil).left(t, "data", 500)
	for _, revision := range []string{unnamed, older, newest} {
		absent := http.StatusOK
		if revision == newest {
			absent = http.StatusBadRequest // JSON-RPC errors have an HTTP status there
		}
		for _, m := range []struct {
			want int
			rpc  rpc
		}{
			{200, tool(revision, "memo_list_projects", none)},
			{200, tool(revision, "memo_get_transcription", map[string]any{"id": id})},
			{200, tool(revision, "memo_get_transcription", map[string]any{"id": unknown})},
			{200, tool(revision, "memo_get_transcription", map[string]any{"id": "x", "more": 1})},
			{200, tool(revision, "memo_bulk_export", map[string]any{"ids": []string{id, unknown}})},
			{200, tool(revision, "memo_list_projects", "no object")},
			{absent, tool(revision, "memo_delete_everything", none)},
			{200, resource(revision, id)},
			{absent, resource(revision, unknown)},
			{absent, resource(revision, "../"+id)},
			{200, prompt(revision, "week_brief")},
			{absent, prompt(revision, "decisions")}, // without its argument
			{absent, prompt(revision, "poem")},
		} {
			left--
			if got := c.mustSend(t, m.want, m.rpc).left(t, "data", 500); got != left {
				t.Errorf("%s %v %s: %d left instead of %d", m.rpc.method, m.rpc.params, revision, got, left)
			}
		}
	}
}

// TestLimitWhichMCPMessagesAreFree: other methods, malformed messages and requests
// that are refused before they are read do not count.
func TestLimitWhichMCPMessagesAreFree(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	c := s.client(h.newKey(t, "free").Key)
	none := map[string]any{}
	left := c.must(t, http.StatusOK, "GET", api+"/me", nil).left(t, "data", 500)
	handshake := rpc{older, 1, "initialize", map[string]any{
		"protocolVersion": older, "capabilities": none, "clientInfo": map[string]string{"name": "e2e", "version": "1"},
	}}
	message := marshal(t, tool(unnamed, "memo_list_projects", none).body())
	for _, m := range []struct {
		want    int
		body    any // an rpc, or a text
		headers []string
	}{
		{200, handshake, nil},
		{202, rpc{older, nil, "notifications/initialized", nil}, nil},
		{200, plain(older, "ping"), nil},
		{200, plain(older, "tools/list"), nil},
		{200, plain(older, "prompts/list"), nil},
		{200, plain(older, "resources/list"), nil},
		{200, plain(older, "resources/templates/list"), nil},
		{200, plain(newest, "server/discover"), nil},
		{200, plain(newest, "tools/list"), nil},
		{404, plain(newest, "tools/destroy"), nil},
		{400, "", nil},
		{400, "{", nil},
		{400, message + "}", nil},
		{400, strings.Replace(message, "{", `{"method":"ping",`, 1), nil}, // the method is repeated
		{400, strings.Replace(message, `"id":1`, `"id":1.5`, 1), nil},
		{400, "[]", nil},
		{400, "[" + message + "]", nil},
		{400, " \n[" + message + "]", nil},
		{400, "[" + strings.Repeat(message+",", 999) + message + "]", nil},
		{403, message, []string{"Origin: https://evil.example"}},
		{401, message, []string{"Authorization: Bearer x"}}, // a second Authorization header
	} {
		var a response
		if r, ok := m.body.(rpc); ok {
			a = c.mustSend(t, m.want, r, m.headers...)
		} else {
			a = c.must(t, m.want, "POST", mcp, m.body, m.headers...)
		}
		if a.header.Get("RateLimit") != "" {
			t.Errorf("%.100v: it has a RateLimit header: %v", m.body, a.header)
		}
		if m.want == 400 && (bytes.Contains(a.body, []byte("result")) || bytes.Count(a.body, []byte(`"error"`)) != 1) {
			t.Errorf("%.100v: unexpected body of a 400: %s", m.body, a.body)
		}
		left--
		if got := c.must(t, http.StatusOK, "GET", api+"/me", nil).left(t, "data", 500); got != left {
			t.Errorf("%.100v: %d left instead of %d", m.body, got, left)
			left = got
		}
	}
	cli[namedID](t, h.database, "workspace", "plan", h.workspace, "basic")
	if a := c.mustSend(t, 403, tool(older, "memo_list_projects", none)); a.code() != "api_access_denied" ||
		a.header.Get("RateLimit") != "" {
		t.Errorf("unexpected 403: %v %s", a.header, a.body)
	}
	cli[namedID](t, h.database, "workspace", "plan", h.workspace, "pro")
	if got := c.must(t, 200, "GET", api+"/me", nil).left(t, "data", 500); got != left-1 {
		t.Errorf("%d left instead of %d: 403 must not count", got, left-1)
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
