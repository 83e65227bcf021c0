package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// operation is an endpoint of the REST API, as the docs show it.
type operation struct {
	ID, Method, Path, Summary string
	Parameters                []parameter
	Body                      []propertyDoc
	Responses                 []responseDoc
	Refused                   []responseDoc
	Example                   string // a curl command
}

// parameter is a path or query parameter.
type parameter struct {
	Name, In, Type, Default, Description string
	Required                             bool
}

// responseDoc describes the response with one status.
type responseDoc struct {
	Status, Description string
	Members             []propertyDoc // of a JSON response
	Media               string        // media types of other responses
}

// propertyDoc is a member of a JSON body. Its name includes the path, such as items[].id.
type propertyDoc struct {
	Name, Type string
	Required   bool
}

// The parts of the OpenAPI document that the reference shows.
type (
	apiDocument struct {
		Paths      map[string]map[string]apiOperation `json:"paths"`
		Components struct {
			Schemas   map[string]*apiSchema `json:"schemas"`
			Responses map[string]struct {
				Description string `json:"description"`
			} `json:"responses"`
		} `json:"components"`
	}
	apiOperation struct {
		ID         string   `json:"operationId"`
		Summary    string   `json:"summary"`
		Tags       []string `json:"tags"`
		Parameters []struct {
			Name        string     `json:"name"`
			In          string     `json:"in"`
			Description string     `json:"description"`
			Required    bool       `json:"required"`
			Schema      *apiSchema `json:"schema"`
		} `json:"parameters"`
		RequestBody struct {
			Content map[string]apiMedia `json:"content"`
		} `json:"requestBody"`
		Responses map[string]apiResponse `json:"responses"`
	}
	apiResponse struct {
		Ref         string              `json:"$ref"`
		Description string              `json:"description"`
		Content     map[string]apiMedia `json:"content"`
	}
	apiMedia struct {
		Schema *apiSchema `json:"schema"`
	}
	apiSchema struct {
		Ref        string                `json:"$ref"`
		Type       jsontext.Value        `json:"type"` // a string or a list of strings
		Format     string                `json:"format"`
		Enum       []any                 `json:"enum"`
		Default    jsontext.Value        `json:"default"`
		Properties map[string]*apiSchema `json:"properties"`
		Required   []string              `json:"required"`
		Items      *apiSchema            `json:"items"`
	}
)

// readOperations returns the data calls of the OpenAPI document.
func readOperations(document []byte, server string) []operation {
	if len(document) == 0 {
		return nil
	}
	var d apiDocument
	if err := json.Unmarshal(document, &d); err != nil {
		panic(fmt.Errorf("web: OpenAPI document: %w", err)) // the document is our own
	}
	var list []operation
	for path, methods := range d.Paths {
		for method, op := range methods {
			if slices.Contains(op.Tags, "data") {
				list = append(list, d.operation(server, path, strings.ToUpper(method), op))
			}
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

func (d *apiDocument) operation(server, path, method string, in apiOperation) operation {
	op := operation{ID: in.ID, Method: method, Path: path, Summary: in.Summary}
	for _, p := range in.Parameters {
		out := parameter{Name: p.Name, In: p.In, Type: d.typeOf(p.Schema), Description: p.Description, Required: p.Required}
		out.Default = strings.Trim(string(p.Schema.Default), `"`)
		if len(p.Schema.Enum) > 0 {
			out.Description = strings.TrimPrefix(out.Description+"; one of "+oneOf(p.Schema.Enum), "; ")
		}
		op.Parameters = append(op.Parameters, out)
	}
	body := in.RequestBody.Content["application/json"].Schema
	op.Body = d.members(body)
	file := false
	for _, status := range slices.Sorted(maps.Keys(in.Responses)) {
		r := in.Responses[status]
		if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
			r.Description = d.Components.Responses[name].Description
		}
		a := responseDoc{Status: status, Description: r.Description}
		if n, err := strconv.Atoi(status); err == nil && a.Description == http.StatusText(n) {
			a.Description = "Success."
		}
		if strings.HasPrefix(status, "2") {
			a.Members = d.members(r.Content["application/json"].Schema)
			if len(a.Members) == 0 {
				file = true
				a.Media = strings.Join(slices.Sorted(maps.Keys(r.Content)), ", ")
			}
		}
		if status >= "400" {
			op.Refused = append(op.Refused, a)
		} else {
			op.Responses = append(op.Responses, a)
		}
	}
	op.Example = d.example(server, op, body, file)
	return op
}

// example returns a curl command.
func (d *apiDocument) example(server string, op operation, body *apiSchema, file bool) string {
	line := `curl "` + server + strings.ReplaceAll(op.Path, "{id}", "$ID") + `"`
	if file {
		line = strings.Replace(line, "curl", "curl -OJ", 1)
	}
	line += " \\\n  -H \"Authorization: Bearer " + keyFromEnvironment + `"`
	if body != nil {
		var parts []string
		for _, name := range body.Required {
			value := `\"…\"`
			if d.typeOf(body.Properties[name]) == "list of string" {
				value = `[\"$ID\"]`
			}
			parts = append(parts, `\"`+name+`\":`+value)
		}
		line += " \\\n  -H \"Content-Type: application/json\" -d \"{" + strings.Join(parts, ",") + `}"`
	}
	return line
}

func (d *apiDocument) resolve(s *apiSchema) *apiSchema {
	if s != nil {
		if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
			return d.Components.Schemas[name]
		}
	}
	return s
}

// members lists the members of a body, including nested ones.
func (d *apiDocument) members(s *apiSchema) (list []propertyDoc) {
	if s = d.resolve(s); s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := d.resolve(s.Properties[name])
		m := propertyDoc{Name: name, Type: d.typeOf(p), Required: slices.Contains(s.Required, name)}
		if len(p.Enum) > 0 {
			m.Type += ": " + oneOf(p.Enum)
		}
		list = append(list, m)
		inner, separator := p, "."
		if p.Items != nil {
			inner, separator = d.resolve(p.Items), "[]."
		}
		for _, sub := range d.members(inner) {
			sub.Name = name + separator + sub.Name
			list = append(list, sub)
		}
	}
	return list
}

// typeOf describes a type in words.
func (d *apiDocument) typeOf(s *apiSchema) string {
	if s = d.resolve(s); s == nil {
		return ""
	}
	var name string
	var several []string
	if json.Unmarshal(s.Type, &name) != nil {
		_ = json.Unmarshal(s.Type, &several) // without a type, the description is empty
		name = strings.Join(several, " or ")
		if rest, ok := strings.CutPrefix(name, "null or "); ok {
			name = rest + " or null"
		}
	}
	if name == "array" {
		return "list of " + d.typeOf(s.Items)
	}
	switch s.Format {
	case "uuid", "date", "date-time":
		name = strings.Replace(name, "string", map[string]string{
			"uuid":      "UUID",
			"date":      "date YYYY-MM-DD",
			"date-time": "time, RFC 3339",
		}[s.Format], 1)
	}
	return name
}

func oneOf(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}
