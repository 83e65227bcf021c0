package params_test

import (
	"encoding/json"
	"fmt"
	"reflect"

	"memoai.tech/memo/internal/params"
)

type listIn struct {
	Project params.UUID `query:"project_id" doc:"only in this project"`
	From    params.Date `query:"date_from"`
	Sort    string      `query:"sort" default:"newest" enum:"newest,oldest"`
	Offset  int         `query:"offset" default:"0" min:"0"`
}

type keyBody struct {
	Name string        `json:"name" min:"1" max:"10" doc:"shown in the list of keys"`
	IDs  []params.UUID `json:"ids,omitzero" min:"1" max:"2"`
}

func ExampleDecode() {
	query, _ := params.ParseQuery("project_id=x&offset=-1&sort=newest&page=2")
	var in listIn
	for _, fault := range append(params.Decode(&in, query, nil), params.Unknown(&in, query)...) {
		fmt.Println(fault.Loc, fault.Msg)
	}
	fmt.Println(in.Sort)
	// Output:
	// [query project_id] must be a UUID
	// [query offset] must be 0 or more
	// [query page] is not a parameter of this call
	// newest
}

func ExampleDecodeBody() {
	var body keyBody
	for _, fault := range params.DecodeBody([]byte(`{"name":7,"ids":["x",null],"Name":"n8n"}`), &body) {
		fmt.Println(fault.Loc, fault.Msg)
	}
	fmt.Println(params.DecodeBody([]byte(`{"ids":["3FA85F64-5717-4562-B3FC-2C963F66AFA6"]}`), &body), body.IDs)
	// Output:
	// [body name] has the wrong type: number
	// [body ids 0] must be a UUID
	// [body ids 1] must be a UUID
	// [body Name] is not a member of this object
	// [body name]: must have 1 to 10 characters [3fa85f64-5717-4562-b3fc-2c963f66afa6]
}

func ExampleSchema() {
	schema := params.Schema(reflect.TypeFor[keyBody]())
	fmt.Println(schema.Required)
	for _, name := range schema.PropertyOrder {
		b, _ := json.Marshal(schema.Properties[name])
		fmt.Println(name, string(b))
	}
	// Output:
	// [name]
	// name {"type":"string","description":"shown in the list of keys","minLength":1,"maxLength":10}
	// ids {"type":"array","items":{"type":"string","format":"uuid"},"minItems":1,"maxItems":2}
}

func ExampleFields() {
	for _, field := range params.Fields(reflect.TypeFor[listIn]()) {
		b, _ := json.Marshal(field)
		fmt.Println(string(b))
	}
	// Output:
	// {"name":"project_id","in":"query","description":"only in this project","schema":{"type":"string","format":"uuid"}}
	// {"name":"date_from","in":"query","schema":{"type":"string","format":"date"}}
	// {"name":"sort","in":"query","schema":{"type":"string","default":"newest","enum":["newest","oldest"]}}
	// {"name":"offset","in":"query","schema":{"type":"integer","default":0,"minimum":0}}
}
