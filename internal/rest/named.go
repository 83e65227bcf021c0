package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/openapi"
	"memoai.tech/memo/internal/params"
)

// partNames are the names of types that are parts of responses. Generators make one type of each name, and
// types with invented names of everything else.
var partNames = map[reflect.Type]string{
	reflect.TypeFor[app.ListItem](): "TranscriptionItem", reflect.TypeFor[memo.KeyView](): "Key",
	reflect.TypeFor[memo.Project](): "Project", reflect.TypeFor[memo.ProjectRef](): "ProjectRef",
	reflect.TypeFor[memo.Segment](): "Segment", reflect.TypeFor[memo.Report](): "Report",
	reflect.TypeFor[memo.Speaker](): "Speaker", reflect.TypeFor[memo.Topic](): "Topic",
	reflect.TypeFor[app.Snippet](): "Snippet", reflect.TypeFor[changeOut](): "Change",
	reflect.TypeFor[memo.Workspace](): "Workspace", reflect.TypeFor[memo.Member](): "Member",
	reflect.TypeFor[memo.User](): "User", reflect.TypeFor[memo.Session](): "Session",
	reflect.TypeFor[params.Fault](): "Fault", reflect.TypeFor[httpx.CodedDetail](): "CodedDetail",
}

// nameSchemas replaces parts of the responses by references to schemas with names.
func nameSchemas(c openapi.Components) {
	names := map[string]string{} // by the JSON of the schema
	for t, name := range partNames {
		s := params.ResponseSchema(t, storedSchemas)
		setIDFormats(s)
		names[jsonOf(s)] = name
		c.Schemas[name] = s
	}
	for _, name := range slices.Sorted(maps.Keys(c.Schemas)) {
		setIDFormats(c.Schemas[name])
	}
	for _, s := range c.Schemas {
		eachPart(s, func(part *jsonschema.Schema) { refer(part, names) })
	}
	for _, r := range c.Responses {
		eachPart(r.Content.Schema(), func(part *jsonschema.Schema) { refer(part, names) })
	}
}

// refer replaces a schema with a name by a reference, and the parts of any other one.
func refer(s *jsonschema.Schema, names map[string]string) {
	isNullable := len(s.Types) == 2 && s.Types[0] == "null"
	plain := *s
	plain.Description = ""
	if isNullable {
		plain.Type, plain.Types = s.Types[1], nil
	}
	name := names[jsonOf(&plain)]
	switch {
	case name == "":
		eachPart(s, func(part *jsonschema.Schema) { refer(part, names) })
	case isNullable:
		*s = jsonschema.Schema{
			Description: s.Description, AnyOf: []*jsonschema.Schema{openapi.SchemaRef(name), {Type: "null"}},
		}
	default:
		*s = *openapi.SchemaRef(name)
	}
}

// eachPart calls f for every schema directly within s.
func eachPart(s *jsonschema.Schema, f func(*jsonschema.Schema)) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		f(s.Properties[name])
	}
	for _, part := range slices.Concat(s.AnyOf, s.OneOf) {
		f(part)
	}
	if s.Items != nil {
		f(s.Items)
	}
}

// setIDFormats adds the format of ids, which are strings in package memo. Only the id of a client is no UUID.
func setIDFormats(s *jsonschema.Schema) {
	isClient := s.Properties["host"] != nil
	for name, p := range s.Properties {
		if (name == "id" && p.Type == "string" && !isClient) || name == "rotated_from" {
			p.Format = "uuid"
		}
	}
	eachPart(s, setIDFormats)
}

func jsonOf(s *jsonschema.Schema) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Errorf("rest: schema: %w", err)) // it depends on types only
	}
	return string(b)
}
