package mcp

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/params"
)

// The arguments of a tool are a struct of package params. Some hosts pass on only types, enums and
// descriptions of its schema, so doc repeats a limit that a model should know.

// maxRepeated is the number of characters of one value that an error repeats.
const maxRepeated = 500

// decodeArguments decodes the arguments into in, a pointer to an input. It describes every problem
// with them, or returns "".
func decodeArguments(raw []byte, in any) string {
	var problems []string
	unknown := false
	described := map[*params.Field]bool{}
	for _, fault := range params.DecodeArguments(raw, in) {
		switch field := fault.Field; {
		case field == nil && fault.Type == "json":
			return "arguments must be an object"
		case field == nil && !unknown: // one is enough, because the text names every argument
			unknown = true
			var names []string
			for _, f := range params.Fields(reflect.TypeOf(in).Elem()) {
				names = append(names, f.Name)
			}
			problems = append(problems, fmt.Sprintf("there is no argument %q, only %s",
				memo.Printable(fault.Loc[1].(string), 40), strings.Join(names, ", ")))
		case field != nil && !described[field]:
			described[field] = true
			problems = append(problems, field.Name+" "+describeFault(fault))
		}
	}
	return strings.Join(problems, "; ")
}

// describeFault says what an argument must be, in words with which a model can correct it.
func describeFault(fault params.Fault) string {
	s := fault.Field.Schema
	switch {
	case fault.Missing:
		return "is required"
	case s.Type == "integer" && s.Maximum == nil:
		return fmt.Sprintf("must be a whole number that is %v or more", *s.Minimum)
	case s.Type == "integer":
		return fmt.Sprintf("must be a whole number from %v to %v", *s.Minimum, *s.Maximum)
	case s.Type == "array" && fault.Type == "uuid":
		return fmt.Sprintf("must be a list of UUIDs, but item %d is not one", fault.Loc[2].(int)+1)
	case s.Type == "array":
		return fmt.Sprintf("must be a list of %d to %d ids", *s.MinItems, *s.MaxItems)
	case fault.Type == "json":
		return "must be a string"
	case fault.Type == "uuid":
		return "must be a UUID from a list or a search"
	}
	return fault.Msg
}

// reportName is the slug, name or id of a report. Models send an id as a number too.
type reportName string

// UnmarshalJSON accepts a string or a whole number.
func (n *reportName) UnmarshalJSON(b []byte) error {
	if jsontext.Value(b).Kind() == '0' && !strings.ContainsAny(string(b), ".eE") {
		*n = reportName(b)
		return nil
	}
	return json.Unmarshal(b, (*string)(n))
}
