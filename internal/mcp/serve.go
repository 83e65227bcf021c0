package mcp

import (
	"cmp"
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/admission"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/oauth"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// maxBody is the maximum size of a message in bytes. A hundred ids take 4 kB.
const maxBody = 256 << 10

// ServeHTTP admits a message, and responds to a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	telemetry.RequestOf(r.Context()).Route = Path
	ctx, cancel := s.Admission.WithDeadline(r)
	defer cancel()
	var a admission.Admission
	m, err := s.admit(ctx, w, r, &a)
	a.SetLimitHeaders(w.Header())
	var response []byte
	if err == nil && m.isCall() {
		response, err = s.run(ctx, a.Caller, m)
	}
	refusal, isRPC := errors.AsType[*rpcError](err)
	switch {
	case isRPC:
		httpx.WriteJSON(w, r, refusal.httpStatus(r.Header), struct {
			JSONRPC string         `json:"jsonrpc"`
			ID      jsontext.Value `json:"id"` // null if it could not be read
			Error   *jsonrpc.Error `json:"error"`
		}{"2.0", m.id, refusal.rpc})
	case err != nil:
		httpx.WriteErrorWithChallenge(w, r, err, s.challenge(r))
	case m.isCall():
		httpx.WriteJSONBody(w, http.StatusOK, response)
	default: // without sessions, a notification or a response has no effect
		w.Header().Set("Cache-Control", "private, no-store")
		w.WriteHeader(http.StatusAccepted)
	}
}

// challenge returns the parameters of WWW-Authenticate with which a host finds the authorization
// server, or "" if there is none.
func (s *Server) challenge(r *http.Request) string {
	issuer := s.Admission.Issuer(r)
	if issuer == "" {
		return ""
	}
	return `resource_metadata="` + issuer + oauth.ResourcePath + `", scope="` + oauth.Scope + `"`
}

// admit authorises the key or the connected app, reads the message and counts a data call, in the order of
// docs/contract.md#order-of-refusals.
func (s *Server) admit(
	ctx context.Context, w http.ResponseWriter, r *http.Request, a *admission.Admission,
) (m message, err error) {
	if err := s.Admission.CheckHost(r); err != nil {
		return m, err
	}
	if err := s.Admission.CheckHostOrigin(r); err != nil {
		return m, err
	}
	if *a, err = s.Admission.KeyOrApp(ctx, r); err != nil {
		return m, err
	}
	// The method is checked after the key, because a host whose POST was refused tries GET and
	// shows that response to its user.
	if r.Method != http.MethodPost {
		return m, errMethodNotAllowed
	}
	body, err := readBody(ctx, w, r, a)
	if err != nil {
		return m, err
	}
	m, invalid := parseMessage(body)
	if invalid != nil {
		return m, invalid
	}
	if err := s.App.RequirePermission(ctx, a.Caller, s.permission(m)); err != nil {
		return m, invalidParams(err.Error())
	}
	if !m.isCounted() {
		s.App.NoteUncountedUse(ctx, a.Caller)
	} else if err := s.count(ctx, a, m); err != nil {
		return m, err
	}
	if slices.Contains(unservedMethods, m.method) {
		return m, unknownMethod()
	}
	return m, m.checkHeaders(r.Header)
}

// unservedMethods are methods that the SDK has and this server does not.
var unservedMethods = []string{
	"completion/complete", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "subscriptions/listen",
}

var errMethodNotAllowed = &httpx.StatusError{
	Status: http.StatusMethodNotAllowed, Allow: http.MethodPost,
	Detail: "Method not allowed. MCP takes POST here: there are no sessions to end and no streams to open.",
}

// count counts a data call. Its route in logs and metrics has only known names, never text from
// the caller.
func (s *Server) count(ctx context.Context, a *admission.Admission, m message) error {
	route := &telemetry.RequestOf(ctx).Route
	if m.method == "tools/call" && s.tools[m.name] != nil {
		*route = Path + " " + m.name
	} else {
		*route = Path + " " + m.method
	}
	return s.Admission.Count(ctx, a, ratelimit.Data)
}

// run handles a call, and returns the response or an error.
func (s *Server) run(ctx context.Context, caller memo.Caller, m message) ([]byte, error) {
	p, plain := m.plainCall()
	if run := s.tools[p.Name]; plain && run != nil {
		result, err := run(ctx, caller, p.Arguments)
		if err != nil {
			return nil, cmp.Or(ctx.Err(), err)
		}
		return m.response([]byte(emptyResult), result)
	}
	return s.runSDK(ctx, caller, m)
}

// runSDK lets the SDK handle a call.
func (s *Server) runSDK(ctx context.Context, caller memo.Caller, m message) ([]byte, error) {
	c := &call{caller: caller}
	c.ctx = context.WithValue(ctx, callKey{}, c)
	state := new(sdk.ServerSessionState)
	if m.method != "initialize" { // it was before, or is not necessary
		state.InitializeParams = &sdk.InitializeParams{ProtocolVersion: m.revision}
	}
	x := newExchange(m)
	session, err := s.sdk.Connect(c.ctx, x, &sdk.ServerSessionOptions{State: state})
	if err != nil {
		return nil, err
	}
	defer session.Close() // waits for the handler
	select {
	case response := <-x.response:
		if response.Error != nil {
			return nil, m.refusalOf(response.Error, c.accepted)
		}
		return m.response(response.Result, c.result)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readBody reads the body, up to maxBody bytes. If that took long, it rechecks the key, which may
// have been revoked meanwhile.
func readBody(
	ctx context.Context, w http.ResponseWriter, r *http.Request, a *admission.Admission,
) ([]byte, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || r.Header.Get("Content-Encoding") != "" ||
		!strings.EqualFold(cmp.Or(params["charset"], "utf-8"), "utf-8") {
		return nil, &httpx.StatusError{
			Status: http.StatusUnsupportedMediaType,
			Detail: "The body must be JSON in UTF-8, not compressed: send Content-Type: application/json.",
		}
	}
	start := time.Now()
	body, err := httpx.ReadBody(w, r, maxBody)
	if status, ok := errors.AsType[*httpx.StatusError](err); ok {
		return nil, status
	}
	if err != nil {
		return nil, &httpx.StatusError{Status: http.StatusBadRequest, Detail: "The body could not be read to its end."}
	}
	return body, a.RecheckAfterBody(ctx, start)
}
