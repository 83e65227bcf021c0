package mcp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// maxBody is the maximum size of a message in bytes. A hundred ids take 4 kB.
const maxBody = 256 << 10

// ServeHTTP admits a request and passes it to the SDK.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	telemetry.RequestOf(r.Context()).Route = Path
	c := &call{request: r}
	m, err := s.admit(w, c)
	c.SetLimitHeaders(w.Header())
	if err != nil {
		writeError(w, r, err)
		return
	}
	if m.isUnknown() { // an unknown notification; admit refuses unknown calls
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if !countedMethods[m.method] {
		s.App.NoteUncountedUse(r.Context(), c.Caller)
	}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	r.Body = io.NopCloser(bytes.NewReader(c.body))
	r.Header = r.Header.Clone()
	r.Header.Set("Accept", "application/json, text/event-stream") // we always send JSON
	s.inner.ServeHTTP(&responseWriter{ResponseWriter: w, call: c}, r)
}

// admit authorises the key, reads the message and counts a data call, in the order of
// docs/contract.md#order-of-refusals.
func (s *Server) admit(w http.ResponseWriter, c *call) (m rpcMessage, err error) {
	r := c.request
	if err := s.Admission.CheckHost(r); err != nil {
		return m, err
	}
	if err := s.Admission.CheckCrossOrigin(r); err != nil {
		return m, err
	}
	if c.Admission, err = s.Admission.Key(r); err != nil {
		return m, err
	}
	// The method is checked after the key, because a host whose POST was refused tries GET and
	// shows that response to its user.
	if r.Method != http.MethodPost {
		return m, errMethodNotAllowed
	}
	if c.body, err = c.read(w); err != nil {
		return m, err
	}
	m, invalid := parseMessage(c.body)
	if invalid != nil {
		return m, &rpcFailure{http.StatusBadRequest, m.id, invalid}
	}
	c.method, c.id = m.method, m.id
	telemetry.RequestOf(r.Context()).Route = s.routeLabel(m)
	if countedMethods[m.method] {
		return m, s.Admission.Count(r.Context(), &c.Admission, ratelimit.Data)
	}
	return m, checkMethod(r, m)
}

var errMethodNotAllowed = &httpx.StatusError{
	Status: http.StatusMethodNotAllowed, Allow: http.MethodPost,
	Detail: "Method not allowed. MCP takes POST here: there are no sessions to end and no streams to open.",
}

// checkMethod refuses a call of an unknown method. Hosts call methods that other servers have.
// Revisions from 2026-07-28 on require HTTP status 404. An unknown notification is not refused,
// because no host reads the response.
func checkMethod(r *http.Request, m rpcMessage) error {
	if !m.isUnknown() || m.id == nil {
		return nil
	}
	status := http.StatusOK
	if r.Header.Get("MCP-Protocol-Version") >= "2026-07-28" {
		status = http.StatusNotFound
	}
	return &rpcFailure{status, m.id, &rpcError{Code: jsonrpc.CodeMethodNotFound, Message: unknownMethodMessage}}
}

// writeError writes an error: as JSON-RPC if the message itself is invalid, otherwise as REST
// does.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	if failure, ok := errors.AsType[*rpcFailure](err); ok {
		httpx.WriteJSON(w, r, failure.status, failure.message())
		return
	}
	httpx.WriteError(w, r, err)
}

const unknownMethodMessage = "Unknown method. Memo has tools, prompts and resources."

// routeLabel returns the route of a message in logs and metrics. It contains only known methods
// and tools, never text from the caller.
func (s *Server) routeLabel(m rpcMessage) string {
	if _, ok := countedMethods[m.method]; !ok {
		return Path
	}
	if s.tools[m.name] && m.method == "tools/call" {
		return Path + " " + m.name
	}
	return Path + " " + m.method
}

