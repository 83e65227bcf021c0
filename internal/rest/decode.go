package rest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// maxBody is the maximum size of a JSON body. A hundred ids take 4 kB.
const maxBody = 64 << 10

// An input is a struct whose fields have a tag: `query:"name"` or `path:"name"` for a
// parameter, optionally with `default:"…"`, `min:"0"`, `enum:"a,b"` and `doc:"…"`; or
// `body:"required"` or `body:"optional"` for a JSON object. Fields are of type string, int, [idParam] or
// [dayParam].

// idParam is a UUID in canonical form.
type idParam string

// dayParam is a date, as midnight UTC. The zero value means that it is absent.
type dayParam struct{ time.Time }

// validator is an input or a body with rules beyond the types of its fields.
type validator interface{ validate() httpx.ParamErrors }

// decodeRequest decodes a request strictly into in, a pointer to an input, and returns every
// problem. The error is a 408, 413 or 415, in which case the body was not decoded. pathOK reports
// whether the path parameters are valid.
func decodeRequest(
	w http.ResponseWriter, r *http.Request, in any,
) (problems httpx.ParamErrors, pathOK bool, err error) {
	v := reflect.ValueOf(in).Elem()
	fields := fieldsOf(v.Type())
	query, problems := parseQuery(r.URL.RawQuery)
	names := map[string]bool{}
	pathOK = true
	for _, f := range fields {
		tag, field := f.Tag, v.FieldByIndex(f.Index)
		if name := tag.Get("query"); name != "" {
			names[name] = true
			values, given := query[name]
			switch {
			case len(values) > 1:
				problems = append(problems, paramError("query", name, "must be given once", "repeated"))
			case given:
				problems = append(problems, setParam(field, tag, values[0], "query", name)...)
			case tag.Get("default") != "":
				problems = append(problems, setParam(field, tag, tag.Get("default"), "query", name)...)
			}
		} else if name := tag.Get("path"); name != "" {
			if p := setParam(field, tag, r.PathValue(name), "path", name); p != nil {
				problems, pathOK = append(problems, p...), false
			}
		}
	}
	for _, name := range sortedNames(query) {
		if !names[name] {
			problems = append(problems, paramError("query", name, "is not a parameter of this call", "unknown"))
		}
	}
	for _, f := range fields {
		if mode := f.Tag.Get("body"); mode != "" {
			body := v.FieldByIndex(f.Index).Addr().Interface()
			inBody, err := decodeBody(w, r, body, mode == "required")
			if err != nil {
				return nil, pathOK, err
			}
			problems = append(problems, inBody...)
			if c, ok := body.(validator); ok && len(inBody) == 0 {
				problems = append(problems, c.validate()...)
			}
		}
	}
	// A parameter that could not be parsed has its zero value here, so it is not reported twice.
	if c, ok := in.(validator); ok {
		problems = append(problems, c.validate()...)
	}
	return problems, pathOK, nil
}

// fieldCache caches the fields of every input type, because reflecting on them costs more than
// parsing a query.
var fieldCache sync.Map // reflect.Type → []reflect.StructField

func fieldsOf(t reflect.Type) []reflect.StructField {
	if f, ok := fieldCache.Load(t); ok {
		return f.([]reflect.StructField)
	}
	f := reflect.VisibleFields(t)
	fieldCache.Store(t, f)
	return f
}

// parseQuery is a strict url.ParseQuery: it also reports invalid UTF-8 and NUL.
func parseQuery(raw string) (url.Values, httpx.ParamErrors) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return values, httpx.ParamErrors{{
			Loc: []any{"query"}, Msg: "must be well-formed: " + memo.Printable(err.Error(), maxName), Type: "malformed",
		}}
	}
	var problems httpx.ParamErrors
	for _, name := range sortedNames(values) {
		for _, s := range append(values[name], name) {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				problems = append(problems, paramError("query", name, "must be valid UTF-8 without NUL", "malformed"))
			}
		}
	}
	return values, problems
}

