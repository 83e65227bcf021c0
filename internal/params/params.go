// Package params is the grammar of input: tags on the fields of a struct say what a caller may
// send. The check of a request, its JSON schema and the parameters in the OpenAPI document all
// follow from these tags.
//
// A field has one of
//   - query:"name" or path:"name": a parameter of a request;
//   - json:"name": a member of a JSON body or an argument of a tool, which is required unless the tag
//     has ",omitzero";
//   - body:"required" or body:"optional": the JSON body, a struct.
//
// and optionally doc:"…", default:"…", enum:"a,b", min:"1" and max:"50". min and max limit a number,
// the characters of a text or the items of a list.
//
// The type of a field is string, int, [UUID], [Date], [Nullable], a list, or a type whose UnmarshalText
// or UnmarshalJSON returns a [memo.Error]. A pointer allows null.
package params

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo"
)

// Field is a field of an input. Its JSON is a parameter of an OpenAPI document.
type Field struct {
	Name        string             `json:"name"` // empty for the body
	In          string             `json:"in"`   // "query", "path" or "body"
	Description string             `json:"description,omitempty"`
	Required    bool               `json:"required,omitempty"`
	Schema      *jsonschema.Schema `json:"schema"`

	index    []int
	defaults string        // the default as text
	value    reflect.Value // the default, or invalid without one
	choices  string        // the enum, for people
}

// fieldCache caches the fields of every input type, because reflecting on them costs more than
// parsing a query.
var fieldCache sync.Map // reflect.Type → []Field

// Fields returns the fields of an input type in their order. Callers must not change them.
func Fields(t reflect.Type) []Field {
	if fields, ok := fieldCache.Load(t); ok {
		return fields.([]Field)
	}
	var fields []Field
	for _, sf := range reflect.VisibleFields(t) {
		f := Field{
			index: sf.Index, defaults: sf.Tag.Get("default"), choices: strings.ReplaceAll(sf.Tag.Get("enum"), ",", ", "),
		}
		if !f.locate(sf.Tag) {
			continue
		}
		f.Schema = Schema(sf.Type)
		addTags(f.Schema, sf)
		if f.In != "body" {
			f.Description = sf.Tag.Get("doc")
		}
		if f.defaults != "" {
			f.value = reflect.New(sf.Type).Elem()
			if faults := f.setText(f.value, f.defaults); faults != nil {
				panic(fmt.Errorf("params: default of %s: %w", sf.Name, faults)) // it depends on types only
			}
		}
		fields = append(fields, f)
	}
	fieldCache.Store(t, fields)
	return fields
}

// locate sets where the field is in a request, and reports whether it is in one.
func (f *Field) locate(tag reflect.StructTag) bool {
	if name := tag.Get("query"); name != "" {
		f.Name, f.In = name, "query"
	} else if name := tag.Get("path"); name != "" {
		f.Name, f.In, f.Required = name, "path", true
	} else if name, options, _ := strings.Cut(tag.Get("json"), ","); name != "" {
		f.Name, f.In, f.Required = name, "body", options == ""
	} else if mode := tag.Get("body"); mode != "" {
		f.In, f.Required = "body", mode == "required"
	}
	return f.In != ""
}

// Body returns a pointer to the field of in for the JSON body, or nil if the call has no body.
func Body(in any) (body any, required bool) {
	v := reflect.ValueOf(in).Elem()
	for _, f := range Fields(v.Type()) {
		if f.In == "body" && f.Name == "" {
			return v.FieldByIndex(f.index).Addr().Interface(), f.Required
		}
	}
	return nil, false
}

// typeSchemas has the enums and formats that Go types do not express.
var typeSchemas = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[UUID]():      {Type: "string", Format: "uuid"},
	reflect.TypeFor[Date]():      {Type: "string", Format: "date"},
	reflect.TypeFor[Instant]():   {Type: "string", Format: "date-time"},
	reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"},
	reflect.TypeFor[[]any](): { // Fault.Loc; generators refuse items of any type
		Type: "array", Items: &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "integer"}}},
	},
	reflect.TypeFor[memo.Optional]():  {Types: []string{"null", "string"}},
	reflect.TypeFor[memo.Status]():    {Type: "string", Enum: toAny(memo.Statuses)},
	reflect.TypeFor[memo.KeyStatus](): {Type: "string", Enum: toAny(memo.KeyStatuses)},
	reflect.TypeFor[memo.Plan]():      {Type: "string", Enum: toAny(memo.Plans)},
	reflect.TypeFor[memo.Scope]():     {Type: "string", Enum: scopes()},
	reflect.TypeFor[memo.Role]():      {Type: "string", Enum: []any{memo.RoleOwner, memo.RoleMember}},
}

