// Package jsonform encodes values as JSON in the form of every response: instants have 24 characters.
package jsonform

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
)

// Instants is the option that encodes times as [memo.InstantFormat].
var Instants = json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, t time.Time) error {
	return e.WriteToken(jsontext.String(t.UTC().Format(memo.InstantFormat)))
}))

// Marshal returns the JSON of a value.
func Marshal(v any, options ...json.Options) ([]byte, error) {
	return json.Marshal(v, append(options, Instants)...)
}
