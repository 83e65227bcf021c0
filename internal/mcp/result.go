package mcp

import (
	"bytes"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo/internal/jsonform"
)

// toolResult is the result of a tool.
//
// The SDK gets a result without content, and what it makes of that gets our content: the SDK would encode the
// content four times, and a list costs more there than in the database. The members that depend on the revision
// of the protocol stay the SDK's.
type toolResult struct {
	text       string // the only block of content
	structured []byte // a JSON object, or nil
	isError    bool
}

// emptyResult is what the SDK makes of a result without content before perCallRevision.
const emptyResult = `{"content":[]}`

// argumentError returns the result for invalid arguments.
func argumentError(tool, problem string) *toolResult {
	return errorResult(fmt.Sprintf("Invalid arguments: %s. Correct them and call %s again.", problem, tool))
}

// errorResult returns a result with an error that the model can correct.
func errorResult(text string) *toolResult { return &toolResult{text: text, isError: true} }

// textResult returns a result with one text block. It has no structured form, because a host that
// gets both passes only the structured form on to its model.
func textResult(s string) *toolResult { return &toolResult{text: s} }

// structuredResult returns a result with v as its structured form, and with lines, a short text
// version of v for hosts that read only text.
func structuredResult(v any, lines string) (*toolResult, error) {
	b, err := jsonform.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("mcp: result: %w", err)
	}
	return &toolResult{structured: b, text: lines}, nil
}

// appendTo appends the result to b. empty is what the SDK made of a result without content.
func (r *toolResult) appendTo(b, empty []byte) ([]byte, error) {
	before, after, ok := bytes.Cut(empty, []byte(`"content":[]`))
	if !ok {
		return nil, fmt.Errorf("mcp: the SDK wrote %.200q for a result without content", empty)
	}
	b = append(append(b, before...), `"content":[{"type":"text","text":`...)
	b, _ = jsontext.AppendQuote(b, r.text) // the error is invalid UTF-8, which became U+FFFD
	b = append(b, "}]"...)
	if r.structured != nil {
		b = append(append(b, `,"structuredContent":`...), r.structured...)
	}
	if r.isError {
		b = append(b, `,"isError":true`...)
	}
	return append(b, after...), nil
}

// response returns the response to a call. result is what the SDK wrote; tool is nil unless a tool was called.
func (m message) response(result []byte, tool *toolResult) (b []byte, err error) {
	size := len(m.id) + len(result) + 64
	if tool != nil {
		size += len(tool.text) + len(tool.text)/16 + len(tool.structured) + 64 // a 16th is line breaks and quotes
	}
	b = append(append(make([]byte, 0, size), `{"jsonrpc":"2.0","id":`...), m.id...)
	b = append(b, `,"result":`...)
	if tool != nil {
		b, err = tool.appendTo(b, result)
	} else { // the SDK escapes more than necessary
		result, err = jsonv2.Marshal(jsontext.Value(result), jsontext.AllowInvalidUTF8(true))
		b = append(b, result...)
	}
	return append(b, '}'), err
}