func sortedNames(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// maxName is the number of characters of a name that an error repeats.
const maxName = 100

// paramError returns a problem with the parameter or member of this name. where is "query",
// "path" or "body".
func paramError(where, name, msg, errorType string) httpx.ParamError {
	return httpx.ParamError{Loc: []any{where, memo.Printable(name, maxName)}, Msg: msg, Type: errorType}
}

// setParam parses s into a field.
func setParam(field reflect.Value, tag reflect.StructTag, s, where, name string) httpx.ParamErrors {
	switch field.Interface().(type) {
	case idParam:
		u, ok := app.ParseID(s)
		if !ok {
			return httpx.ParamErrors{paramError(where, name, "must be a UUID", "uuid")}
		}
		field.SetString(u)
	case dayParam:
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return httpx.ParamErrors{paramError(where, name, "must be a date such as 2026-05-20", "date")}
		}
		field.Set(reflect.ValueOf(dayParam{t}))
	case int:
		n, ok := parseInteger(s)
		if !ok {
			return httpx.ParamErrors{paramError(where, name, "must be an integer", "integer")}
		}
		if least := tag.Get("min"); least != "" && n < mustAtoi(least) {
			return httpx.ParamErrors{paramError(where, name, "must be "+least+" or more", "too_small")}
		}
		field.SetInt(int64(n))
	default:
		if enum := tag.Get("enum"); enum != "" && !slices.Contains(strings.Split(enum, ","), s) {
			return httpx.ParamErrors{paramError(where, name, "must be one of "+strings.ReplaceAll(enum, ",", ", "), "enum")}
		}
		field.SetString(s)
	}
	return nil
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

func mustAtoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Errorf("rest: tag %q: %w", s, err))
	}
	return n
}

// decodeBody reads one JSON object: case-sensitive names without duplicates, valid UTF-8,
// nothing after it.
func decodeBody(w http.ResponseWriter, r *http.Request, into any, required bool) (httpx.ParamErrors, error) {
	body, err := httpx.ReadBody(w, r, maxBody)
	if status, ok := errors.AsType[*httpx.StatusError](err); ok {
		return nil, status
	}
	if err != nil {
		return httpx.ParamErrors{{Loc: []any{"body"}, Msg: "could not be read to its end", Type: "incomplete"}}, nil
	}
	if len(body) == 0 && !required {
		return nil, nil
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, &httpx.StatusError{
			Status: http.StatusUnsupportedMediaType,
			Detail: "The body must be JSON: send Content-Type: application/json.",
		}
	}
	return decodeObject(body, into), nil
}

// decodeObject decodes each member separately, so that it can report every invalid one.
func decodeObject(body []byte, into any) (problems httpx.ParamErrors) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(body, &members); err != nil {
		return httpx.ParamErrors{{Loc: bodyLoc(err), Msg: bodyMessage(err), Type: "json"}}
	}
	if members == nil {
		return httpx.ParamErrors{{Loc: []any{"body"}, Msg: "must be an object", Type: "json"}}
	}
	v := reflect.ValueOf(into).Elem()
	for _, f := range fieldsOf(v.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		value, ok := members[name]
		if !ok || name == "" {
			continue
		}
		delete(members, name)
		if err := json.Unmarshal(value, v.FieldByIndex(f.Index).Addr().Interface()); err != nil {
			loc := append([]any{"body", name}, bodyLoc(err)[1:]...)
			problems = append(problems, httpx.ParamError{Loc: loc, Msg: bodyMessage(err), Type: "json"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		problems = append(problems, paramError("body", name, "is not a member of this object", "unknown"))
	}
	return problems
}

// bodyLoc returns the location of a JSON error: "body", then member names and array indices.
func bodyLoc(err error) []any {
	var pointer jsontext.Pointer
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		pointer = e.JSONPointer
	} else if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		pointer = e.JSONPointer
	}
	loc := []any{"body"}
	for token := range pointer.Tokens() {
		if n, ok := parseInteger(token); ok {
			loc = append(loc, n)
		} else {
			loc = append(loc, memo.Printable(token, maxName))
		}
	}
	return loc
}

// bodyMessage describes a JSON error without repeating the input, which may contain a key.
func bodyMessage(err error) string {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		if e.JSONKind != 0 && e.GoType != nil {
			return "has the wrong type: " + e.JSONKind.String()
		}
		return "has a value that is not allowed"
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return "must be given once"
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "must be a whole JSON object; it ends early"
	}
	return "must be well-formed JSON in UTF-8"
}

// bodyError returns a [memo.Error] as a problem with the body member that it names.
func bodyError(err error) httpx.ParamErrors {
	if e, ok := errors.AsType[*memo.Error](err); ok {
		return httpx.ParamErrors{paramError("body", e.Field, e.Message, "value_error")}
	}
	return nil
}
