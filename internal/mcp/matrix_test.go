package mcp_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/testworld"
)

// toolCase has arguments with which a tool succeeds, and invalid ones. The test replaces {own} by
// the id of a transcription in the caller's workspace.
type toolCase struct {
	arguments string
	invalid   map[string]string // a part of the error, by the arguments
}

// nowhere is an id that no transcription has.
const nowhere = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

// toolCases has a case for every tool.
var toolCases = map[string]toolCase{
	listTool: {`{}`, map[string]string{
		`{"limit":51}`: "limit must be a whole number from 1 to 50", `{"limit":"five"}`: "limit must be",
		`{"limit":1.5}`: "limit must be", `{"limit":1e99}`: "limit must be",
		`{"status":"done"}`: "status must be one of queued, processing, completed, failed",
		`{"language":7}`:    "language must be a string",
		`{"project_id":"x","date_from":"2026-02-30"}`: "project_id must be a UUID from a list or a search; date_from " +
			"must be a date",
		`{"date_from":"2026-03-02","date_to":"2026-03-01"}`: "date_from must not be after date_to",
		`{"cursor":"zz"}`:            "cursor must be a next_cursor",
		`{"folder":"x"}`:             `there is no argument "folder", only status, project_id`,
		`{"external_id":"a\u0000b"}`: "external_id must not contain NUL", `{"sort":"relevance"}`: "sort must be one of",
		`{"limit":null,"q":[]}`:                     "q must be a string",
		`{"q":"` + strings.Repeat("a", 1001) + `"}`: "q must have at most 1000 characters",
	}},
	searchTool: {`{"query":"price"}`, map[string]string{
		`{}`: "query is required", `{"query":""}`: "query must have 1 to 1000 characters",
		`{"query":null}`: "query is required",
		`{"query":"` + strings.Repeat("é", 1001) + `"}`:                 "query must have 1 to 1000 characters",
		`{"query":"x","limit":0}`:                                       "limit must be",
		`{"query":"x","date_from":"2026-03-02","date_to":"2026-03-01"}`: "date_from must not be after date_to",
	}},
	getTool: {`{"id":"{own}"}`, map[string]string{
		`{}`: "id is required", `{"id":"../etc"}`: "id must be a UUID",
		`{"id":"{own}","offset":-1}`:       "offset must be a whole number that is 0 or more",
		`{"id":"{own}","offset":1000000}`:  "offset is after its end",
		`{"id":"{own}","max_chars":45001}`: "max_chars must be a whole number from 1 to 45000",
		`{"id":["{own}"]}`:                 "id must be a string",
	}},
	reportTool: {`{"id":"{own}"}`, map[string]string{
		`{"id":"{own}","report":"nope"}`: "No such report", `{"id":7}`: "id must be a string",
	}},
	exportTool: {`{"id":"{own}","format":"srt"}`, map[string]string{
		`{"id":"{own}","format":"pdf"}`: "format must be one of md, txt, srt, vtt, json, csv, podcast",
		`{"id":"{own}","offset":99999}`: "offset is after its end",
	}},
	bulkTool: {`{"ids":["{own}"]}`, map[string]string{
		`{"ids":[]}`: "ids must be a list of 1 to 100 ids", `{"ids":null}`: "ids is required",
		`{"ids":"{own}"}`: "ids must be a list", `{"ids":[["{own}"]]}`: "ids must be a list",
		`{"ids":["{own}","x"]}`: "item 2 is not one", `{"ids":[` + strings.TrimSuffix(strings.Repeat(`"`+nowhere+`",`, 101),
			",") + `]}`: "ids must be a list of 1 to 100 ids",
	}},
	projectsTool: {`{}`, map[string]string{
		`{"cursor":"x"}`: "cursor must be a next_cursor",
		`{"limit":1000}`: "limit must be",
	}},
}

// TestEveryTool checks every tool: success, invalid arguments, 401, 403, and that a call with
// invalid arguments counts. The error is the same for an id of another workspace and for one that
// does not exist.
func TestEveryTool(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var list struct{ Tools []struct{ Name string } }
		w.rpc("tools/list", "{}", &list)
		withoutAccess := w.keyWithoutAccess()
		var names []string
		for _, tool := range list.Tools {
			names = append(names, tool.Name)
		}
		for name := range toolCases {
			if !slices.Contains(names, name) {
				t.Errorf("toolCases has %s, which is not a tool", name)
			}
		}
		for _, name := range names {
			if _, ok := toolCases[name]; !ok {
				t.Errorf("the tool %s has no case: add it to toolCases", name)
				continue
			}
			t.Run(name, func(t *testing.T) { w.in(t).checkTool(name, withoutAccess) })
		}
	})
}

