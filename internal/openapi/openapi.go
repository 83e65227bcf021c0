// Package openapi has the parts of an OpenAPI 3.1 document that Memo's has, as Go types: package rest
// fills them, and package web shows them.
package openapi

import (
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo/internal/params"
)

// The types are named as in the specification.
type (
	Document struct {
		OpenAPI    string                          `json:"openapi"`
		Info       Info                            `json:"info"`
		Servers    []Server                        `json:"servers"`
		Tags       []Tag                           `json:"tags"`
		Paths      map[string]map[string]Operation `json:"paths"` // by path and method in lower case
		Components Components                      `json:"components"`
	}
	Info struct {
		Title       string  `json:"title"`
		Version     string  `json:"version"`
		Description string  `json:"description"`
		Contact     Contact `json:"contact"`
		License     License `json:"license"`
	}
	Contact struct {
		Name string `json:"name"`
	}
	License struct {
		Name       string `json:"name"`
		Identifier string `json:"identifier"`
	}
	Server struct {
		URL string `json:"url"`
	}
	Tag struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	Operation struct {
		OperationID string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Description string                `json:"description"`
		Tags        []string              `json:"tags"`
		Security    []map[string][]string `json:"security"`
		Parameters  []params.Field        `json:"parameters,omitempty"`
		RequestBody *RequestBody          `json:"requestBody,omitempty"`
		Responses   map[string]Response   `json:"responses"` // by status
	}
	RequestBody struct {
		Required bool    `json:"required,omitempty"`
		Content  Content `json:"content"`
	}
	// Content is what a body can be, by media type.
	Content   map[string]MediaType
	MediaType struct {
		Schema *jsonschema.Schema `json:"schema"`
	}
	Response struct {
		Ref         string            `json:"$ref,omitempty"`
		Description string            `json:"description,omitempty"`
		Headers     map[string]Header `json:"headers,omitempty"`
		Content     Content           `json:"content,omitempty"`
	}
	Header struct {
		Description string             `json:"description"`
		Schema      *jsonschema.Schema `json:"schema"`
	}
	Components struct {
		SecuritySchemes map[string]SecurityScheme     `json:"securitySchemes"`
		Schemas         map[string]*jsonschema.Schema `json:"schemas"`
		Responses       map[string]Response           `json:"responses"`
	}
	SecurityScheme struct {
		Type         string `json:"type"`
		Scheme       string `json:"scheme,omitempty"`
		BearerFormat string `json:"bearerFormat,omitempty"`
		In           string `json:"in,omitempty"`
		Name         string `json:"name,omitempty"`
		Description  string `json:"description"`
	}
)

const (
	schemaRef   = "#/components/schemas/"
	responseRef = "#/components/responses/"
)

// JSON returns a schema as JSON content.
func JSON(s *jsonschema.Schema) Content { return Content{"application/json": {Schema: s}} }

// Schema returns the schema of JSON content, or nil if there is none.
func (c Content) Schema() *jsonschema.Schema { return c["application/json"].Schema }

// SchemaRef returns a reference to the schema with this name.
func SchemaRef(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: schemaRef + name} }

// ResponseRef returns a reference to the response with this name.
func ResponseRef(name string) Response { return Response{Ref: responseRef + name} }

// Resolve returns the schema that s refers to, also if it allows null, or s if it is not a reference.
func (c Components) Resolve(s *jsonschema.Schema) *jsonschema.Schema {
	if s != nil && len(s.AnyOf) == 2 && s.AnyOf[1].Type == "null" {
		s = s.AnyOf[0]
	}
	if s != nil && s.Ref != "" {
		return c.Schemas[strings.TrimPrefix(s.Ref, schemaRef)]
	}
	return s
}

// ResolveResponse returns the response that r refers to, or r if it is not a reference.
func (c Components) ResolveResponse(r Response) Response {
	if r.Ref != "" {
		return c.Responses[strings.TrimPrefix(r.Ref, responseRef)]
	}
	return r
}
