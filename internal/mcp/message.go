package mcp

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/httpx"
)

// message is a JSON-RPC message of a client.
type message struct {
	id     jsontext.Value // nil in a notification
	method string         // empty in a response
	params jsontext.Value // nil or an object

	// What params have, or empty:
	name     string // of the tool or prompt, or the URI of the resource
	revision string // of the protocol, since perCallRevision
}

// perCallRevision is the first revision without initialize: each call names its revision itself.
const perCallRevision = "2026-07-28"

func (m message) isCall() bool { return m.method != "" && m.id != nil }

// isCounted reports whether the message is a data call, see docs/contract.md#rate-limits.
func (m message) isCounted() bool {
	return slices.Contains([]string{"tools/call", "resources/read", "prompts/get"}, m.method)
}

// parseMessage parses a message strictly. An invalid one has at most its id.
func parseMessage(body []byte) (m message, invalid *rpcError) {
	if jsontext.Value(body).Kind() == '[' {
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
	err := jsonv2.Unmarshal(body, &wire)
	if _, semantic := errors.AsType[*jsonv2.SemanticError](err); err != nil && !semantic {
		return m, newError(http.StatusBadRequest, jsonrpc.CodeParseError,
			"The body must be one well-formed JSON-RPC message in UTF-8, without duplicate names.")
	}
	switch {
	case err != nil || wire.JSONRPC != "2.0":
		return m, invalidRequest(`The body must be one JSON-RPC message: an object whose jsonrpc is "2.0" ` +
			`and whose method is a string.`)
	case wire.ID != nil && !isValidID(wire.ID):
		return m, invalidRequest("The id must be a string or a whole number below 2^53. Leave it out in a notification.")
	}
	m.id = wire.ID
	switch {
	case wire.Method == nil && wire.Result == nil && wire.Error == nil:
		return m, invalidRequest("The message has no method.")
	case wire.Method == nil && (m.id == nil || wire.Error != nil && wire.Error.Kind() != '{'):
		return m, invalidRequest("A response must have the id of its request, and its error must be an object.")
	case wire.Method == nil:
		return m, nil
	}
	switch isNotification := strings.HasPrefix(*wire.Method, "notifications/"); {
	case *wire.Method == "":
		return m, invalidRequest("The method must not be empty.")
	case isNotification && m.id != nil:
		return m, invalidRequest("A notification must not have an id.")
	case !isNotification && m.id == nil:
		return m, invalidRequest("A call must have an id.")
	}
	m.method = *wire.Method
	switch wire.Params.Kind() {
	case '{':
		m.setParams(wire.Params)
	case 'n', jsontext.KindInvalid: // absent
	default:
		return m, newError(http.StatusBadRequest, jsonrpc.CodeInvalidParams, "params must be an object.")
	}
	return m, nil
}

func (m *message) setParams(params jsontext.Value) {
	m.params = params
	// Members are decoded one by one, because one of another type must not hide the others from
	// checkHeaders. The SDK refuses it.
	var members map[string]jsontext.Value
	_ = jsonv2.Unmarshal(params, &members)
	name := "name"
	if m.method == "resources/read" {
		name = "uri"
	}
	_ = jsonv2.Unmarshal(members[name], &m.name)
	var meta struct {
		Revision string `json:"io.modelcontextprotocol/protocolVersion"`
	}
	_ = jsonv2.Unmarshal(members["_meta"], &meta)
	m.revision = meta.Revision
}

// plainCall is what the params of most calls of tools have.
type plainCall struct {
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
	Meta      map[string]any `json:"_meta"` // such as a progress token
}

// maxPlain is the maximum size of the params of a plain call in bytes. What is that short cannot be nested more
// than 1,000 deep, which the SDK refuses.
const maxPlain = 2000

// plainCall returns the params of a call in which the SDK has nothing to refuse or to add: it would look up the
// tool and call it, which takes it three goroutines and 70 kB. ok is false for what the SDK has to judge: a
// revision that is named in each call, other members, wrong types. FuzzPlainCall compares both.
func (m message) plainCall() (p plainCall, ok bool) {
	if m.method != "tools/call" || m.revision != "" || len(m.params) > maxPlain {
		return p, false
	}
	err := jsonv2.Unmarshal(m.params, &p, jsonv2.RejectUnknownMembers(true))
	return p, err == nil
}

// isValidID reports whether every client finds its id in the response. Many read numbers as
// floats.
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

const revisionHeader = "MCP-Protocol-Version"

// checkHeaders checks the revision, and since perCallRevision, that headers repeat parts of a call.
func (m message) checkHeaders(h http.Header) error {
	header, supported := h.Get(revisionHeader), sdk.SupportedProtocolVersions()
	switch {
	case header != "" && header < perCallRevision && !slices.Contains(supported, header):
		return &httpx.StatusError{
			Status: http.StatusBadRequest,
			Detail: "This version of MCP is not supported, only " + strings.Join(supported, ", ") + ".",
		}
	case !m.isCall(), header < perCallRevision && m.revision == "":
		return nil
	case m.revision == "":
		return invalidParams("_meta must have the version in io.modelcontextprotocol/protocolVersion.")
	case header != m.revision,
		header >= perCallRevision && (h.Get("Mcp-Method") != m.method || m.isCounted() && h.Get("Mcp-Name") != m.name):
		return newError(http.StatusBadRequest, sdk.CodeHeaderMismatch, "A header is missing or differs from the body: "+
			"MCP-Protocol-Version must repeat the version in _meta, Mcp-Method the method, and Mcp-Name the name or uri.")
	}
	return nil
}

// rpcError is a refusal that is written as a JSON-RPC error.
type rpcError struct {
	status int // of HTTP; 0 if httpStatus decides
	rpc    *jsonrpc.Error
}

func (e *rpcError) Error() string { return e.rpc.Message }

func newError(status int, code int64, text string) *rpcError {
	return &rpcError{status, &jsonrpc.Error{Code: code, Message: text}}
}

func invalidRequest(text string) *rpcError {
	return newError(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, text)
}

func invalidParams(text string) *rpcError { return newError(0, jsonrpc.CodeInvalidParams, text) }

func unknownMethod() *rpcError {
	return newError(0, jsonrpc.CodeMethodNotFound, "Unknown method. Memo has tools, prompts and resources.")
}

// httpStatus returns the status of the response. Before perCallRevision, most errors of calls
// have 200.
func (e *rpcError) httpStatus(h http.Header) int {
	switch {
	case e.status != 0:
		return e.status
	case h.Get(revisionHeader) < perCallRevision:
		return http.StatusOK
	case e.rpc.Code == jsonrpc.CodeMethodNotFound:
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

// refusalOf returns an error of the SDK with a text of ours, because the SDK's repeats what the
// client sent, which may be a key. accepted is whether the SDK accepted the params. It returns
// errors of our own handlers unchanged.
func (m message) refusalOf(err error, accepted bool) error {
	e, isRPC := errors.AsType[*jsonrpc.Error](err)
	_, wrongType := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case accepted && !isRPC: // also *rpcError
		return err
	case isRPC && e.Code == jsonrpc.CodeMethodNotFound:
		return unknownMethod()
	case isRPC && e.Code == sdk.CodeUnsupportedProtocolVersion:
		refusal := newError(0, e.Code, e.Message)
		refusal.rpc.Data = []byte(memo.RedactKeys(string(e.Data)))
		return refusal
	case !accepted && wrongType:
		return invalidParams("Invalid params: a member has the wrong type.")
	case !accepted:
		return newError(http.StatusBadRequest, jsonrpc.CodeInvalidParams,
			"Invalid params: a member is missing, or they are nested more than 1,000 deep.")
	case m.method == "tools/call":
		return invalidParams("Unknown tool. Call tools/list for the available tools.")
	case m.method == "prompts/get":
		return invalidParams("Unknown prompt. Call prompts/list for the available prompts.")
	case m.method == "resources/read":
		return noResource(m.name)
	}
	return invalidParams("Invalid cursor. Leave it out: the list has one page.")
}