// read reads the body, up to maxBody bytes. If that took long, it rechecks the key, which may have
// been revoked meanwhile.
func (c *call) read(w http.ResponseWriter) ([]byte, error) {
	h := c.request.Header
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || h.Get("Content-Encoding") != "" ||
		!strings.EqualFold(cmp.Or(params["charset"], "utf-8"), "utf-8") {
		return nil, &httpx.StatusError{
			Status: http.StatusUnsupportedMediaType,
			Detail: "The body must be JSON in UTF-8, not compressed: send Content-Type: application/json.",
		}
	}
	start := time.Now()
	body, err := httpx.ReadBody(w, c.request, maxBody)
	if status, ok := errors.AsType[*httpx.StatusError](err); ok {
		return nil, status
	}
	if err != nil {
		return nil, &httpx.StatusError{Status: http.StatusBadRequest, Detail: "The body could not be read to its end."}
	}
	if time.Since(start) > 10*time.Millisecond { // the body came after the headers
		return body, c.Recheck(c.request.Context())
	}
	return body, nil
}

// responseWriter passes on what the SDK writes. It sets private Cache-Control, turns the SDK's
// plain-text errors into JSON, and writes the handler's error instead of the SDK's response.
type responseWriter struct {
	http.ResponseWriter
	call         *call
	status       int
	suppressSDK  bool // discard what the SDK writes, and write an error instead
	errorWritten bool // that error was written
}

func (a *responseWriter) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	h := a.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	a.suppressSDK = a.call.handlerError != nil || status >= 400 && strings.HasPrefix(h.Get("Content-Type"), "text/plain")
	if !a.suppressSDK {
		a.ResponseWriter.WriteHeader(status)
	}
}

func (a *responseWriter) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.suppressSDK {
		if err := a.call.handlerError; !a.errorWritten {
			a.errorWritten = true
			if err == nil {
				err = &httpx.StatusError{Status: a.status, Detail: refusedBySDK(string(p))}
			}
			writeError(a.ResponseWriter, a.call.request, err)
		}
		return len(p), nil
	}
	if _, err := a.ResponseWriter.Write(a.rewriteSDKError(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// refusedBySDK returns the SDK's plain-text error without the input that it repeats.
func refusedBySDK(text string) string {
	if strings.HasPrefix(text, "malformed payload") {
		return "The body must be one JSON-RPC message, nested less than 1,000 deep."
	}
	return memo.Printable(strings.TrimSpace(text), maxRepeated)
}

// rewriteSDKError rewrites an error of the SDK, which names internal types and repeats input
// that may contain a key.
func (a *responseWriter) rewriteSDKError(p []byte) []byte {
	if !bytes.Contains(p[:min(len(p), len(a.call.id)+64)], []byte(`"error":{`)) {
		return p
	}
	var m rpcErrorMessage
	if json.Unmarshal(p, &m) != nil || m.Error == nil {
		return p // a result whose id looks like an error
	}
	switch e := m.Error; {
	case strings.HasPrefix(e.Message, "handling '"):
		e.Code, e.Message = jsonrpc.CodeInvalidParams,
			"Invalid params: a member is missing or has the wrong type."
	case e.Code == jsonrpc.CodeMethodNotFound:
		e.Message = unknownMethodMessage
	case strings.HasPrefix(e.Message, "unknown tool "):
		e.Message = "Unknown tool. Call tools/list for the available tools."
	case strings.HasPrefix(e.Message, "unknown prompt "):
		e.Message = "Unknown prompt. Call prompts/list for the available prompts."
	case e.Message == "invalid params":
		e.Message = "Invalid cursor. Leave it out: the list has one page."
	case e.Code == sdk.CodeHeaderMismatch:
		e.Message = "A header is missing or differs from the body: MCP-Protocol-Version must repeat the version in _meta, " +
			"Mcp-Method the method, and Mcp-Name the name or uri."
	}
	m.Error.Message = memo.Printable(m.Error.Message, maxRepeated)
	if m.Error.Data != nil {
		m.Error.Data = []byte(memo.RedactKeys(string(m.Error.Data)))
	}
	p, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Errorf("mcp: rewrite error: %w", err)) // it was just parsed
	}
	return p
}

// Unwrap lets http.ResponseController reach the connection.
func (a *responseWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// ServeRegister responds to POST /register. Hosts that try OAuth first show this sentence to
// their user.
func ServeRegister(w http.ResponseWriter, r *http.Request) {
	httpx.WriteJSON(w, r, http.StatusBadRequest, map[string]string{
		"error": "invalid_client_metadata",
		// Without the form of the header, because some hosts redact what looks like a secret.
		"error_description": "Memo has no OAuth. Create an API key in Memo under Settings → API & MCP, and set it as the " +
			"bearer token of this MCP server.",
	})
}
