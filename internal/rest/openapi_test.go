package rest_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo/internal/openapi"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
	"memoai.tech/memo/internal/transcript"
)

var update = flag.Bool("update", false, "write the golden files")

const golden = "testdata/openapi.json"

func TestOpenAPIMatchesGoldenFile(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{data: 500, management: 180})
	got := w.request(http.DefaultClient, "GET", "/openapi.json", "").Want(200).Body
	testenv.CompareGolden(t, *update, golden, got)
}

// TestFormatsAreDocumented: both exports offer every format.
func TestFormatsAreDocumented(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{})
	var want []any
	for _, format := range transcript.Formats {
		want = append(want, string(format))
	}
	n := 0
	for _, rt := range w.routes() {
		for _, p := range rt.Parameters {
			if p.Name == "format" {
				n++
				if diff := cmp.Diff(want, p.Schema.Enum); diff != "" {
					t.Errorf("%s: %s", rt.OperationID, diff)
				}
			}
		}
		if rt.RequestBody == nil {
			continue
		}
		if s := rt.RequestBody.Content.Schema().Properties["format"]; s != nil {
			n++
			if diff := cmp.Diff(want, s.Enum); diff != "" {
				t.Errorf("%s: %s", rt.OperationID, diff)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d routes have a format, want 2", n)
	}
}

// TestResponsesMatchOpenAPI: every route is in the document, which describes the status of each
// response and the schema of its body.
func TestResponsesMatchOpenAPI(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var doc openapi.Document
		w.request(http.DefaultClient, "GET", "/openapi.json", "").Want(200).Decode(&doc)
		n := 0
		for _, methods := range doc.Paths {
			n += len(methods)
		}
		if n != len(validRequests) {
			t.Errorf("%d operations, but %d valid requests", n, len(validRequests))
		}
		olga := w.signedIn(w.Olga)
		for _, rt := range w.routes() {
			op := doc.Paths[rt.path][strings.ToLower(rt.method)]
			client, own, set := http.DefaultClient, w.Transcriptions[1], testworld.WithKey(w.OlgaKey.Key)
			if rt.is("keys") || rt.needsSession() {
				client, own, set = olga, w.Key(w.Acme, w.Olga).ID, func(*http.Request) {}
			}
			if rt.is("session") && rt.needsSession() {
				client = w.signedIn(w.Olga)
				own = w.sessionOf(client)
			}
			fill := func(s string) string { return strings.ReplaceAll(s, "{own}", own) }
			valid := validRequests[rt.OperationID]
			for _, query := range []string{"", "?nope=1"} {
				if query != "" && strings.Contains(valid.path, "?") {
					query = "&nope=1"
				}
				a := w.request(client, rt.method, fill(valid.path)+query, fill(valid.body), set)
				w.checkResponse(doc, op, a)
			}
		}
	})
}

// checkResponse checks a response against the description of its operation.
func (w *world) checkResponse(doc openapi.Document, op openapi.Operation, a testworld.Response) {
	w.T.Helper()
	r, ok := op.Responses[strconv.Itoa(a.Status)]
	if !ok {
		w.T.Errorf("%s: status %d is not in the document", a.Request, a.Status)
		return
	}
	mediaType, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	s := doc.Components.Resolve(doc.Components.ResolveResponse(r).Content[mediaType].Schema)
	if s == nil || s.Format == "binary" {
		return
	}
	// A schema alone has its references in $defs.
	b, err := json.Marshal(&jsonschema.Schema{AllOf: []*jsonschema.Schema{s}, Defs: doc.Components.Schemas})
	w.Must(err)
	root := new(jsonschema.Schema)
	w.Must(json.Unmarshal([]byte(strings.ReplaceAll(string(b), "#/components/schemas/", "#/$defs/")), root))
	resolved, err := root.Resolve(&jsonschema.ResolveOptions{})
	w.Must(err)
	var v any
	w.Must(json.Unmarshal(a.Body, &v))
	if err := resolved.Validate(v); err != nil {
		w.T.Errorf("%s: the response does not match its schema: %v\n%.500s", a.Request, err, a.Body)
	}
}
