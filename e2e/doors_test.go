package e2e

import (
	"fmt"
	"net/http"
)

// door is one way in for a key: a call that succeeds while the key may read.
type door struct {
	name string
	mcp  bool
	call func(c *apiClient, k *testKey) (response, error)
}

// doorsOfREST and doorsOfMCP are what a history calls. Calls that are not
// counted on the limit stand among them: they are authorised all the same.
var (
	doorsOfREST = []door{byREST("/me"), byREST("/transcriptions?limit=1")}
	doorsOfMCP  = []door{
		byMCP(plain(older, "ping")), byMCP(plain(older, "tools/list")), byMCP(plain(newest, "tools/list")),
		byMCP(plain(newest, "server/discover")), byMCP(rpc{older, nil, "notifications/initialized", nil}),
		byMCP(tool(unnamed, "memo_list_projects", map[string]any{})),
		byMCP(tool(older, "memo_list_projects", map[string]any{})),
		byMCP(tool(newest, "memo_list_projects", map[string]any{})),
		byMCP(prompt(older, "week_brief")), byMCP(prompt(newest, "week_brief")),
		ofMeeting(older), ofMeeting(newest),
	}
)

func byREST(path string) door {
	return door{name: "GET " + path, call: func(c *apiClient, _ *testKey) (response,
		error,
	) {
		return c.call("GET", api+path, nil)
	}}
}

func byMCP(m rpc) door {
	return door{
		name: m.method + " " + m.revision, mcp: true,
		call: func(c *apiClient, _ *testKey) (response, error) { return c.send(m) },
	}
}

// ofMeeting reads the transcription of the key's own workspace.
func ofMeeting(revision string) door {
	return door{name: "resources/read " + revision, mcp: true, call: func(c *apiClient, k *testKey) (response, error) {
		return c.send(resource(revision, k.seat.space.meeting))
	}}
}

// outcome is what an answer says of the key. An error of JSON-RPC within a 200
// is none: a refusal by the key is a status of HTTP.
func (d door) outcome(a response) (out outcome, err error) {
	switch {
	case a.status == http.StatusOK && d.mcp && len(a.body) > 0:
		r, err := a.reply()
		if err == nil && r.Error != nil {
			err = fmt.Errorf("an error within a 200: %.300s", a.body)
		}
		return outcomeAccepted, err
	case a.status == http.StatusOK, a.status == http.StatusAccepted:
		return outcomeAccepted, nil
	case a.status == http.StatusUnauthorized:
		return outcomeInactive, nil
	case a.status == http.StatusForbidden && a.code() == "api_access_denied":
		return outcomeDenied, nil
	}
	return 0, fmt.Errorf("%d %.300s", a.status, a.body)
}
