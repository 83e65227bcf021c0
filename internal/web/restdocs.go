package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo/internal/openapi"
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

// readOperations returns the data calls of the OpenAPI document.
func readOperations(d *openapi.Document, server string) (list []operation) {
	if d == nil {
		return nil
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			if slices.Contains(op.Tags, "data") {
				list = append(list, newOperation(d.Components, server, path, strings.ToUpper(method), op))
			}
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

func newOperation(c openapi.Components, server, path, method string, in openapi.Operation) operation {
	op := operation{ID: in.OperationID, Method: method, Path: path, Summary: in.Summary}
	for _, p := range in.Parameters {
		out := parameter{
			Name: p.Name, In: p.In, Type: typeOf(c, p.Schema), Description: p.Description, Required: p.Required,
			Default: strings.Trim(string(p.Schema.Default), `"`),
		}
		if len(p.Schema.Enum) > 0 {
			out.Description = strings.TrimPrefix(out.Description+"; one of "+oneOf(p.Schema.Enum), "; ")
		}
		op.Parameters = append(op.Parameters, out)
	}
	var body *jsonschema.Schema
	if in.RequestBody != nil {
		body = in.RequestBody.Content.Schema()
		op.Body = members(c, body)
	}
	file := false
	for _, status := range slices.Sorted(maps.Keys(in.Responses)) {
		r := c.ResolveResponse(in.Responses[status])
		a := responseDoc{Status: status, Description: r.Description}
		if n, err := strconv.Atoi(status); err == nil && a.Description == http.StatusText(n) {
			a.Description = "Success."
		}
		if strings.HasPrefix(status, "2") {
			a.Members = members(c, r.Content.Schema())
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
	op.Example = example(server, op, body, file)
	return op
}

// example returns a curl command.
func example(server string, op operation, body *jsonschema.Schema, file bool) string {
	line := `curl "` + server + strings.ReplaceAll(op.Path, "{id}", "$ID") + `"`
	if file {
		line = strings.Replace(line, "curl", "curl -OJ", 1)
	}
	line += " \\\n  -H \"Authorization: Bearer " + keyFromEnvironment + `"`
	if body != nil {
		var parts []string
		for _, name := range body.Required {
			value := `\"…\"`
			if body.Properties[name].Type == "array" {
				value = `[\"$ID\"]`
			}
			parts = append(parts, `\"`+name+`\":`+value)
		}
		line += " \\\n  -H \"Content-Type: application/json\" -d \"{" + strings.Join(parts, ",") + `}"`
	}
	return line
}

// members lists the members of a body, including nested ones.
func members(c openapi.Components, s *jsonschema.Schema) (list []propertyDoc) {
	if s = c.Resolve(s); s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := c.Resolve(s.Properties[name])
		m := propertyDoc{Name: name, Type: typeOf(c, p), Required: slices.Contains(s.Required, name)}
		if len(p.Enum) > 0 {
			m.Type += ": " + oneOf(p.Enum)
		}
		list = append(list, m)
		inner, separator := p, "."
		if p.Items != nil {
			inner, separator = p.Items, "[]."
		}
		for _, sub := range members(c, inner) {
			sub.Name = name + separator + sub.Name
			list = append(list, sub)
		}
	}
	return list
}

// typeOf describes a type in words.
func typeOf(c openapi.Components, s *jsonschema.Schema) string {
	s = c.Resolve(s)
	if s.Type == "array" {
		return "list of " + typeOf(c, s.Items)
	}
	name := s.Type
	if len(s.Types) == 2 { // "null" comes first
		name = s.Types[1] + " or null"
	}
	switch s.Format {
	case "uuid":
		return strings.Replace(name, "string", "UUID", 1)
	case "date":
		return strings.Replace(name, "string", "date YYYY-MM-DD", 1)
	case "date-time":
		return strings.Replace(name, "string", "time, RFC 3339", 1)
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
