package rest

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/openapi"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/ratelimit"
)

// newDocument generates the OpenAPI document from the route table and its types. openapi_test.go compares it
// with a golden file and with real responses.
func (a *API) newDocument(serverURL, version string) *openapi.Document {
	d := &openapi.Document{
		OpenAPI: "3.1.0",
		Info: openapi.Info{
			Title: "Memo AI Developer API", Version: cmp.Or(version, "1.0.0"),
			Description: "Read, search and export a workspace's transcriptions with an API key. " +
				"Every response has X-Request-Id; every error is JSON with a member `detail`. " +
				fmt.Sprintf("Limits: %d data calls per key and %d key management calls per member and workspace, "+
					"in any %d seconds.",
					a.app.Limit(ratelimit.Data), a.app.Limit(ratelimit.Management), int(ratelimit.Period.Seconds())),
			Contact: openapi.Contact{Name: "The operator of this server"},
			License: openapi.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
		},
		Servers: []openapi.Server{{URL: cmp.Or(serverURL, "/")}},
		Tags: []openapi.Tag{
			{Name: "data", Description: "What an API key reads and exports."},
			{Name: "keys", Description: "Management of keys and webhooks, for a signed-in member and never for a key."},
			{Name: "session", Description: "Signing in and out."},
			{Name: "about", Description: "The API itself."},
		},
		Paths: map[string]map[string]openapi.Operation{},
		Components: openapi.Components{
			SecuritySchemes: map[string]openapi.SecurityScheme{
				"apiKey": {
					Type: "http", Scheme: "bearer", BearerFormat: "mk_live_…",
					Description: "An API key of the workspace, in the Authorization header and never in the URL.",
				},
				"session": {
					Type: "apiKey", In: "cookie", Name: "__Host-memo_session",
					Description: "The cookie that POST /api/v1/session sets (memo_session over plain HTTP).",
				},
			},
			Schemas:   map[string]*jsonschema.Schema{},
			Responses: refusalResponses(),
		},
	}
	for _, rt := range a.routes {
		if d.Paths[rt.path] == nil {
			d.Paths[rt.path] = map[string]openapi.Operation{}
		}
		d.Paths[rt.path][strings.ToLower(rt.method)] = rt.operation(d.Components.Schemas)
	}
	nameSchemas(d.Components)
	return d
}

func (rt route) operation(schemas map[string]*jsonschema.Schema) openapi.Operation {
	op := openapi.Operation{
		OperationID: rt.name, Summary: rt.doc, Description: rt.doc, Responses: map[string]openapi.Response{},
		Security: []map[string][]string{},
	}
	refused := []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	switch rt.access {
	case byKey, byExport:
		op.Tags, op.Security = []string{"data"}, []map[string][]string{{"apiKey": {}}}
		refused = append(refused, 401, 403, 422, 429)
	case byMember:
		op.Tags, op.Security = []string{"keys"}, []map[string][]string{{"session": {}}}
		refused = append(refused, 401, 403, 404, 422, 429)
	case byUser:
		op.Tags, op.Security = []string{"session"}, []map[string][]string{{"session": {}}}
		refused = append(refused, 401, 403, 422)
	case bySignIn:
		op.Tags = []string{"session"}
		refused = append(refused, 401, 403, 422, 429)
	case public:
		op.Tags = []string{"about"}
		refused = append(refused, 401)
	}
	if rt.out == reflect.TypeFor[changePage]() {
		refused = append(refused, 410)
	}
	for _, f := range params.Fields(rt.in) {
		switch f.In {
		case "body":
			op.RequestBody = &openapi.RequestBody{Required: f.Required, Content: openapi.JSON(f.Schema)}
			refused = append(refused, 413, 415)
			if rt.isData() {
				refused = append(refused, 404)
			}
		case "path":
			refused = append(refused, 404)
			fallthrough
		default:
			op.Parameters = append(op.Parameters, f)
		}
	}
	if rt.access == byMember && rt.method != http.MethodGet && rt.method != http.MethodDelete {
		refused = append(refused, 409)
	}
	for _, status := range refused {
		op.Responses[strconv.Itoa(status)] = openapi.ResponseRef(responseName(status))
	}
	op.Responses[strconv.Itoa(rt.status)] = rt.successResponse(schemas)
	if rt.isCached() {
		op.Responses["304"] = openapi.Response{Description: "Unchanged since the ETag in If-None-Match."}
	}
	return op
}

