package mcp

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"memoai.tech/memo/internal/gate"
)

// message is what has to be known of a JSON-RPC message before the SDK reads
// it: whether it is counted, and what it is called in the log.
type message struct {
	id     jsontext.Value // nil in a notification
	method string         // empty in a response, which nobody waits for here
	name   string         // of the tool or prompt
}

// known are the methods that logs and metrics name.
var known = map[string]bool{
	"tools/call": true, "resources/read": true, "prompts/get": true,
	"initialize": true, "ping": true, "server/discover": true, "notifications/initialized": true, "notifications/cancelled": true,
	"tools/list": true, "prompts/list": true, "resources/list": true, "resources/templates/list": true, "subscriptions/listen": true,
}

// rpcError is a refusal that JSON-RPC carries.
type rpcError = jsonrpc.Error

// refusal is a message that no server may take: 400, with the error as JSON-RPC
// has it.
type refusal struct {
	code    int64
	message string
}

// parse reads one message, strictly: a second member of the same name or a text
// that is no UTF-8 could mean one thing here and another to the SDK.
func parse(body []byte) (m message, bad *refusal) {
	value := jsontext.Value(body)
	if value.Kind() == '[' {
		return m, &refusal{jsonrpc.CodeInvalidRequest, "Batches are not accepted. Send each message in a request of its own."}
	}
	var wire struct {
		ID     jsontext.Value `json:"id"`
		Method *string        `json:"method"`
		Params jsontext.Value `json:"params"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		if _, semantic := errors.AsType[*json.SemanticError](err); semantic {
			return m, &refusal{jsonrpc.CodeInvalidRequest, "The body must be one JSON-RPC message: an object whose method is a string."}
		}
		return m, &refusal{jsonrpc.CodeParseError, "The body must be one well-formed JSON-RPC message in UTF-8, without a name given twice."}
	}
	if value.Kind() != '{' {
		return m, &refusal{jsonrpc.CodeInvalidRequest, "The body must be one JSON-RPC message, an object."}
	}
	if wire.ID != nil && !goodID(wire.ID) {
		return m, &refusal{jsonrpc.CodeInvalidRequest, "The id must be a string or a whole number below 2^53. Leave it out in a notification."}
	}
	m.id = wire.ID
	if wire.Method != nil {
		m.method = *wire.Method
	}
	var params struct {
		Name jsontext.Value `json:"name"`
	}
	if wire.Params.Kind() == '{' && json.Unmarshal(wire.Params, &params) == nil && params.Name.Kind() == '"' {
		_ = json.Unmarshal(params.Name, &m.name) // it has been read before
	}
	return m, nil
}

// goodID reports whether an id comes back as it was sent. The SDK reads numbers
// as floats.
func goodID(id jsontext.Value) bool {
	switch id.Kind() {
	case '"':
		return true
	case '0':
		n, err := strconv.ParseInt(string(id), 10, 64)
		return err == nil && -1<<53 < n && n < 1<<53
	}
	return false
}

// write answers a message that was refused.
func (e *refusal) write(w http.ResponseWriter, id jsontext.Value) {
	if id == nil {
		id = jsontext.Value("null")
	}
	type wireError struct {
		Code    int64  `json:"code"`
		Message string `json:"message"`
	}
	gate.WriteJSON(w, http.StatusBadRequest, struct {
		JSONRPC string         `json:"jsonrpc"`
		ID      jsontext.Value `json:"id"`
		Error   wireError      `json:"error"`
	}{"2.0", id, wireError{e.code, e.message}})
}
