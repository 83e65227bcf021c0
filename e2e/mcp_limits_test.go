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

// record is when calls were accepted, by the clock of who made them: the
// server counted each at some moment between its two times.
type record struct {
	mu    sync.Mutex
	calls []struct{ call, ret time.Time }
}

// keep makes a call and notes it if it was accepted.
func (r *record) keep(do func() (response, error)) (response, error) {
	call := time.Now()
	a, err := do()
	ret := time.Now()
	if err == nil && a.status == http.StatusOK {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, struct{ call, ret time.Time }{call, ret})
	}
	return a, err
}

// most is the largest number of calls that were accepted within one window for
// certain, wherever it starts.
func (r *record) most(window time.Duration) (most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, first := range r.calls {
		n := 0
		for _, c := range r.calls {
			if !c.call.Before(first.call) && !c.ret.After(first.call.Add(window)) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// mixed makes counted calls of all kinds, by each of the clients in turn.
func (r *record) mixed(meeting string, clients ...*apiClient) func(i int) (response, error) {
	return func(i int) (response, error) {
		return r.keep(func() (response, error) {
			switch c := clients[i%len(clients)]; i / len(clients) % 6 {
			case 0:
				return c.send(tool(older, "memo_list_transcriptions", map[string]any{"limit": 1}), "User-Agent: codex/1")
			case 1:
				return c.send(resource(newest, meeting), "User-Agent: claude-code/2")
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

// waitOut holds the server to its Retry-After, while others cannot wait, and to
// the limit in every 60 s of what was recorded.
func (r *record) waitOut(t *testing.T, wait time.Duration, crowd int, promised *apiClient,
	call func(i int) (response, error),
) error {
	t.Helper()
	deadline := time.Now().Add(wait)
	time.Sleep(wait - 2*time.Second)
	// Who cannot wait tries meanwhile, and gets what is free by then, no more.
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
	// What is promised: waiting exactly so long makes the next call succeed.
	a, err := r.keep(func() (response, error) { return promised.call("GET", api+"/me", nil) })
	if err != nil || a.status != http.StatusOK {
		return fmt.Errorf("after the wait: %d %s %v", a.status, a.body, err)
	}
	late := 1
	for _, a := range inCrowd(t, 600, crowd, call) {
		if a.status == http.StatusOK {
			late++
		}
	}
	most := r.most(60 * time.Second)
	if most > 500 || early+late > 500 {
		return fmt.Errorf("%d calls were accepted within 60 s", max(most, early+late))
	}
	t.Logf("500 accepted, %d from 2 s before the promised moment, %d behind it: at most %d within 60 s", early, late, most)
	return nil
}

// oneMeeting imports a transcription and returns its id.
func oneMeeting(t *testing.T, h installation) string {
	t.Helper()
	return importText(t, h, "meeting.txt", "[00:01] Alex: Hello.\n")
}

// The messages that spend a call are those that give data, whatever they give;
// what only prepares one, or is no message, is free (contract section 1, "Rate
// limits").
func TestLimitCountsMCPAsTheContractSays(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	k, meeting := h.newKey(t, "counted"), oneMeeting(t, h)
	s := start(t, h.database)
	c := s.client(k.Key)
	none := map[string]any{}
	left := c.must(t, http.StatusOK, "GET", api+"/me", nil).left(t, "data", 500)
	for _, revision := range []string{unnamed, older, newest} {
		absent := http.StatusOK
		if revision == newest {
			absent = http.StatusBadRequest // an error of JSON-RPC has a status there
		}
		for _, m := range []struct {
			want int
			rpc  rpc
		}{
			{200, tool(revision, "memo_list_projects", none)},
			{200, tool(revision, "memo_get_transcription", map[string]any{"id": meeting})},
			{200, tool(revision, "memo_get_transcription", map[string]any{"id": unknown})},
			{200, tool(revision, "memo_get_transcription", map[string]any{"id": "x", "more": 1})},
			{200, tool(revision, "memo_bulk_export", map[string]any{"ids": []string{meeting, unknown}})},
			{200, tool(revision, "memo_list_projects", "no object")},
			{absent, tool(revision, "memo_delete_everything", none)},
			{200, resource(revision, meeting)},
			{absent, resource(revision, unknown)},
			{absent, resource(revision, "../"+meeting)},
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

// TestLimitLeavesTheRestOfMCPFree: what gives no data, what is no message, and
// what is refused before it is read.
func TestLimitLeavesTheRestOfMCPFree(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	s := start(t, h.database)
	c := s.client(h.newKey(t, "free").Key)
	none := map[string]any{}
	left := c.must(t, http.StatusOK, "GET", api+"/me", nil).left(t, "data", 500)
	handshake := rpc{older, 1, "initialize", map[string]any{
		"protocolVersion": older, "capabilities": none, "clientInfo": map[string]string{"name": "e2e", "version": "1"},
	}}
	good := marshal(t, tool(unnamed, "memo_list_projects", none).body())
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
		{400, good + "}", nil},
		{400, strings.Replace(good, "{", `{"method":"ping",`, 1), nil}, // the method twice
		{400, strings.Replace(good, `"id":1`, `"id":1.5`, 1), nil},
		{400, "[]", nil},
		{400, "[" + good + "]", nil},
		{400, " \n[" + good + "]", nil},
		{400, "[" + strings.Repeat(good+",", 999) + good + "]", nil},
		{403, good, []string{"Origin: https://evil.example"}},
		{401, good, []string{"Authorization: Bearer x"}}, // a second one
	} {
		var a response
		if r, ok := m.body.(rpc); ok {
			a = c.mustSend(t, m.want, r, m.headers...)
		} else {
			a = c.must(t, m.want, "POST", mcp, m.body, m.headers...)
		}
		if a.header.Get("RateLimit") != "" {
			t.Errorf("%.100v: it was counted: %v", m.body, a.header)
		}
		if m.want == 400 && (bytes.Contains(a.body, []byte("result")) || bytes.Count(a.body, []byte(`"error"`)) != 1) {
			t.Errorf("%.100v: it was answered with %s", m.body, a.body)
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
		t.Errorf("a refusal by plan: %v %s", a.header, a.body)
	}
	cli[namedID](t, h.database, "workspace", "plan", h.workspace, "pro")
	if got := c.must(t, 200, "GET", api+"/me", nil).left(t, "data", 500); got != left-1 {
		t.Errorf("%d left instead of %d: 403 spends nothing", got, left-1)
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