func scopes() (names []any) {
	for _, info := range memo.Scopes {
		names = append(names, info.Scope)
	}
	return names
}

// Schema returns the JSON schema of what a caller may send as a value of this type.
func Schema(t reflect.Type) *jsonschema.Schema { return schemaOf(t, nil) }

// ArgumentSchema returns the schema of the arguments of a tool. It has no formats, which some hosts
// refuse and others enforce more strictly than [DecodeArguments].
func ArgumentSchema(t reflect.Type) *jsonschema.Schema {
	s := schemaOf(t, nil)
	eachSchema(s, func(s *jsonschema.Schema) { s.Format = "" })
	return s
}

// ResponseSchema returns the JSON schema of a response. Its objects may have more members, because
// clients must ignore those that are added later. stored has the schemas of types that are written
// from stored JSON.
func ResponseSchema(t reflect.Type, stored map[reflect.Type]*jsonschema.Schema) *jsonschema.Schema {
	s := schemaOf(t, stored)
	eachSchema(s, func(s *jsonschema.Schema) {
		if s.Properties != nil {
			s.AdditionalProperties = nil
		}
	})
	return s
}

func schemaOf(t reflect.Type, stored map[reflect.Type]*jsonschema.Schema) *jsonschema.Schema {
	types := maps.Clone(typeSchemas)
	maps.Copy(types, stored)
	addTextType(types, t)
	var tagged []reflect.StructField
	if t.Kind() == reflect.Struct {
		tagged = reflect.VisibleFields(t)
	}
	for _, sf := range tagged {
		addTextType(types, sf.Type)
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		panic(fmt.Errorf("params: schema of %v: %w", t, err)) // it depends on types only
	}
	eachSchema(s, func(s *jsonschema.Schema) {
		if len(s.Types) == 2 && s.Types[1] == "array" {
			s.Types, s.Type = nil, "array" // lists are never null
		}
	})
	for _, sf := range tagged {
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if p := s.Properties[name]; p != nil {
			addTags(p, sf)
		}
	}
	return s
}

// addTextType adds the schema of a type that is text in JSON because it has UnmarshalText.
func addTextType(types map[reflect.Type]*jsonschema.Schema, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if types[t] != nil {
		return
	}
	switch reflect.New(t).Interface().(type) {
	case encoding.TextUnmarshaler:
		types[t] = &jsonschema.Schema{Type: "string"}
	case interface{ isNullable() }:
		types[t] = &jsonschema.Schema{Types: []string{"null", "string"}}
	}
}

// addTags adds to a schema what the tags of its field say.
func addTags(s *jsonschema.Schema, sf reflect.StructField) {
	tag := sf.Tag
	if tag.Get("json") != "" {
		s.Description = tag.Get("doc")
	}
	if enum := tag.Get("enum"); enum != "" {
		s.Enum = toAny(strings.Split(enum, ","))
	}
	least, most := limit[int](tag.Get("min")), limit[int](tag.Get("max"))
	value := tag.Get("default")
	switch s.Type {
	case "integer":
		s.Minimum, s.Maximum = limit[float64](tag.Get("min")), limit[float64](tag.Get("max"))
	case "array":
		s.MinItems, s.MaxItems = least, most
	default:
		s.MinLength, s.MaxLength = least, most
		value = strconv.Quote(value)
	}
	if tag.Get("default") != "" {
		s.Default = json.RawMessage(value)
	}
}

// limit parses a min or max tag; nil means that there is no limit.
func limit[N int | float64](tag string) *N {
	if tag == "" {
		return nil
	}
	n, err := strconv.Atoi(tag)
	if err != nil {
		panic(fmt.Errorf("params: tag %q: %w", tag, err)) // it depends on types only
	}
	v := N(n)
	return &v
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
	eachSchema(s.AdditionalProperties, f)
}

func toAny[T any](values []T) (out []any) {
	for _, v := range values {
		out = append(out, v)
	}
	return out
}