// keyWithoutAccess returns a key of a workspace whose plan has no API access.
func (w *world) keyWithoutAccess() string {
	ctx, operator := context.Background(), memo.Caller{Operator: true}
	ws, err := w.App.AddWorkspace(ctx, operator, "Basic", memo.PlanPro, w.Mark.ID)
	w.Must(err)
	key := w.Key(ws, w.Mark)
	w.Must(w.App.SetPlan(ctx, operator, ws.ID, memo.PlanBasic))
	return key.Key
}

func (w *world) checkTool(tool, keyWithoutAccess string) {
	c := toolCases[tool]
	own := w.Transcriptions[len(w.Transcriptions)-1] // the one with a report
	with := func(id string) string { return strings.ReplaceAll(c.arguments, "{own}", id) }
	r := w.mustSucceed(tool, with(own), nil)
	if strings.Contains(r.Content[0].Text, "Secret") || strings.Contains(string(r.Structured), "Secret") {
		w.T.Error("the result has a transcription of another workspace")
	}
	for arguments, part := range c.invalid {
		w.mustFail(tool, strings.ReplaceAll(arguments, "{own}", own), part)
	}
	if c.arguments != with(nowhere) {
		foreign := w.mustFail(tool, with(w.OtherTranscription), "this workspace")
		want := strings.ReplaceAll(foreign, w.OtherTranscription, nowhere)
		if diff := cmp.Diff(want, w.mustFail(tool, with(nowhere))); diff != "" {
			w.T.Errorf("the errors for another workspace's id and an unknown one differ: %s", diff)
		}
	}
	message := toolCall(tool, with(own))
	a := w.Request(http.DefaultClient, "POST", mcp.Path, message).Want(401, `{"detail":"Missing API key"}`)
	if a.Header.Get("WWW-Authenticate") != `Bearer realm="memo", resource_metadata="`+w.Server.URL+
		`/.well-known/oauth-protected-resource/mcp", scope="transcriptions:read"` {
		w.T.Errorf("WWW-Authenticate: %q", a.Header.Get("WWW-Authenticate"))
	}
	w.post(credential.NewKey().Secret(), message).Want(401, `{"detail":"Invalid API key"}`)
	w.post(keyWithoutAccess, message).Want(403, `"code":"api_access_denied"`)
	before := remaining(w.post(w.OlgaKey.Key, message).Want(200))
	if after := remaining(w.post(w.OlgaKey.Key, toolCall(tool, `{"nonsense":1}`)).Want(200)); after != before-1 {
		w.T.Errorf("a call with invalid arguments counted as %d calls, want 1", before-after)
	}
}

// TestPlainCall: the response of every tool is the same whether a call goes through the SDK, as with a member that
// only the SDK knows, or not: for results, invalid arguments, unknown ids, refusals and panics.
func TestPlainCall(t *testing.T) {
	testworld.Databases(t, func(t *testing.T, cfg store.Config) {
		work := app.WorkLimits{Queries: 2, Wait: time.Millisecond}
		w := newWorld(t, testworld.Config{Store: cfg, Work: work})
		for tool, c := range toolCases {
			for _, id := range []string{w.Transcriptions[3], w.OtherTranscription, nowhere} {
				all := append(slices.Collect(maps.Keys(c.invalid)), c.arguments, `null`, `[]`, `{"nonsense":1}`)
				for _, arguments := range all {
					w.comparePlainCall(tool, strings.ReplaceAll(arguments, "{own}", id))
				}
			}
		}
		compareAll := func(status int, tools ...string) {
			t.Helper()
			for _, tool := range tools {
				arguments := strings.ReplaceAll(toolCases[tool].arguments, "{own}", w.Transcriptions[3])
				if got := w.comparePlainCall(tool, arguments); got != status {
					t.Errorf("%s: status %d, want %d", tool, got, status)
				}
			}
		}
		for _, l := range w.App.Work() {
			release, err := l.Acquire(t.Context(), w.Acme.ID, 1<<40)
			w.Must(err)
			defer release()
		}
		compareAll(503, searchTool, getTool, reportTool, exportTool, bulkTool)
		w.server.App = nil // every tool panics
		compareAll(500, slices.Collect(maps.Keys(toolCases))...)
	})
}

