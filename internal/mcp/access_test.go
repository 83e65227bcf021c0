package mcp_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/testworld"
)

// needsExport are the tools for which a key needs the scope export. All others need only mcp.
var needsExport = map[string]bool{
	listTool: false, searchTool: false, getTool: false, reportTool: false, exportTool: true, bulkTool: true,
	projectsTool: false,
}

// TestScopesOfTools lists and calls every tool with every set of scopes.
func TestScopesOfTools(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, scopes := range [][]memo.Scope{{"read"}, {"rest"}, {"mcp"}, {"rest", "export"}, {"mcp", "export"}} {
			key := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{Scopes: scopes}).Key
			list := w.post(key, request("tools/list", `{}`))
			if !slices.Contains(scopes, "mcp") && !slices.Contains(scopes, "read") {
				list.Want(403, `"code":"scope_denied"`, "lacks the scope mcp")
				continue
			}
			export := len(scopes) > 1 || scopes[0] == "read"
			for _, tool := range slices.Sorted(maps.Keys(toolCases)) {
				needs, known := needsExport[tool]
				if !known {
					t.Fatalf("which scopes does %s need? Add it to needsExport", tool)
				}
				if shown := strings.Contains(string(list.Body), `"`+tool+`"`); shown != (export || !needs) {
					t.Errorf("%v: tools/list has %s: %v", scopes, tool, shown)
				}
				arguments := strings.ReplaceAll(toolCases[tool].arguments, "{own}", w.Transcriptions[1])
				r := w.post(key, toolCall(tool, arguments))
				if export || !needs {
					r.Want(200, `"result":`)
				} else if r.Want(200, `"code":-32602`, "lacks the scope export"); r.Header.Get("RateLimit") != "" {
					t.Errorf("%s: a refused call counts", r.Request)
				}
			}
			read := w.post(key, request("resources/read", `{"uri":"`+resourcePrefix+w.Transcriptions[1]+`"}`))
			templates := w.post(key, request("resources/templates/list", `{}`)).Want(200)
			if export {
				read.Want(200, `"contents":`)
			} else {
				read.Want(200, `"code":-32602`, "lacks the scope export")
			}
			if shown := strings.Contains(string(templates.Body), resourcePrefix); shown != export {
				t.Errorf("%v: the template is listed: %v", scopes, shown)
			}
		}
	})
}

// TestToolsSeeOnlyTheirProjects attacks a key of one project with every tool.
func TestToolsSeeOnlyTheirProjects(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		projects, _, err := w.App.Projects(t.Context(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}, 10, 0)
		w.Must(err)
		w.Import(w.Acme, "s.json", `{"title":"Secret plan","status":"completed","created_at":"2026-05-09T10:00:00Z",
			"project":{"name":"Hidden"},"segments":[{"start":0,"end":1,"speaker":"Mallory","text":"price of the zebra"}]}`)
		key := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{ProjectIDs: []string{projects[0].ID}}).Key
		hidden := w.Transcriptions[1] // in no project
		for tool, arguments := range map[string]string{
			listTool: `{"limit":50}`, searchTool: `{"query":"price"}`, projectsTool: `{}`,
		} {
			r := w.post(key, toolCall(tool, arguments)).Want(200, `"result":`)
			for _, secret := range []string{"Secret plan", "zebra", "Mallory", "Hidden", hidden, "会議"} {
				if strings.Contains(string(r.Body), secret) {
					t.Errorf("%s shows %q: %s", tool, secret, r.Body)
				}
			}
		}
		w.post(key, toolCall(searchTool, `{"query":"zebra"}`)).Want(200, `"total":0`)
		w.post(key, toolCall(listTool, `{}`)).Want(200, `"total":2`)
		w.post(key, toolCall(projectsTool, `{}`)).Want(200, `"total":1`)
		for _, tool := range []string{getTool, reportTool, exportTool} {
			same := func(id string) string {
				r := w.post(key, toolCall(tool, `{"id":"`+id+`"}`)).Want(200, `"isError":true`)
				return strings.ReplaceAll(string(r.Body), id, "ID")
			}
			if a, b := same(hidden), same(nowhere); a != b {
				t.Errorf("%s: the error for a hidden transcription differs from that for an unknown one:\n%s\n%s", tool, a, b)
			}
		}
		w.post(key, toolCall(bulkTool, `{"ids":["`+hidden+`"]}`)).Want(200, `"isError":true`)
		w.post(key, request("resources/read", `{"uri":"`+resourcePrefix+hidden+`"}`)).Want(200, "Resource not found")
	})
}

// TestToolsOfChatGPTAreLimited: fetch is an export, and both tools see only the projects of the key.
func TestToolsOfChatGPTAreLimited(t *testing.T) {
	w := newWorldAt(t, testworld.Config{Store: storeIn(t)}, "https://memo.example.com")
	id := w.Transcriptions[1] // in no project
	reader := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{Scopes: []memo.Scope{"mcp"}}).Key
	w.post(reader, toolCall("search", `{"query":"price"}`)).Want(200, "Pricing talk")
	w.post(reader, toolCall("fetch", `{"id":"`+id+`"}`)).Want(200, `"code":-32602`, "lacks the scope export")
	projects, _, err := w.App.Projects(t.Context(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}, 10, 0)
	w.Must(err)
	limited := w.LimitedKey(w.Acme, w.Mark, memo.KeyAccess{ProjectIDs: []string{projects[0].ID}}).Key
	w.post(limited, toolCall("search", `{"query":"会議 予算"}`)).Want(200, `"results":[]`)
	w.post(limited, toolCall("fetch", `{"id":"`+id+`"}`)).Want(200, `"isError":true`)
}
