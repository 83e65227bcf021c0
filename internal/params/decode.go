package params

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
)

// ParseQuery is a strict [url.ParseQuery]: it also reports invalid UTF-8 and NUL.
func ParseQuery(raw string) (url.Values, Faults) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return values, Faults{{
			Loc: []any{"query"}, Msg: "must be well-formed: " + memo.Printable(err.Error(), maxName), Type: "malformed",
		}}
	}
	var faults Faults
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, s := range append(values[name], name) {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				faults = append(faults, Fault{
					Loc: []any{"query", memo.Printable(name, maxName)}, Msg: "must be valid UTF-8 without NUL", Type: "malformed",
				})
			}
		}
	}
	return values, faults
}

// Decode decodes the parameters of a request into in, a pointer to an input. path returns a parameter
// of the path. An empty parameter of the query is absent: forms and tools send every field, filled in
// or not. A field with a fault has its zero value.
func Decode(in any, query url.Values, path func(name string) string) (faults Faults) {
	v := reflect.ValueOf(in).Elem()
	fields := Fields(v.Type())
	for i := range fields {
		f := &fields[i]
		field := v.FieldByIndex(f.index)
		switch values := query[f.Name]; {
		case f.In == "path":
			faults = append(faults, f.setText(field, path(f.Name))...)
		case f.In != "query":
		case len(values) > 1:
			faults = append(faults, f.fault("repeated", "must be given once")...)
		case len(values) == 1 && values[0] != "":
			faults = append(faults, f.setText(field, values[0])...)
		case f.value.IsValid():
			field.Set(f.value)
		}
	}
	return faults
}

// Unknown reports the parameters of a query that in, a pointer to an input, does not have.
func Unknown(in any, query url.Values) (faults Faults) {
	fields := Fields(reflect.TypeOf(in).Elem())
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.ContainsFunc(fields, func(f Field) bool { return f.In == "query" && f.Name == name }) {
			faults = append(faults, unknown("query", name, "is not a parameter of this call"))
		}
	}
	return faults
}

// DecodeBody decodes a JSON object into a pointer to a struct: case-sensitive names without
// duplicates, valid UTF-8, nothing after it. "" means that an optional member is absent. A field with a
// fault has its zero value.
func DecodeBody(raw []byte, into any) Faults { return decodeObject(raw, into, false) }

// DecodeArguments is [DecodeBody] for the arguments that a model fills in. Null means that an argument is
// absent, because some models fill in every argument. A number may be a string, and a date may have a
// time, in UTC unless it names a zone.
func DecodeArguments(raw []byte, into any) Faults {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	return decodeObject(raw, into, true)
}

func decodeObject(raw []byte, into any, lenient bool) (faults Faults) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return Faults{{Loc: jsonLoc(err), Msg: jsonMessage(err), Type: "json"}}
	}
	if members == nil && !lenient {
		return Faults{{Loc: []any{"body"}, Msg: "must be an object", Type: "json"}}
	}
	v := reflect.ValueOf(into).Elem()
	fields := Fields(v.Type())
	for i := range fields {
		f := &fields[i]
		value := members[f.Name]
		delete(members, f.Name)
		faults = append(faults, f.setMember(v.FieldByIndex(f.index), value, lenient)...)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		faults = append(faults, unknown("body", name, "is not a member of this object"))
	}
	return faults
}

// setMember sets the field of a JSON object to value, which is nil if the member is absent.
func (f *Field) setMember(v reflect.Value, value jsontext.Value, lenient bool) Faults {
	if lenient {
		value = lenientValue(v, value)
	}
	null, empty := value.Kind() == 'n', string(value) == `""`
	absent := value == nil || empty && !f.Required ||
		null && (lenient || f.defaults != "" || v.Kind() == reflect.Pointer)
	switch {
	case absent && f.defaults != "":
		v.Set(f.value)
		return nil
	case absent && !f.Required:
		return nil
	case absent || null && f.Schema.Types == nil:
		value = jsontext.Value(`""`)
		if f.Schema.Type == "array" {
			value = jsontext.Value(`[]`)
		}
		faults := f.setJSON(v, value)
		for i := range faults {
			faults[i].Missing = absent
		}
		return faults
	}
	faults := f.setJSON(v, value)
	if lenient && v.Kind() == reflect.String && strings.ContainsRune(v.String(), 0) {
		return f.fault("value_error", "must not contain NUL")
	}
	return faults
}

