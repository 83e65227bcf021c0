package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/transcript"
)

// This file generates the OpenAPI 3.1 document from the route table and the input and output
// types. openapi_test.go compares it with a golden file and with real responses.

type (
	openAPI struct {
		OpenAPI    string                          `json:"openapi"`
		Info       info                            `json:"info"`
		Servers    []server                        `json:"servers"`
		Tags       []tag                           `json:"tags"`
		Paths      map[string]map[string]operation `json:"paths"`
		Components components                      `json:"components"`
	}
	info struct {
		Title       string  `json:"title"`
		Version     string  `json:"version"`
		Description string  `json:"description"`
		Contact     contact `json:"contact"`
		License     license `json:"license"`
	}
	contact struct {
		Name string `json:"name"`
	}
	license struct {
		Name       string `json:"name"`
		Identifier string `json:"identifier"`
	}
	server struct {
		URL string `json:"url"`
	}
	tag struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	operation struct {
		OperationID string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Description string                `json:"description"`
		Tags        []string              `json:"tags"`
		Security    []map[string][]string `json:"security"`
		Parameters  []parameter           `json:"parameters,omitempty"`
		RequestBody *content              `json:"requestBody,omitempty"`
		Responses   map[string]response   `json:"responses"`
	}
	parameter struct {
		Name        string             `json:"name"`
		In          string             `json:"in"`
		Description string             `json:"description,omitempty"`
		Required    bool               `json:"required,omitempty"`
		Schema      *jsonschema.Schema `json:"schema"`
	}
	content struct {
		Required bool             `json:"required,omitempty"`
		Content  map[string]media `json:"content"`
	}
	media struct {
		Schema *jsonschema.Schema `json:"schema"`
	}
	response struct {
		Ref         string            `json:"$ref,omitempty"`
		Description string            `json:"description,omitempty"`
		Headers     map[string]header `json:"headers,omitempty"`
		Content     map[string]media  `json:"content,omitempty"`
	}
	header struct {
		Description string             `json:"description"`
		Schema      *jsonschema.Schema `json:"schema"`
	}
	components struct {
		SecuritySchemes map[string]securityScheme     `json:"securitySchemes"`
		Schemas         map[string]*jsonschema.Schema `json:"schemas"`
		Responses       map[string]response           `json:"responses"`
	}
	securityScheme struct {
		Type         string `json:"type"`
		Scheme       string `json:"scheme,omitempty"`
		BearerFormat string `json:"bearerFormat,omitempty"`
		In           string `json:"in,omitempty"`
		Name         string `json:"name,omitempty"`
		Description  string `json:"description"`
	}
)

// jsonMedia returns a schema as JSON content.
func jsonMedia(s *jsonschema.Schema) map[string]media {
	return map[string]media{"application/json": {Schema: s}}
}

