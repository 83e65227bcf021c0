package memo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
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
		Parameters  []struct {
			Name, In string
			Schema   struct {
				Default any
				Enum    []string
			}
		}
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

// row matches a table row whose first cell has a name, and word a name anywhere.
const (
	row  = `(?m)^\| [^|]*\b%s\b[^|]*\|`
	word = `\b%s\b`
)

// place is where a document must mention a name.
type place struct{ file, heading, pattern string }

// TestDocumentsNameEverything: the documents mention every parameter, tool and field. The
// names come from the code or its golden files.
func TestDocumentsNameEverything(t *testing.T) {
	var api openAPIDocument
	readJSON(t, openAPIFile, &api)
	var tools, prompts mcpList
	readJSON(t, toolsFile, &tools)
	readJSON(t, promptsFile, &prompts)
	const contract, guide, mcpGuide = "docs/contract.md", "docs/api.md", "docs/mcp.md"
	const mcpPage = "internal/web/templates/docsmcp.html"
	for _, c := range []struct {
		what   string
		names  []string
		places []place
	}{
		{"export format", stringsOf(transcript.Formats), []place{
			{"README.md", "## What callers get", word},
			{contract, "### `GET /transcriptions/{id}/export`", row},
			{guide, "## Export", word},
			{mcpGuide, "## Tools", word},
			{mcpPage, "", word},
			{"docs/glossary.md", "", `(?m)^\| format \|.*\b%s\b`},
		}},
		{"limit class", stringsOf(ratelimit.Classes), []place{
			{contract, "## Rate limits", row}, {guide, "## Limits", row},
		}},
		{"parameter of a list", queryParameters(api, "listTranscriptions"), []place{
			{contract, "### `GET /transcriptions`", row},
		}},
		{"field of a key", keysOf(api.Components.Schemas["Key"].Properties), []place{
			{contract, "### The key object", word},
		}},
		{"MCP tool", toolNames(tools), []place{
			{contract, "### Tools", row}, {mcpGuide, "## Tools", row}, {mcpPage, "", word},
		}},
		{"MCP prompt", promptNames(prompts), []place{
			{contract, "### Resource and prompts", word}, {mcpGuide, "", word}, {mcpPage, "", word},
		}},
		{"route", routes(api), []place{{contract, "", "`%s[`?]"}}},
	} {
		if len(c.names) < 3 {
			t.Errorf("found only %d names of a %s", len(c.names), c.what)
		}
		for _, p := range c.places {
			text := section(t, p.file, p.heading)
			for _, name := range c.names {
				if p.file == contract {
					name = strings.Replace(name, " /api/v1/developer/", " /", 1) // as it says at its start
				}
				pattern := fmt.Sprintf(p.pattern, regexp.QuoteMeta(name))
				if !regexp.MustCompile(pattern).MatchString(text) {
					t.Errorf("%s does not describe the %s %q: add it under %q", p.file, c.what, name, p.heading)
				}
			}
		}
	}
	for _, tool := range tools.Result.Tools {
		described := regexp.MustCompile("(?m)^\\| `" + tool.Name + "` .*$").FindString(section(t, contract, "### Tools"))
		if strings.Contains(described, "filters and sorts of REST") {
			continue // TestToolsHaveTheFiltersOfTheList compares those
		}
		for _, name := range keysOf(tool.InputSchema.Properties) {
			if !strings.Contains(described, "`"+name+"`") {
				t.Errorf("%s does not name the argument %q of %s: add it to its row", contract, name, tool.Name)
			}
		}
	}
}

// section returns the part of a document from a heading to the next one.
func section(t *testing.T, file, heading string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if heading == "" {
		return string(b)
	}
	_, text, ok := strings.Cut(string(b), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", file, heading)
	}
	text, _, _ = strings.Cut(text, "\n#")
	return text
}

// routes lists the operations, such as "GET /api/v1/developer/me".
func routes(api openAPIDocument) (names []string) {
	for path, methods := range api.Paths {
		for method := range methods {
			names = append(names, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(names)
	return names
}

// TestGuideIsComplete compares docs/api.md with the OpenAPI document. The guide must have every
// route, every value of an enum, and every list parameter with its default.
func TestGuideIsComplete(t *testing.T) {
	const guide = "docs/api.md"
	var api openAPIDocument
	readJSON(t, openAPIFile, &api)
	text := section(t, guide, "")
	var parameters []string
	for _, methods := range api.Paths {
		for _, operation := range methods {
			for _, p := range operation.Parameters {
				for _, value := range p.Schema.Enum {
					if !strings.Contains(text, "`"+value+"`") {
						t.Errorf("%s lacks %s, a value of %s", guide, value, p.Name)
					}
				}
				if operation.OperationID != "listTranscriptions" {
					continue
				}
				line := "`" + p.Name + "`"
				if p.Schema.Default != nil {
					line += fmt.Sprintf(" `%v`", p.Schema.Default)
				}
				parameters = append(parameters, line)
			}
		}
	}
	var inGuide []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]+ /.*?)` \\|").FindAllStringSubmatch(text, -1) {
		inGuide = append(inGuide, m[1])
	}
	sameLines(t, "routes", routes(api), inGuide)
	_, list, _ := strings.Cut(text, "\n| parameter | default |")
	list, _, _ = strings.Cut(list, "\n\n")
	inGuide = nil
	for _, m := range regexp.MustCompile("(?m)^\\| (`.*?) \\|(?: (`.*?`))? \\|").FindAllStringSubmatch(list, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			inGuide = append(inGuide, strings.TrimSpace(name+" "+m[2]))
		}
	}
	sameLines(t, "parameters of a list", parameters, inGuide)
}

func sameLines(t *testing.T, what string, openapi, inGuide []string) {
	t.Helper()
	for _, line := range openapi {
		if !slices.Contains(inGuide, line) {
			t.Errorf("%s: docs/api.md lacks %s", what, line)
		}
	}
	for _, line := range inGuide {
		if !slices.Contains(openapi, line) {
			t.Errorf("%s: docs/api.md has %s, which is not in the OpenAPI document", what, line)
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
				t.Errorf("%s has a parameter format with %v: make the enum tag of its input type and transcript.Formats "+
					"(%v) the same, and run the package's tests with -update", file, got, want)
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
				"internal/mcp/list.go, and run go test ./internal/mcp -update", name)
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