// comparePlainCall calls a tool in both ways, and returns the status.
func (w *world) comparePlainCall(tool, arguments string) int {
	w.T.Helper()
	call := func(more string) (status int, response string) {
		a := w.post(w.OlgaKey.Key, request("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s%s}`, tool, arguments, more)))
		body := strings.ReplaceAll(string(a.Body), a.Header.Get("X-Request-Id"), "the id")
		for _, name := range []string{"Date", "X-Request-Id", "Ratelimit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
			if a.Header.Get(name) == "" {
				w.T.Errorf("no header %s", name)
			}
			a.Header.Del(name)
		}
		return a.Status, fmt.Sprintf("%d %v\n%s", a.Status, a.Header, body)
	}
	status, plain := call("")
	_, viaSDK := call(`,"requestState":""`)
	if diff := cmp.Diff(viaSDK, plain); diff != "" {
		w.T.Errorf("%s %s: without the SDK (+) differs: %s", tool, arguments, diff)
	}
	return status
}

// remaining returns the calls that are left, according to a response.
func remaining(a testworld.Response) (n int) {
	fmt.Sscan(a.Header.Get("X-RateLimit-Remaining"), &n)
	return n
}

// TestOnlyDataCallsAreCounted: tools/call, resources/read and prompts/get count, whatever their
// response, and nothing else does. Beyond the limit they get HTTP status 429.
func TestOnlyDataCallsAreCounted(t *testing.T) {
	testworld.Databases(t, func(t *testing.T, cfg store.Config) {
		w := newWorld(t, testworld.Config{Store: cfg, Data: 6})
		key := w.OlgaKey.Key
		notCounted := []string{
			request("tools/list", "{}"), request("ping", "{}"), request("prompts/list", "{}"), request("resources/list", "{}"),
			request("resources/templates/list", "{}"),
			request("initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}`),
			request("nothing/such", "{}"),
			`{"jsonrpc":"2.0","method":"notifications/initialized"}`, `[` + toolCall(projectsTool, "{}") + `]`,
			`{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"x"}}`,
			`{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"` + projectsTool + `"}}`,
			`{"jsonrpc":"2.0","id":1,"result":{}}`,
			`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}`,
			`{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"x"}}`, `{"jsonrpc":"2.0","id":1}`,
		}
		for _, m := range notCounted {
			if a := w.post(key, m); a.Header.Get("X-RateLimit-Limit") != "" {
				t.Errorf("%s was counted: %d %s", m, a.Status, a.Body)
			}
		}
		// The key counts as used, so that a user who connects an assistant sees that it works.
		if k, err := w.App.GetKey(t.Context(), memo.Caller{Operator: true}, w.OlgaKey.ID); err != nil ||
			k.LastUsedAt == nil || k.Requests24h != 0 {
			t.Errorf("%+v %v", k, err)
		}
		counted := []string{
			toolCall(projectsTool, "{}"), toolCall("no_such_tool", "{}"), toolCall(getTool, `{"id":"x"}`),
			request("tools/call", `{"name":7}`),
			request("resources/read", `{"uri":"memo://transcriptions/`+w.Transcriptions[0]+`"}`),
			request("prompts/get", `{"name":"week_brief"}`),
		}
		for i, m := range counted {
			if a := w.post(key, m); remaining(a) != 6-i-1 {
				t.Errorf("%s: %d left\n%s", m, remaining(a), a.Body)
			}
		}
		for _, m := range counted {
			a := w.post(key, m).Want(429, `{"detail":"Rate limit exceeded","retry_after":`)
			if a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
		w.post(key, notCounted[0]).Want(200)
		w.post(w.MarkKey.Key, counted[0]).Want(200)
	})
}

// TestInvalidMessagesAreRefused with a message that repeats nothing of the input, and names no
// internals of the SDK. Unusual but valid messages succeed.
func TestInvalidMessagesAreRefused(t *testing.T) {
	w := newWorld(t, testworld.Config{Store: storeIn(t)})
	secret := credential.NewKey().Secret()
	for message, want := range map[string]struct {
		status int
		part   string // of the body
	}{
		`[]`: {400, "Batches are not accepted"}, " \n[" + toolCall(projectsTool, "{}") +
			"]": {400, "Batches are not accepted"},
		``: {415, "must be JSON"}, `null`: {400, "an object"}, `"x"`: {400, "an object"}, `{`: {400, "well-formed"},
		`{} {}`:                                 {400, "well-formed"},
		"\ufeff" + toolCall(projectsTool, "{}"): {400, "well-formed"}, "{\"a\":\"\xff\"}": {400, "UTF-8"},
		strings.Repeat("[", 100_000): {400, ""}, strings.Repeat(`{"a":`, 100_000): {413, ""},
		`{"jsonrpc":"2.0","id":1,"method":7}`: {400, "method is a string"}, `{"jsonrpc":"2.0","id":1}`: {400, "no method"},
		`{"jsonrpc":"2.0","id":null,"method":"ping"}`:                                         {400, "id must be"},
		`{"jsonrpc":"2.0","id":1.5,"method":"ping"}`:                                          {400, "id must be"},
		`{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}`:                             {400, "id must be"},
		`{"jsonrpc":"2.0","id":{},"method":"ping"}`:                                           {400, "id must be"},
		`{"jsonrpc":"2.0","method":"ping"}`:                                                   {400, "must have an id"},
		`{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}`:                      {200, `"result":{}`},
		`{"jsonrpc":"2.0","id":"` + strings.Repeat("i", 1000) + `","method":"ping"}`:          {200, `"result":{}`},
		`{"jsonrpc":"2.0","id":-7,"method":"ping"}`:                                           {200, `"id":-7`},
		`{"jsonrpc":"2.0","id":1,"method":"tasks/list"}`:                                      {200, "-32601"},
		`{"jsonrpc":"2.0","method":"notifications/other"}`:                                    {202, ""},
		request("tools/call", `["`+secret+`"]`):                                               {400, "-32602"},
		request("tools/call", `{"name":7,"x":"`+secret+`"}`):                                  {200, "-32602"},
		request("tools/call", `null`):                                                         {400, "-32602"},
		request("subscriptions/listen", `{"notifications":"`+secret+`"}`):                     {200, "-32601"},
		request("logging/setLevel", `{"level":"info"}`):                                       {200, "-32601"},
		request("completion/complete", `{}`):                                                  {200, "-32601"},
		request("resources/subscribe", `{"uri":"`+secret+`"}`):                                {200, "-32601"},
		request("resources/unsubscribe", `{"uri":"`+secret+`"}`):                              {200, "-32601"},
		request("ping", `null`):                                                               {200, `"result":{}`},
		request("ping", `["`+secret+`"]`):                                                     {400, "-32602"},
		request("tools/call", `{"name":"`+secret+`"}`):                                        {200, "Unknown tool"},
		`{"jsonrpc":"2.0","id":1,"method":"initialize"}`:                                      {400, `"id":1`},
		`{"jsonrpc":"2.0","id":1,"method":""}`:                                                {400, "must not be empty"},
		`{"jsonrpc":"2.0","result":{}}`:                                                       {400, "A response"},
		`{"jsonrpc":"2.0","id":1,"error":"` + secret + `"}`:                                   {400, "A response"},
		`{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}`:                       {400, "must not have an id"},
		request("prompts/get", `{"name":"decisions","arguments":{"meeting":["`+secret+`"]}}`): {200, "-32602"},
		request("initialize", `{"protocolVersion":{"`+secret+`":1}}`):                         {200, "-32602"},
		request("tools/list", `{"cursor":"`+secret+`"}`):                                      {200, "-32602"},
	} {
		t.Run(fmt.Sprintf("%.60s", message), func(t *testing.T) {
			a := w.in(t).post(w.OlgaKey.Key, message)
			if a.Status != want.status || !strings.Contains(string(a.Body), want.part) {
				t.Errorf("%d %.300s", a.Status, a.Body)
			}
			for _, leak := range []string{secret[:20], "handling", "mcp.", "go-sdk"} {
				if strings.Contains(string(a.Body), leak) {
					t.Errorf("the response has %q: %.300s", leak, a.Body)
				}
			}
		})
	}
}
