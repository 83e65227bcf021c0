package mcp

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// The arguments of a tool are a struct whose fields have tags: `json:"name"` and `doc:"…"`,
// and optionally `required:"yes"`, `default:"…"`, `enum:"a,b"`, `min:"1"` and `max:"50"`. min
// and max limit a number, the characters of a string or the items of a list. The same tags
// define the JSON schema that hosts read and the validation of the arguments. Some hosts pass on
// only types, enums and descriptions, so doc repeats a limit that a model should know. Fields are
// of type string, int, idArg, idsArg or dayArg.
type (
	idArg  string              // a UUID
	idsArg []string            // UUIDs
	dayArg struct{ time.Time } // a date, as just after midnight UTC; zero if absent
)

// argumentErrors describes every problem with the arguments of a call.
type argumentErrors []string

func (m argumentErrors) Error() string { return strings.Join(m, "; ") }

// inputFields returns the fields of an input type that are arguments, including those of embedded
// types.
func inputFields(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t),
		func(f reflect.StructField) bool { return f.Anonymous || f.Tag.Get("json") == "" })
}

// schemaOf returns the JSON schema of a tool's arguments.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}, // false
	}
	for _, f := range inputFields(t) {
		name := f.Tag.Get("json")
		s.Properties[name] = propertySchema(f)
		s.PropertyOrder = append(s.PropertyOrder, name)
		if f.Tag.Get("required") != "" {
			s.Required = append(s.Required, name)
		}
	}
	return s
}

func propertySchema(f reflect.StructField) *jsonschema.Schema {
	p := &jsonschema.Schema{Type: "string", Description: f.Tag.Get("doc")}
	least, most := f.Tag.Get("min"), f.Tag.Get("max")
	switch f.Type {
	case reflect.TypeFor[int]():
		p.Type, p.Minimum = "integer", boundTag[float64](least)
		p.Maximum = boundTag[float64](most)
	case reflect.TypeFor[idsArg]():
		p.Type, p.Items = "array", &jsonschema.Schema{Type: "string", Format: "uuid"}
		p.MinItems, p.MaxItems = boundTag[int](least), boundTag[int](most)
	case reflect.TypeFor[idArg]():
		p.Format = "uuid"
	case reflect.TypeFor[dayArg]():
		p.Format = "date"
	default:
		if enum := f.Tag.Get("enum"); enum != "" {
			for _, v := range strings.Split(enum, ",") {
				p.Enum = append(p.Enum, v)
			}
		}
		p.MinLength, p.MaxLength = boundTag[int](least), boundTag[int](most)
	}
	if value := f.Tag.Get("default"); value != "" {
		p.Default = json.RawMessage(defaultJSON(f, value))
	}
	return p
}

// boundTag parses a min or max tag; nil means that there is no bound.
func boundTag[N int | float64](tag string) *N {
	if tag == "" {
		return nil
	}
	n, err := strconv.Atoi(tag)
	if err != nil {
		panic(fmt.Errorf("mcp: tag %q: %w", tag, err)) // it depends on types only
	}
	v := N(n)
	return &v
}

func defaultJSON(f reflect.StructField, value string) jsontext.Value {
	if f.Type.Kind() == reflect.Int {
		return jsontext.Value(value)
	}
	return jsontext.Value(strconv.Quote(value))
}

// decodeArguments decodes the arguments into in, a pointer to an input, and returns every
// problem as argumentErrors. null means that an argument is absent, and so does "" for an
// optional one, because some models fill in every argument.
func decodeArguments(raw []byte, in any) error {
	v := reflect.ValueOf(in).Elem()
	given := map[string]jsontext.Value{}
	if len(raw) > 0 {
		if err := jsonv2.Unmarshal(raw, &given); err != nil {
			return argumentErrors{"arguments must be an object"}
		}
	}
	var problems argumentErrors
	var names []string
	for _, f := range inputFields(v.Type()) {
		name := f.Tag.Get("json")
		names = append(names, name)
		value := given[name]
		delete(given, name)
		optional := f.Tag.Get("required") == ""
		if value == nil || value.Kind() == 'n' || optional && string(value) == `""` {
			def := f.Tag.Get("default")
			if !optional {
				problems = append(problems, name+" is required")
			}
			if def == "" {
				continue
			}
			value = defaultJSON(f, def)
		}
		if problem := setArgument(v.FieldByIndex(f.Index), f.Tag, value); problem != "" {
			problems = append(problems, name+" "+problem)
		}
	}
	if unknown := slices.Sorted(maps.Keys(given)); len(unknown) > 0 {
		problems = append(problems, fmt.Sprintf("there is no argument %q, only %s", memo.Printable(unknown[0], 40),
			strings.Join(names, ", ")))
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// maxRepeated is the number of characters of one value that an error repeats.
const maxRepeated = 500

// setArgument sets one argument, or returns the problem with it, which can follow its name.
func setArgument(field reflect.Value, tag reflect.StructTag, value jsontext.Value) (problem string) {
	least, most := boundTag[int](tag.Get("min")), boundTag[int](tag.Get("max"))
	outside := func(n int) bool { return least != nil && n < *least || most != nil && n > *most }
	switch p := field.Addr().Interface().(type) {
	case *int:
		n, whole := wholeNumber(value)
		if !whole || outside(n) {
			return "must be a whole number " + rangeText(least, most)
		}
		*p = n
	case *idsArg:
		var list []string
		if jsonv2.Unmarshal(value, &list) != nil || outside(len(list)) {
			return fmt.Sprintf("must be a list of %d to %d ids", *least, *most)
		}
		for i, s := range list {
			canonical, ok := app.ParseID(s)
			if !ok {
				return fmt.Sprintf("must be a list of UUIDs, but item %d is not one", i+1)
			}
			*p = append(*p, canonical)
		}
	default:
		var s string
		if _, whole := wholeNumber(value); whole && tag.Get("json") == "report" {
			s = string(value) // the id of a report
		} else if jsonv2.Unmarshal(value, &s) != nil {
			return "must be a string"
		}
		return setTextArgument(p, tag, s, outside)
	}
	return ""
}

func setTextArgument(p any, tag reflect.StructTag, s string, outside func(int) bool) (problem string) {
	switch p := p.(type) {
	case *idArg:
		canonical, ok := app.ParseID(s)
		if !ok {
			return "must be a UUID from a list or a search"
		}
		*p = idArg(canonical)
	case *dayArg:
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return "must be a date such as 2026-05-20"
		}
		p.Time = t.Add(time.Nanosecond) // so that 0001-01-01 is not the zero value
	case *string:
		enum := tag.Get("enum")
		switch {
		case strings.ContainsRune(s, 0):
			return "must not contain NUL"
		case enum != "" && !slices.Contains(strings.Split(enum, ","), s):
			return "must be one of " + strings.ReplaceAll(enum, ",", ", ")
		case outside(utf8.RuneCountInString(s)):
			return fmt.Sprintf("must have %s to %s characters", tag.Get("min"), tag.Get("max"))
		}
		*p = s
	}
	return ""
}

// wholeNumber parses a JSON number without a fraction. As in JSON Schema, 10.0 is 10.
func wholeNumber(value jsontext.Value) (int, bool) {
	if value.Kind() != '0' {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f != float64(int64(f)) || f > 1<<53 || f < -1<<53 {
		return 0, false
	}
	return int(f), true
}

func rangeText(least, most *int) string {
	if most == nil {
		return fmt.Sprintf("that is %d or more", *least)
	}
	return fmt.Sprintf("from %d to %d", *least, *most)
}