// QueryParameters returns the names of an operation's query parameters, in the order of
// its input.
func (a *API) QueryParameters(operation string) (names []string) {
	for _, rt := range a.routes {
		for _, f := range params.Fields(rt.in) {
			if rt.name == operation && f.In == "query" {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// componentNames are the names of the types of responses in the document.
var componentNames = map[reflect.Type]string{
	reflect.TypeFor[listPage](): "TranscriptionList", reflect.TypeFor[changePage](): "ChangeList",
	reflect.TypeFor[app.Transcription](): "Transcription",
	reflect.TypeFor[projectsOut]():       "ProjectList", reflect.TypeFor[meResponse](): "Me",
	reflect.TypeFor[keysOut](): "KeyList", reflect.TypeFor[memo.KeyView](): "Key",
	reflect.TypeFor[memo.CreatedKey](): "NewKey", reflect.TypeFor[signInOut](): "SignedIn",
	reflect.TypeFor[sessionsOut](): "SessionList", reflect.TypeFor[memo.KeyPolicy](): "KeyPolicy",
	reflect.TypeFor[webhooksOut](): "WebhookList", reflect.TypeFor[memo.Webhook](): "Webhook",
	reflect.TypeFor[memo.CreatedWebhook](): "NewWebhook", reflect.TypeFor[deliveriesOut](): "DeliveryList",
	reflect.TypeFor[memo.Delivery](): "Delivery",
}

// successResponse describes the response of a successful call.
func (rt route) successResponse(schemas map[string]*jsonschema.Schema) openapi.Response {
	r := openapi.Response{Description: http.StatusText(rt.status), Headers: rt.responseHeaders()}
	switch out := reflect.New(rt.out).Elem().Interface().(type) {
	case noBody:
	case nil:
		r.Content = openapi.JSON(&jsonschema.Schema{Type: "object"})
	case download:
		r.Content = openapi.Content{}
		for _, mediaType := range out.mediaTypes() {
			r.Content[mediaType] = openapi.MediaType{Schema: &jsonschema.Schema{Type: "string", Format: "binary"}}
		}
		if _, ok := r.Content["application/json"]; ok { // a client decodes JSON, also from a file
			r.Content["application/json"] = openapi.MediaType{Schema: &jsonschema.Schema{Type: "object"}}
		}
	default:
		name := componentNames[rt.out]
		if name == "" {
			panic(fmt.Sprintf("rest: the response type %v has no name in the OpenAPI document", rt.out))
		}
		schemas[name] = params.ResponseSchema(rt.out, storedSchemas)
		r.Content = openapi.JSON(openapi.SchemaRef(name))
	}
	return r
}

// responseHeaders describes the headers of the response of a successful call.
func (rt route) responseHeaders() map[string]openapi.Header {
	integer := &jsonschema.Schema{Type: "integer"}
	h := map[string]openapi.Header{"X-Request-Id": {Description: "The id of the request in the log.", Schema: text}}
	if rt.isData() || rt.access == byMember {
		h["RateLimit-Policy"] = openapi.Header{Description: `The limit: "data";q=CALLS;w=SECONDS`, Schema: text}
		h["RateLimit"] = openapi.Header{Description: `What is left: "data";r=CALLS;t=SECONDS`, Schema: text}
		h["X-RateLimit-Limit"] = openapi.Header{Description: "The limit in calls.", Schema: integer}
		h["X-RateLimit-Remaining"] = openapi.Header{Description: "Calls that are left.", Schema: integer}
		h["X-RateLimit-Reset"] = openapi.Header{Description: "Seconds until a call stops counting.", Schema: integer}
	}
	if rt.isCached() {
		h["ETag"] = openapi.Header{Description: "Send it as If-None-Match.", Schema: text}
	}
	if slices.Contains([]string{"listTranscriptions", "listProjects", "listKeys"}, rt.name) {
		h["Link"] = openapi.Header{Description: "The URLs of the first and the next page (RFC 8288).", Schema: text}
	}
	if rt.out.Implements(reflect.TypeFor[download]()) {
		h["Content-Disposition"] = openapi.Header{Description: "The name of the file.", Schema: text}
	}
	return h
}

// text is the schema of any string.
var text = &jsonschema.Schema{Type: "string"}

func responseName(status int) string { return "Refused" + strconv.Itoa(status) }

// refusalResponses describes every refusal of docs/contract.md#order-of-refusals.
func refusalResponses() map[string]openapi.Response {
	code := params.ResponseSchema(reflect.TypeFor[httpx.CodedDetail](), nil)
	faults := params.ResponseSchema(reflect.TypeFor[params.Faults](), nil)
	detail := func(of *jsonschema.Schema) openapi.Content {
		return openapi.JSON(&jsonschema.Schema{
			Type: "object", Required: []string{"detail"}, Properties: map[string]*jsonschema.Schema{"detail": of},
		})
	}
	detailAnd := func(member string, schema *jsonschema.Schema) openapi.Content {
		return openapi.JSON(&jsonschema.Schema{
			Type: "object", Required: []string{"detail"},
			Properties: map[string]*jsonschema.Schema{"detail": text, member: schema},
		})
	}
	retry := map[string]openapi.Header{"Retry-After": {
		Description: "Whole seconds. A request after that time succeeds unless others come first.",
		Schema:      &jsonschema.Schema{Type: "integer"},
	}}
	out := map[string]openapi.Response{}
	for status, r := range map[int]openapi.Response{
		401: {
			Description: "The key is missing or invalid, or was sent in the URL.",
			Content: detailAnd("reason", &jsonschema.Schema{
				Type: "string", Enum: []any{memo.KeyExpired, memo.KeyRevoked, memo.KeyDeactivated},
			}),
		},
		403: {Description: "The plan has no API access, or a key tried to manage keys.", Content: detail(code)},
		404: {
			Description: "Not found, or in another workspace.",
			Content:     detail(&jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, code}}),
		},
		409: {Description: "Not possible in the current state.", Content: detail(code)},
		410: {Description: "The cursor is from before a restore of the database.", Content: detail(code)},
		413: {Description: "The body is too large.", Content: detail(text)},
		415: {Description: "The body is not JSON.", Content: detail(text)},
		422: {Description: "Invalid parameters. The response lists all of them.", Content: detail(faults)},
		429: {
			Description: "Rate limit exceeded.", Headers: retry,
			Content: detailAnd("retry_after", &jsonschema.Schema{Type: "integer"}),
		},
		500: {Description: "Internal server error. Search the log for request_id.", Content: detail(text)},
		503: {Description: "Busy or unavailable. Try again after Retry-After.", Headers: retry, Content: detail(text)},
	} {
		out[responseName(status)] = r
	}
	return out
}
