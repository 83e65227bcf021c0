package e2e

import (
	"fmt"
	"net/http"
)

// probe is a call that succeeds while a key may read.
type probe struct {
	name string
	mcp  bool
	call func(c *apiClient, k *testKey) (response, error)
}

// restProbes and mcpProbes are the calls of a history. Some of them do not count
// against the rate limit, but are authorised like the others.
var (
	restProbes = []probe{restProbe("/me"), restProbe("/transcriptions?limit=1")}
	mcpProbes  = []probe{
		mcpProbe(plain(older, "ping")), mcpProbe(plain(older, "tools/list")), mcpProbe(plain(newest, "tools/list")),
		mcpProbe(plain(newest, "server/discover")), mcpProbe(rpc{older, nil, "notifications/initialized", nil}),
		mcpProbe(tool(unnamed, "memo_list_projects", map[string]any{})),
		mcpProbe(tool(older, "memo_list_projects", map[string]any{})),
		mcpProbe(tool(newest, "memo_list_projects", map[string]any{})),
		mcpProbe(prompt(older, "week_brief")), mcpProbe(prompt(newest, "week_brief")),
		resourceProbe(older), resourceProbe(newest),
	}
)

func restProbe(path string) probe {
	return probe{
		name: "GET " + path,
		call: func(c *apiClient, _ *testKey) (response, error) { return c.call("GET", api+path, nil) },
	}
}

func mcpProbe(m rpc) probe {
	return probe{
		name: m.method + " " + m.revision, mcp: true,
		call: func(c *apiClient, _ *testKey) (response, error) { return c.send(m) },
	}
}

// resourceProbe reads the transcription of the key's workspace.
func resourceProbe(revision string) probe {
	return probe{name: "resources/read " + revision, mcp: true, call: func(c *apiClient, k *testKey) (response, error) {
		return c.send(resource(revision, k.member.workspace.transcription))
	}}
}

// outcome returns what a response says about the key. A JSON-RPC error in a 200 is
// unexpected, because a key is refused with an HTTP status.
func (d probe) outcome(a response) (out outcome, err error) {
	switch {
	case a.status == http.StatusOK && d.mcp && len(a.body) > 0:
		r, err := a.reply()
		if err == nil && r.Error != nil {
			err = fmt.Errorf("a JSON-RPC error in a 200: %.300s", a.body)
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
