package memo_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"

	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/transcript"
)

// The golden files list everything that the API and the MCP server have.
const (
	openAPIFile = "internal/rest/testdata/openapi.json"
	toolsFile   = "internal/mcp/testdata/tools.json"
	promptsFile = "internal/mcp/testdata/prompts.json"
)

type openAPIDocument struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Parameters  []struct{ Name, In string }
	}
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

// mcpList is the response to tools/list or prompts/list.
type mcpList struct {
	Result struct {
		Tools []struct {
			Name        string
			InputSchema struct{ Properties map[string]any }
		}
		Prompts []struct{ Name string }
	}
}

// TestDocumentsNameEverything: the documents mention every parameter, tool and field. The
// names come from the code or its golden files.
func TestDocumentsNameEverything(t *testing.T) {
	var api openAPIDocument
	readJSON(t, openAPIFile, &api)
	var tools, prompts mcpList
	readJSON(t, toolsFile, &tools)
	readJSON(t, promptsFile, &prompts)
	const web = "internal/web/templates/"
	for _, c := range []struct {
		what  string
		names []string
		files []string
	}{
		{
			"export format", stringsOf(transcript.Formats),
			[]string{"README.md", "docs/contract.md", "docs/api.md", "docs/mcp.md"},
		},
		{"limit class", stringsOf(ratelimit.Classes), []string{"docs/contract.md", "docs/api.md"}},
		{"parameter of a list", queryParameters(api, "listTranscriptions"), []string{"docs/contract.md", "docs/api.md"}},
		{"field of a key", keysOf(api.Components.Schemas["Key"].Properties), []string{"docs/contract.md"}},
		{"MCP tool", toolNames(tools), []string{"docs/contract.md", "docs/mcp.md", web + "docsmcp.html"}},
		{"MCP prompt", promptNames(prompts), []string{"docs/contract.md", "docs/mcp.md", web + "docsmcp.html"}},
	} {
		if len(c.names) < 3 {
			t.Errorf("found only %d names of a %s", len(c.names), c.what)
		}
		for _, file := range c.files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range c.names {
				if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).Match(text) {
					t.Errorf("%s does not mention the %s %q: describe it there", file, c.what, name)
				}
			}
		}
	}
}

// TestEveryFormatParameterHasEveryExportFormat compares the enums of REST and MCP.
func TestEveryFormatParameterHasEveryExportFormat(t *testing.T) {
	found := 0
	for _, file := range []string{openAPIFile, toolsFile} {
		var doc any
		readJSON(t, file, &doc)
		walkFormats(doc, func(enum []any) {
			found++
			var got []string
			for _, v := range enum {
				got = append(got, v.(string))
			}
			if want := stringsOf(transcript.Formats); !slices.Equal(got, want) {
				t.Errorf("%s has a parameter format with %v: change the enum tag of its input type to %v, "+
					"and run the package's tests with -update", file, got, want)
			}
		})
	}
	if found != 4 {
		t.Errorf("found %d parameters named format, want 2 in REST and 2 in MCP", found)
	}
}

// TestToolsHaveTheFiltersOfTheList: every query parameter of the REST list except offset is
// also an argument of the MCP tool.
func TestToolsHaveTheFiltersOfTheList(t *testing.T) {
	var api openAPIDocument
	readJSON(t, openAPIFile, &api)
	var tools mcpList
	readJSON(t, toolsFile, &tools)
	i := slices.Index(toolNames(tools), "memo_list_transcriptions")
	arguments := keysOf(tools.Result.Tools[i].InputSchema.Properties)
	for _, name := range queryParameters(api, "listTranscriptions") {
		if name != "offset" && !slices.Contains(arguments, name) {
			t.Errorf("GET /transcriptions takes %q and memo_list_transcriptions does not: add it to listIn in "+
				"internal/mcp/list.go", name)
		}
	}
}

// walkFormats calls f with the enum of every parameter or property named format.
func walkFormats(v any, f func(enum []any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walkFormats(x, f)
		}
	case map[string]any:
		schema, _ := v["format"].(map[string]any) // a property
		if v["name"] == "format" {                // a parameter
			schema, _ = v["schema"].(map[string]any)
		}
		if enum, ok := schema["enum"].([]any); ok {
			f(enum)
		}
		for _, x := range v {
			walkFormats(x, f)
		}
	}
}

func queryParameters(api openAPIDocument, operation string) (names []string) {
	for _, methods := range api.Paths {
		for _, op := range methods {
			for _, p := range op.Parameters {
				if op.OperationID == operation && p.In == "query" {
					names = append(names, p.Name)
				}
			}
		}
	}
	return names
}

func toolNames(l mcpList) (names []string) {
	for _, tool := range l.Result.Tools {
		names = append(names, tool.Name)
	}
	return names
}

func promptNames(l mcpList) (names []string) {
	for _, prompt := range l.Result.Prompts {
		names = append(names, prompt.Name)
	}
	return names
}

func keysOf(m map[string]any) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func stringsOf[S ~string](in []S) (out []string) {
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
