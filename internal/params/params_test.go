package params_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/params"
)

// name is a type with rules of its own.
type name string

func (n *name) UnmarshalText(b []byte) error {
	s, err := memo.CleanName("", string(b))
	*n = name(s)
	return err
}

// input has every kind of member.
type input struct {
	Name    name                  `json:"name"`
	Renamed *name                 `json:"renamed,omitzero"`
	Project params.Nullable[name] `json:"project,omitzero"`
	IDs     []params.UUID         `json:"ids,omitzero" min:"1" max:"2"`
	ID      params.UUID           `json:"id,omitzero"`
	Day     params.Date           `json:"day,omitzero"`
	Format  string                `json:"format,omitzero" default:"md" enum:"md,txt"`
	Limit   int                   `json:"limit,omitzero" default:"10" min:"1" max:"50"`
	Query   string                `json:"query,omitzero" min:"1" max:"3"`
	Secret  string                `json:"secret,omitzero" min:"1"`
}

const id = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

// TestMembers checks one member of a JSON body and of the arguments of a tool, which differ in what null
// means.
func TestMembers(t *testing.T) {
	for _, c := range []struct{ member, body, arguments string }{
		{`"name":"n"`, "", ""},
		{`"name":null`, "[body name]: must not be empty", "[body name]: must not be empty"},
		{`"name":""`, "[body name]: must not be empty", "[body name]: must not be empty"},
		{`"name":7`, "[body name]: has the wrong type: number", "[body name]: has the wrong type: number"},
		{`"name":"n","renamed":null`, "", ""},
		{`"name":"n","renamed":""`, "", ""},
		{`"name":"n","project":""`, "", ""},
		{`"name":"n","project":null`, "", ""},
		{`"name":"n","project":"\u0000"`, "[body project]: must not be empty", "[body project]: must not be empty"},
		{`"name":"n","ids":[]`, "[body ids]: must have 1 to 2 ids", "[body ids]: must have 1 to 2 ids"},
		{`"name":"n","ids":null`, "[body ids]: must have 1 to 2 ids", ""},
		{`"name":"n","ids":"x"`, "[body ids]: has the wrong type: string", "[body ids]: has the wrong type: string"},
		{
			`"name":"n","ids":[7,null]`, "[body ids 0]: has the wrong type: number; [body ids 1]: must be a UUID",
			"[body ids 0]: has the wrong type: number; [body ids 1]: must be a UUID",
		},
		{`"name":"n","id":""`, "", ""},
		{`"name":"n","day":""`, "", ""},
		{`"name":"n","limit":""`, "", ""},
		{`"name":"n","ids":""`, "", ""},
		{`"name":"n","id":"{` + id + `}"`, "[body id]: must be a UUID", "[body id]: must be a UUID"},
		{
			`"name":"n","day":"2025-02-29"`, "[body day]: must be a date such as 2026-05-20",
			"[body day]: must be a date such as 2026-05-20",
		},
		{`"name":"n","format":""`, "", ""},
		{`"name":"n","format":"exe"`, "[body format]: must be one of md, txt", "[body format]: must be one of md, txt"},
		{`"name":"n","limit":10.0`, "", ""},
		{`"name":"n","limit":0`, "[body limit]: must be 1 or more", "[body limit]: must be 1 or more"},
		{`"name":"n","limit":51`, "[body limit]: must be 50 or less", "[body limit]: must be 50 or less"},
		{`"name":"n","limit":1e99`, "[body limit]: must be an integer", "[body limit]: must be an integer"},
		{
			`"name":"n","query":"ääää"`, "[body query]: must have 1 to 3 characters",
			"[body query]: must have 1 to 3 characters",
		},
		{`"name":"n","query":"a\u0000"`, "", "[body query]: must not contain NUL"},
		{`"name":"n","secret":""`, "", ""},
	} {
		t.Run(c.member, func(t *testing.T) {
			raw := []byte("{" + c.member + "}")
			if got := params.DecodeBody(raw, new(input)).Error(); got != c.body {
				t.Errorf("as a body: %q, want %q", got, c.body)
			}
			if got := params.DecodeArguments(raw, new(input)).Error(); got != c.arguments {
				t.Errorf("as arguments: %q, want %q", got, c.arguments)
			}
		})
	}
}

