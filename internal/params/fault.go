package params

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
)

// Fault is one invalid parameter, JSON member or argument.
type Fault struct {
	Loc  []any  `json:"loc"`  // "query", "path" or "body", then names and indices
	Msg  string `json:"msg"`  // what the value must be, to be read after its name
	Type string `json:"type"` // see docs/contract.md#order-of-refusals

	Field   *Field `json:"-"` // nil if no field has this name, or the body is not an object
	Missing bool   `json:"-"` // the value is required and absent
}

// Faults are all faults of an input.
type Faults []Fault

func (list Faults) Error() string {
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = fmt.Sprintf("%v: %s", f.Loc, f.Msg)
	}
	return strings.Join(words, "; ")
}

// maxName is the number of characters of a name that a fault repeats.
const maxName = 100

// InvalidValue returns the fault that err, an error of kind [memo.KindInvalid], describes, at a field of
// the query or the body. It returns other errors unchanged.
func InvalidValue(in string, err error) error {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Kind == memo.KindInvalid {
		return Faults{{Loc: []any{in, e.Field}, Msg: e.Message, Type: "value_error"}}
	}
	return err
}

func unknown(in, name, msg string) Fault {
	return Fault{Loc: []any{in, memo.Printable(name, maxName)}, Msg: msg, Type: "unknown"}
}

// fault returns a fault of the field.
func (f *Field) fault(faultType, format string, args ...any) Faults {
	return Faults{{Loc: []any{f.In, f.Name}, Msg: fmt.Sprintf(format, args...), Type: faultType, Field: f}}
}

// unmarshalFault returns the fault of a value that could not be decoded.
func (f *Field) unmarshalFault(err error) Faults {
	if e, ok := errors.AsType[*memo.Error](err); ok {
		if e.Code == "" {
			return f.fault("value_error", "%s", e.Message)
		}
		return f.fault(e.Code, "%s", e.Message)
	}
	return f.fault("json", "%s", jsonMessage(err))
}

// jsonLoc returns the location of a JSON error: "body", then member names and array indices.
func jsonLoc(err error) []any {
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

// jsonMessage describes a JSON error without repeating the input, which may contain a key.
func jsonMessage(err error) string {
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
