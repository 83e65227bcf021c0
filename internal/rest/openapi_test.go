package rest

import (
	"encoding/json"
	"flag"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/testworld"
)

var update = flag.Bool("update", false, "write the golden files")

const golden = "testdata/openapi.json"

func TestOpenAPIMatchesGoldenFile(t *testing.T) {
	w := newWorld(t, storeIn(t), limits{data: 500, management: 180})
	got := w.request(http.DefaultClient, "GET", "/openapi.json", "").Want(200).Body
	testenv.CompareGolden(t, *update, golden, got)
}

// TestResponsesMatchOpenAPI: every route is in the document, which describes the status of each
// response and the schema of its body.
func TestResponsesMatchOpenAPI(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var doc openAPI
		w.request(http.DefaultClient, "GET", "/openapi.json", "").Want(200).Decode(&doc)
		n := 0
		for _, methods := range doc.Paths {
			n += len(methods)
		}
		if n != len(w.api.routes) {
			t.Errorf("%d operations for %d routes", n, len(w.api.routes))
		}
		olga := w.signedIn(w.Olga)
		for _, rt := range w.api.routes {
			op := doc.Paths[rt.path][strings.ToLower(rt.method)]
			if op.OperationID != rt.name {
				t.Errorf("%s %s is not in the document", rt.method, rt.path)
				continue
			}
			client, own, set := http.DefaultClient, w.Transcriptions[1], testworld.WithKey(w.OlgaKey.Key)
			if rt.access == byMember || rt.access == byUser {
				client, own, set = olga, w.Key(w.Acme, w.Olga).ID, func(*http.Request) {}
			}
			if rt.access == byUser {
				client = w.signedIn(w.Olga)
				own = w.sessionOf(client)
			}
			fill := func(s string) string { return strings.ReplaceAll(s, "{own}", own) }
			for _, query := range []string{"", "?nope=1"} {
				if query != "" && strings.Contains(validRequests[rt.name].path, "?") {
					query = "&nope=1"
				}
				a := w.request(client, rt.method, fill(validRequests[rt.name].path)+query, fill(validRequests[rt.name].body), set)
				w.checkResponse(doc, op, a)
			}
		}
	})
}

// checkResponse checks a response against the description of its operation.
func (w *world) checkResponse(doc openAPI, op operation, a testworld.Response) {
	w.T.Helper()
	r, ok := op.Responses[strconv.Itoa(a.Status)]
	if !ok {
		w.T.Errorf("%s: status %d is not in the document", a.Request, a.Status)
		return
	}
	if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
		r = doc.Components.Responses[name]
	}
	m, ok := r.Content["application/json"]
	if !ok {
		return
	}
	s := m.Schema
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = doc.Components.Schemas[name]
	}
	resolved, err := s.Resolve(&jsonschema.ResolveOptions{})
	w.Must(err)
	var v any
	w.Must(json.Unmarshal(a.Body, &v))
	if err := resolved.Validate(v); err != nil {
		w.T.Errorf("%s: the response does not match its schema: %v\n%.500s", a.Request, err, a.Body)
	}
}