// lenientValue returns the number in a string, or the day of an instant, if v is a number or a day.
func lenientValue(v reflect.Value, value jsontext.Value) jsontext.Value {
	var s string
	if value.Kind() != '"' || json.Unmarshal(value, &s) != nil {
		return value
	}
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && v.Kind() == reflect.Int {
		return jsontext.Value(strconv.Itoa(n))
	}
	if v.Type() == reflect.TypeFor[Date]() {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05"} {
			if t, err := time.Parse(layout, s); err == nil {
				return jsontext.Value(t.UTC().Format(`"` + time.DateOnly + `"`))
			}
		}
	}
	return value
}

// setText sets the field to a value from a query, a path or a default.
func (f *Field) setText(v reflect.Value, s string) (faults Faults) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			return f.unmarshalFault(err)
		}
		return nil
	}
	if v.Kind() == reflect.Int {
		n, ok := parseInteger(s)
		if !ok {
			return f.fault("integer", "must be an integer")
		}
		v.SetInt(int64(n))
	} else {
		v.SetString(s)
	}
	return f.checkLimits(v)
}

// setJSON sets the field to a JSON value.
func (f *Field) setJSON(v reflect.Value, value jsontext.Value) (faults Faults) {
	switch v.Kind() {
	case reflect.Slice:
		return f.setList(v, value)
	case reflect.Int:
		n, ok := wholeNumber(value)
		if !ok {
			return f.fault("integer", "must be an integer")
		}
		v.SetInt(int64(n))
	default:
		if err := json.Unmarshal(value, v.Addr().Interface()); err != nil {
			v.SetZero()
			return f.unmarshalFault(err)
		}
	}
	return f.checkLimits(v)
}

// setList decodes each item separately, so that it can report every invalid one.
func (f *Field) setList(v reflect.Value, value jsontext.Value) (faults Faults) {
	var items []jsontext.Value
	if err := json.Unmarshal(value, &items); err != nil {
		return f.unmarshalFault(err)
	}
	if outside(len(items), f.Schema.MinItems, f.Schema.MaxItems) {
		return f.fault("length", "must have %s ids", amount(f.Schema.MinItems, f.Schema.MaxItems))
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if item.Kind() == 'n' {
			item = jsontext.Value(`""`) // no item is absent
		}
		if err := json.Unmarshal(item, list.Index(i).Addr().Interface()); err != nil {
			fault := f.unmarshalFault(err)[0]
			fault.Loc = append(fault.Loc, i)
			faults = append(faults, fault)
		}
	}
	if faults == nil {
		v.Set(list)
	}
	return faults
}

// checkLimits checks a number or a text. If it is invalid, the field is set to zero.
func (f *Field) checkLimits(v reflect.Value) (faults Faults) {
	s := f.Schema
	if v.Kind() == reflect.Int {
		if n := float64(v.Int()); s.Minimum != nil && n < *s.Minimum {
			faults = f.fault("too_small", "must be %v or more", *s.Minimum)
		} else if s.Maximum != nil && n > *s.Maximum {
			faults = f.fault("too_large", "must be %v or less", *s.Maximum)
		}
	} else if v.Kind() == reflect.String {
		n := utf8.RuneCountInString(v.String())
		switch {
		case s.Enum != nil && !slices.Contains(s.Enum, any(v.String())):
			faults = f.fault("enum", "must be one of %s", f.choices)
		case !outside(n, s.MinLength, s.MaxLength):
		case n == 0 && s.MaxLength == nil:
			faults = f.fault("value_error", "must not be empty")
		default:
			faults = f.fault("value_error", "must have %s characters", amount(s.MinLength, s.MaxLength))
		}
	}
	if faults != nil {
		v.SetZero()
	}
	return faults
}

// outside reports whether n is beyond a limit; nil is no limit.
func outside(n int, least, most *int) bool {
	return least != nil && n < *least || most != nil && n > *most
}

// amount describes two limits, of which at most one is nil.
func amount(least, most *int) string {
	switch {
	case least == nil:
		return fmt.Sprintf("at most %d", *most)
	case most == nil:
		return fmt.Sprintf("at least %d", *least)
	}
	return fmt.Sprintf("%d to %d", *least, *most)
}

// parseInteger parses a decimal number in ASCII digits. A number beyond the range of int
// becomes the largest or smallest int.
func parseInteger(s string) (int, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
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