// document returns the OpenAPI document.
func (a *API) document() openAPI {
	url := a.publicURL
	if url == "" {
		url = "/"
	}
	d := openAPI{
		OpenAPI: "3.1.0",
		Info: info{
			Title: "Memo AI Developer API", Version: "1.0.0",
			Description: "Read, search and export a workspace's transcriptions with an API key. " +
				"Every response has X-Request-Id; every error is JSON with a member `detail`. " +
				fmt.Sprintf("Limits: %d data calls per key and %d key management calls per member and workspace, "+
					"in any %d seconds.",
					a.app.Limit(ratelimit.Data), a.app.Limit(ratelimit.Management), int(ratelimit.Period.Seconds())),
			Contact: contact{Name: "The operator of this server"},
			License: license{Name: "Apache 2.0", Identifier: "Apache-2.0"},
		},
		Servers: []server{{url}},
		Tags: []tag{
			{"data", "What an API key reads and exports."},
			{"keys", "Key management, for a signed-in member and never for a key."},
			{"session", "Signing in and out."},
			{"about", "The API itself."},
		},
		Paths: map[string]map[string]operation{},
		Components: components{
			SecuritySchemes: map[string]securityScheme{
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
			d.Paths[rt.path] = map[string]operation{}
		}
		d.Paths[rt.path][strings.ToLower(rt.method)] = rt.operation(d.Components.Schemas)
	}
	return d
}

func (rt route) operation(schemas map[string]*jsonschema.Schema) operation {
	op := operation{
		OperationID: rt.name, Summary: rt.doc, Description: rt.doc, Responses: map[string]response{},
		Security: []map[string][]string{},
	}
	refused := []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	switch rt.access {
	case byKey:
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
	for _, f := range reflect.VisibleFields(rt.in) {
		if p, ok := parameterOf(f); ok {
			op.Parameters = append(op.Parameters, p)
			if p.In == "path" {
				refused = append(refused, 404)
			}
		}
		if mode := f.Tag.Get("body"); mode != "" {
			op.RequestBody = &content{Required: mode == "required", Content: jsonMedia(schemaOf(f.Type))}
			refused = append(refused, 413, 415)
			if rt.access == byKey {
				refused = append(refused, 404)
			}
		}
	}
	if rt.access == byMember && rt.method != http.MethodGet && rt.method != http.MethodDelete {
		refused = append(refused, 409)
	}
	for _, status := range refused {
		op.Responses[strconv.Itoa(status)] = response{Ref: "#/components/responses/" + responseName(status)}
	}
	op.Responses[strconv.Itoa(rt.status)] = rt.successResponse(schemas)
	if rt.cached {
		op.Responses["304"] = response{Description: "Unchanged since the ETag in If-None-Match."}
	}
	return op
}

// QueryParameters returns the names of an operation's query parameters, in the order of
// its input.
func (a *API) QueryParameters(operation string) (names []string) {
	for _, rt := range a.routes {
		if rt.name != operation {
			continue
		}
		for _, f := range fieldsOf(rt.in) {
			if name := f.Tag.Get("query"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// successResponse describes the response of a successful call.
func (rt route) successResponse(schemas map[string]*jsonschema.Schema) response {
	r := response{Description: http.StatusText(rt.status)}
	if rt.access == byKey || rt.access == byMember {
		r.Headers = map[string]header{
			"RateLimit-Policy": {`The limit: "data";q=CALLS;w=SECONDS`, &jsonschema.Schema{Type: "string"}},
			"RateLimit":        {`What is left: "data";r=CALLS;t=SECONDS`, &jsonschema.Schema{Type: "string"}},
		}
	}
	switch {
	case rt.produces != "":
		r.Content = map[string]media{rt.produces: {Schema: &jsonschema.Schema{Type: "string"}}}
	case rt.status == http.StatusNoContent:
	case rt.out.Kind() == reflect.Interface:
		r.Content = jsonMedia(&jsonschema.Schema{Type: "object"})
	default:
		name := componentName(rt.out)
		schemas[name] = allowExtraMembers(schemaOf(rt.out))
		r.Content = jsonMedia(&jsonschema.Schema{Ref: "#/components/schemas/" + name})
	}
	return r
}

func parameterOf(f reflect.StructField) (parameter, bool) {
	p := parameter{Name: f.Tag.Get("query"), In: "query", Description: f.Tag.Get("doc"), Schema: &jsonschema.Schema{}}
	if name := f.Tag.Get("path"); name != "" {
		p.Name, p.In, p.Required = name, "path", true
	}
	if p.Name == "" {
		return p, false
	}
	def := f.Tag.Get("default")
	switch f.Type {
	case reflect.TypeFor[idParam]():
		p.Schema.Type, p.Schema.Format = "string", "uuid"
	case reflect.TypeFor[dayParam]():
		p.Schema.Type, p.Schema.Format = "string", "date"
	case reflect.TypeFor[int]():
		p.Schema.Type = "integer"
		if least := f.Tag.Get("min"); least != "" {
			p.Schema.Minimum = jsonschema.Ptr(float64(mustAtoi(least)))
		}
		if def != "" {
			p.Schema.Default = json.RawMessage(def)
		}
	default:
		p.Schema.Type = "string"
		if def != "" {
			p.Schema.Default = json.RawMessage(strconv.Quote(def))
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			p.Schema.Enum = toAny(strings.Split(enum, ","))
		}
	}
	return p, true
}

func toAny[T any](values []T) (out []any) {
	for _, v := range values {
		out = append(out, v)
	}
	return out
}

// schemaOf returns the schema of a type, with the enums and formats that Go types do not express.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[time.Time]():         {Type: "string", Format: "date-time"},
		reflect.TypeFor[memo.Optional]():     {Types: []string{"null", "string"}},
		reflect.TypeFor[nullableString]():    {Types: []string{"null", "string"}},
		reflect.TypeFor[memo.Status]():       {Type: "string", Enum: toAny(memo.Statuses)},
		reflect.TypeFor[memo.KeyStatus]():    {Type: "string", Enum: toAny(memo.KeyStatuses)},
		reflect.TypeFor[memo.Plan]():         {Type: "string", Enum: toAny(memo.Plans)},
		reflect.TypeFor[memo.Role]():         {Type: "string", Enum: []any{memo.RoleOwner, memo.RoleMember}},
		reflect.TypeFor[transcript.Format](): {Type: "string", Enum: toAny(transcript.Formats)},
		reflect.TypeFor[totalRelation](): {
			Type: "string", Enum: []any{"eq", "gte"},
			Description: "eq: total is exact; gte: there are more, as a search counts up to 10,000",
		},
	}})
	if err != nil {
		panic(fmt.Errorf("rest: schema of %v: %w", t, err)) // it depends on types only
	}
	eachSchema(s, func(s *jsonschema.Schema) {
		if len(s.Types) == 2 && s.Types[1] == "array" {
			s.Types, s.Type = nil, "array" // lists are never null
		}
	})
	return s
}

// allowExtraMembers allows unknown members in a response, because clients must ignore members
// that are added later.
func allowExtraMembers(s *jsonschema.Schema) *jsonschema.Schema {
	eachSchema(s, func(s *jsonschema.Schema) {
		if s.Type == "object" && s.Properties != nil {
			s.AdditionalProperties = nil
		}
	})
	return s
}

// eachSchema calls f for a schema and for every schema within it.
func eachSchema(s *jsonschema.Schema, f func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	f(s)
	for _, p := range s.Properties {
		eachSchema(p, f)
	}
	eachSchema(s.Items, f)
	if s.AdditionalProperties != nil && s.AdditionalProperties.Type != "" {
		eachSchema(s.AdditionalProperties, f)
	}
}

// componentName returns the name of a response type in the document.
func componentName(t reflect.Type) string {
	names := map[reflect.Type]string{
		reflect.TypeFor[listPage](): "TranscriptionList", reflect.TypeFor[memo.Transcription](): "Transcription",
		reflect.TypeFor[projectsOut](): "ProjectList", reflect.TypeFor[meResponse](): "Me",
		reflect.TypeFor[keysOut](): "KeyList", reflect.TypeFor[memo.KeyView](): "Key",
		reflect.TypeFor[memo.CreatedKey](): "NewKey", reflect.TypeFor[signInOut](): "SignedIn",
		reflect.TypeFor[sessionsOut](): "SessionList",
	}
	if name := names[t]; name != "" {
		return name
	}
	panic(fmt.Sprintf("rest: the response type %v has no name in the OpenAPI document", t))
}

func responseName(status int) string { return "Refused" + strconv.Itoa(status) }

// refusalResponses describes every refusal of docs/contract.md#order-of-refusals.
func refusalResponses() map[string]response {
	text := &jsonschema.Schema{Type: "string"}
	code := &jsonschema.Schema{
		Type: "object", Required: []string{"code", "message"},
		Properties: map[string]*jsonschema.Schema{
			"code": {Type: "string"}, "message": {Type: "string"},
			"ids": {Type: "array", Items: &jsonschema.Schema{Type: "string"}},
		},
	}
	problems := allowExtraMembers(schemaOf(reflect.TypeFor[httpx.ParamErrors]()))
	detail := func(of *jsonschema.Schema) map[string]media {
		return jsonMedia(&jsonschema.Schema{
			Type: "object", Required: []string{"detail"}, Properties: map[string]*jsonschema.Schema{"detail": of},
		})
	}
	retry := map[string]header{"Retry-After": {
		"Whole seconds. A request after that time succeeds unless others come first.",
		&jsonschema.Schema{Type: "integer"},
	}}
	out := map[string]response{}
	for status, r := range map[int]response{
		401: {Description: "The key is missing or invalid, or was sent in the URL.", Content: detail(text)},
		403: {Description: "The plan has no API access, or a key tried to manage keys.", Content: detail(code)},
		404: {
			Description: "Not found, or in another workspace.",
			Content:     detail(&jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, code}}),
		},
		409: {Description: "Not possible in the current state.", Content: detail(code)},
		413: {Description: "The body is too large.", Content: detail(text)},
		415: {Description: "The body is not JSON.", Content: detail(text)},
		422: {Description: "Invalid parameters. The response lists all of them.", Content: detail(problems)},
		429: {Description: "Rate limit exceeded.", Headers: retry, Content: detail(text)},
		500: {Description: "Internal server error. Search the log for request_id.", Content: detail(text)},
		503: {Description: "Busy or unavailable. Try again after Retry-After.", Headers: retry, Content: detail(text)},
	} {
		out[responseName(status)] = r
	}
	return out
}