func TestMembersAreSet(t *testing.T) {
	var got input
	if faults := params.DecodeBody([]byte(`{"name":" n ","renamed":"r","project":null,"ids":["`+strings.ToUpper(id)+`"],
		"limit":50}`), &got); faults != nil {
		t.Fatal(faults)
	}
	renamed := name("r")
	want := input{
		Name: "n", Renamed: &renamed, Project: params.Nullable[name]{Given: true}, IDs: []params.UUID{id}, Format: "md",
		Limit: 50,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if faults := params.DecodeArguments([]byte(`{}`), new(input)); len(faults) != 1 || !faults[0].Missing {
		t.Errorf("without a name: %+v", faults)
	}
}

// TestNotAnObject: a body that is not one JSON object has one fault, whose location is as precise as
// possible.
func TestNotAnObject(t *testing.T) {
	for body, want := range map[string]string{
		``:                      "[body]: must be a whole JSON object; it ends early",
		`null`:                  "[body]: must be an object",
		`[]`:                    "[body]: has the wrong type: [",
		`{"name":"n"} x`:        "[body]: must be well-formed JSON in UTF-8",
		`{"name":"n","name":1}`: "[body name]: must be given once",
		"{\"name\":\"\xff\"}":   "[body name]: must be well-formed JSON in UTF-8",
	} {
		t.Run(body, func(t *testing.T) {
			if got := params.DecodeBody([]byte(body), new(input)).Error(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// FuzzDecode: no query or body makes the decoder panic, and an input that it accepts is valid.
func FuzzDecode(f *testing.F) {
	f.Add("limit=20&sort=newest", `{"name":"x"}`)
	f.Add("%zz;a=1&offset=9999999999999999999", `{"name":"x","name":"y"}`)
	f.Add("date_from=2026-05-20", "[[[[")
	f.Add("%ff=1&offset=\xfe", `{"\xff":1}`)
	f.Add("q=%ff", "{}")
	f.Add("q=a%00", "{}")
	f.Fuzz(func(t *testing.T, rawQuery, body string) {
		var list listIn
		query, faults := params.ParseQuery(rawQuery)
		for name, values := range query {
			text := name + strings.Join(values, "")
			if faults == nil && (!utf8.ValidString(text) || strings.ContainsRune(text, 0)) {
				t.Fatalf("accepted %q", text)
			}
		}
		faults = append(faults, params.Decode(&list, query, nil)...)
		faults = append(faults, params.Unknown(&list, query)...)
		checkFaults(t, faults)
		if list.Offset < 0 || len(faults) == 0 && list.Sort != "newest" && list.Sort != "oldest" {
			t.Fatalf("accepted %+v", list)
		}
		for _, decode := range []func([]byte, any) params.Faults{params.DecodeBody, params.DecodeArguments} {
			var in input
			faults := decode([]byte(body), &in)
			checkFaults(t, faults)
			if len(faults) == 0 && (strings.TrimSpace(string(in.Name)) == "" || in.Limit < 1 || in.Limit > 50) {
				t.Fatalf("accepted %+v: %q", in, body)
			}
		}
	})
}

// checkFaults fails unless a JSON response has each fault unchanged: they must be valid UTF-8 already.
func checkFaults(t *testing.T, faults params.Faults) {
	t.Helper()
	b, err := jsonv2.Marshal(faults)
	if err != nil || !utf8.Valid(b) {
		t.Fatalf("the response to %+v is %q, %v", faults, b, err)
	}
	var got params.Faults
	if err := json.Unmarshal(b, &got); err != nil || got.Error() != faults.Error() {
		t.Fatalf("%v became %v in the response, %v", faults, got, err)
	}
}

// TestUnknownNamesAreRepeatedSafely: a fault repeats an unknown name without control characters
// and keys, and cuts it if it is long.
func TestUnknownNamesAreRepeatedSafely(t *testing.T) {
	const maxName = 100
	for _, c := range []struct{ query, body, want string }{
		{"%ff=1", "", "[query \uFFFD]"},
		{"a%00%1b%e2%80%aeb=1", "", "[query ab]"},
		{strings.Repeat("x", 5000) + "=1", "", "[query " + strings.Repeat("x", maxName-1) + "…]"},
		{"", `{"name":"n","a\u202e\u0000mk_live_abc":1}`, "[body amk_live_[redacted]]"},
	} {
		t.Run(c.want, func(t *testing.T) {
			query, _ := params.ParseQuery(c.query)
			faults := params.Unknown(new(listIn), query)
			if c.body != "" {
				faults = params.DecodeBody([]byte(c.body), new(input))
			}
			if len(faults) != 1 || fmt.Sprint(faults[0].Loc) != c.want {
				t.Errorf("%v, want %s", faults, c.want)
			}
		})
	}
}

// TestResponseSchema: the objects of a response may have members that are added later.
func TestResponseSchema(t *testing.T) {
	type response struct {
		Project *struct{ Name string } `json:"project"`
		Stored  []input                `json:"stored"`
	}
	stored := params.Schema(reflect.TypeFor[string]())
	s := params.ResponseSchema(reflect.TypeFor[response](), map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[input](): stored,
	})
	if s.AdditionalProperties != nil || s.Properties["project"].AdditionalProperties != nil ||
		s.Properties["stored"].Type != "array" || s.Properties["stored"].Items.Type != "string" {
		b, _ := json.Marshal(s)
		t.Errorf("%s", b)
	}
}
