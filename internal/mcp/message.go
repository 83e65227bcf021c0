package mcp

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// rpcMessage is what the server needs from a JSON-RPC message before the SDK reads it: whether to
// count it, and how to log it.
type rpcMessage struct {
	id     jsontext.Value // nil in a notification
	method string         // empty in a response, which this server ignores
	name   string         // the "name" of its params: of the tool or prompt
}

// methodsWithParams are the methods that require params.
var methodsWithParams = []string{"tools/call", "resources/read", "prompts/get", "initialize"}

// countedMethods has every known method, and whether it is a data call;
// see docs/contract.md#rate-limits.
var countedMethods = map[string]bool{
	"tools/call": true, "resources/read": true, "prompts/get": true,
	"initialize": false, "server/discover": false, "ping": false,
	"tools/list": false, "prompts/list": false, "resources/list": false, "resources/templates/list": false,
	"notifications/initialized": false, "notifications/cancelled": false, "notifications/progress": false,
	"notifications/roots/list_changed": false,
}

// isUnknown reports whether the message calls a method that this server does not have.
func (m rpcMessage) isUnknown() bool {
	_, known := countedMethods[m.method]
	return !known && m.method != ""
}

// rpcError is a JSON-RPC error.
type rpcError = jsonrpc.Error

// rpcErrorMessage is a JSON-RPC response with an error.
type rpcErrorMessage struct {
	JSONRPC string         `json:"jsonrpc"`
	ID      jsontext.Value `json:"id"`
	Error   *rpcError      `json:"error"`
}

// rpcFailure is a refusal that is written as a JSON-RPC error, with an HTTP status.
type rpcFailure struct {
	status int
	id     jsontext.Value // nil if it could not be read
	*rpcError
}

func (f *rpcFailure) message() rpcErrorMessage {
	id := f.id
	if id == nil {
		id = jsontext.Value("null")
	}
	return rpcErrorMessage{"2.0", id, f.rpcError}
}

func invalidRequest(message string) *rpcError {
	return &rpcError{Code: jsonrpc.CodeInvalidRequest, Message: message}
}

// parseMessage parses one message strictly, so that the SDK cannot read it differently.
func parseMessage(body []byte) (m rpcMessage, invalid *rpcError) {
	value := jsontext.Value(body)
	if value.Kind() == '[' {
		return m, invalidRequest("Batches are not accepted. Send each message in its own request.")
	}
	var wire struct {
		JSONRPC string         `json:"jsonrpc"`
		ID      jsontext.Value `json:"id"`
		Method  *string        `json:"method"`
		Params  jsontext.Value `json:"params"`
		Result  jsontext.Value `json:"result"`
		Error   jsontext.Value `json:"error"`
	}
	err := json.Unmarshal(body, &wire)
	if _, semantic := errors.AsType[*json.SemanticError](err); err != nil && !semantic {
		return m, &rpcError{
			Code:    jsonrpc.CodeParseError,
			Message: "The body must be one well-formed JSON-RPC message in UTF-8, without duplicate names.",
		}
	}
	switch {
	case err != nil || value.Kind() != '{' || wire.JSONRPC != "2.0":
		return m,
			invalidRequest(`The body must be one JSON-RPC message: an object whose jsonrpc is "2.0" ` +
				`and whose method is a string.`)
	case wire.ID != nil && !isValidID(wire.ID):
		return m, invalidRequest("The id must be a string or a whole number below 2^53. Leave it out in a notification.")
	}
	m.id = wire.ID
	switch {
	case wire.Method == nil && wire.Result == nil && wire.Error == nil:
		return m, invalidRequest("The message has no method.")
	case wire.Method == nil && (wire.ID == nil || wire.Error != nil && wire.Error.Kind() != '{'):
		return m, invalidRequest("A response must have the id of its request, and its error must be an object.")
	case wire.Method == nil:
		return m, nil
	}
	m.method = *wire.Method
	switch notification := strings.HasPrefix(m.method, "notifications/"); {
	case m.method == "":
		return m, invalidRequest("The method must not be empty.")
	case notification && wire.ID != nil:
		return m, invalidRequest("A notification must not have an id.")
	case !notification && wire.ID == nil:
		return m, invalidRequest("A call must have an id.")
	case slices.Contains(methodsWithParams, m.method) && wire.Params.Kind() != '{':
		return m, &rpcError{Code: jsonrpc.CodeInvalidParams, Message: "This method needs params, an object."}
	}
	var params struct {
		Name jsontext.Value `json:"name"`
	}
	if wire.Params.Kind() == '{' && json.Unmarshal(wire.Params, &params) == nil && params.Name.Kind() == '"' {
		_ = json.Unmarshal(params.Name, &m.name) // parsed above
	}
	return m, nil
}

// isValidID reports whether the SDK returns an id unchanged. It reads numbers as floats.
func isValidID(id jsontext.Value) bool {
	switch id.Kind() {
	case '"':
		return true
	case '0':
		n, err := strconv.ParseInt(string(id), 10, 64)
		return err == nil && -1<<53 < n && n < 1<<53
	}
	return false
}
