package gate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// ParamError is one bad parameter (contract section 1, step 6).
type ParamError struct {
	Loc  []any  `json:"loc"` // "query", "path" or "body", then names and indices
	Msg  string `json:"msg"`
	Type string `json:"type"`
}

// ParamErrors are all bad parameters of a request: 422.
type ParamErrors []ParamError

// maxProblems is how many of them an answer names.
const maxProblems = 100

func (p ParamErrors) Error() string {
	var b strings.Builder
	for i, x := range p {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%v: %s", x.Loc, x.Msg)
	}
	return b.String()
}

// InQuery places a bad value of the domain among the query's parameters.
func InQuery(err error) error { return withLocation("query", err) }

// InBody places a bad value of the domain in the body.
func InBody(err error) error { return withLocation("body", err) }

func withLocation(where string, err error) error {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Kind == memo.KindInvalid {
		return ParamErrors{{Loc: []any{where, e.Field}, Msg: e.Message, Type: "value_error"}}
	}
	return err
}

// StatusError is a refusal of HTTP itself: 400, 404 of a path, 405, 408, 413, 415.
type StatusError struct {
	Status int
	Detail string
	Allow  string // 405: the methods that there are
}

func (e *StatusError) Error() string { return e.Detail }

// codedDetail is the detail of an error that programs tell apart.
type codedDetail struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	IDs     []string `json:"ids,omitempty"`
}

// StatusClientClosed is what proxies log for a client that did not wait.
const StatusClientClosed = 499

// IsClientGone reports a client that has gone: what it asked for broke off. One that
// only closed its sending side still reads an answer.
func IsClientGone(r *http.Request) bool { return errors.Is(r.Context().Err(), context.Canceled) }

// WriteError answers with an error, as JSON with a detail, whatever it is.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	req := telemetry.RequestOf(r.Context())
	status, detail := http.StatusInternalServerError, any("Internal server error")
	h := w.Header()
	if e, ok := errors.AsType[*StatusError](err); ok {
		status, detail = e.Status, e.Detail
		if e.Allow != "" {
			h.Set("Allow", e.Allow)
		}
	} else if p, ok := errors.AsType[ParamErrors](err); ok {
		status, detail = http.StatusUnprocessableEntity, p[:min(len(p), maxProblems)]
	} else if e, ok := errors.AsType[*memo.Error](err); ok {
		status, detail = mapDomainError(e, h, req)
	} else if errors.Is(err, context.DeadlineExceeded) {
		status, detail = http.StatusServiceUnavailable, "This took too long. Try again in a moment."
		SetRetryAfter(h, 2*time.Second)
	}
	if status >= 500 && IsClientGone(r) {
		status, detail = StatusClientClosed, "The request was cancelled by its client."
	}
	if status >= 500 {
		req.Err = err
	}
	limitUnreadBody(w, r)
	body := struct {
		Detail    any    `json:"detail"`
		RequestID string `json:"request_id,omitempty"`
	}{Detail: detail}
	if status == http.StatusInternalServerError {
		body.RequestID = req.ID
	}
	WriteJSON(w, r, status, body)
}

// StatusOf is the status that a kind of error has at every door.
func StatusOf(kind memo.Kind) int {
	switch kind {
	case memo.KindUnauthorized:
		return http.StatusUnauthorized
	case memo.KindForbidden:
		return http.StatusForbidden
	case memo.KindNotFound:
		return http.StatusNotFound
	case memo.KindConflict:
		return http.StatusConflict
	case memo.KindInvalid:
		return http.StatusUnprocessableEntity
	case memo.KindRateLimited:
		return http.StatusTooManyRequests
	case memo.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// mapDomainError maps an error of the domain to HTTP, as the API has it.
func mapDomainError(e *memo.Error, h http.Header, req *telemetry.Request) (status int, detail any) {
	status = StatusOf(e.Kind)
	switch e.Kind {
	case memo.KindUnauthorized:
		req.Refusal = e.Code
		return status, setChallenge(e, h)
	case memo.KindForbidden:
		if e.Code == memo.ErrAPIAccessDenied.Code {
			req.Refusal = "plan"
		}
		return status, codedDetail{Code: e.Code, Message: e.Message}
	case memo.KindNotFound:
		if e.Code != "" {
			return status, codedDetail{e.Code, e.Message, e.IDs}
		}
		return status, e.Message
	case memo.KindConflict:
		return status, codedDetail{Code: e.Code, Message: e.Message}
	case memo.KindInvalid:
		return status, ParamErrors{{Loc: []any{"body", e.Field}, Msg: e.Message, Type: "value_error"}}
	case memo.KindRateLimited:
		req.Refusal = "rate_limited"
		SetRetryAfter(h, e.RetryAfter)
		return status, e.Message
	case memo.KindUnavailable:
		SetRetryAfter(h, e.RetryAfter)
		return status, e.Message
	}
	return status, "Internal server error"
}

// setChallenge writes WWW-Authenticate and returns the body's detail. Why a key
// is refused is told in the header, and only to one who holds the whole key:
// the body is the same for all.
func setChallenge(e *memo.Error, h http.Header) string {
	switch e.Code {
	case "missing":
		h.Set("WWW-Authenticate", `Bearer realm="memo"`)
		return e.Message
	case "url":
		h.Set("WWW-Authenticate",
			`Bearer realm="memo", error="invalid_request", error_description="The key was sent in the URL"`)
		return e.Message
	case "malformed", "unknown", "expired", "revoked", "deactivated":
		h.Set("WWW-Authenticate", `Bearer realm="memo", error="invalid_token", error_description="`+e.Message+`"`)
		return "Invalid API key"
	}
	return e.Message // of a session
}

// WriteJSON answers with a value as JSON, which no cache may store unless a
// header says so already. Invalid UTF-8 becomes U+FFFD. A value that cannot be
// written as JSON is an error of ours: it is logged, and the answer is 500.
func WriteJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		req := telemetry.RequestOf(r.Context())
		req.Err = fmt.Errorf("gate: answer: %w", err)
		status, body = http.StatusInternalServerError, []byte(`{"detail":"Internal server error","request_id":"`+req.ID+`"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-store")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// SetRateLimitHeaders tells what is left of a limit, where the call was counted: the IETF
// draft's structured fields, and the X- headers that most clients read.
func SetRateLimitHeaders(h http.Header, class ratelimit.Class, d ratelimit.Decision) {
	if d.Limit == 0 {
		return
	}
	reset := min(ceilSeconds(d.Reset), int(ratelimit.Period/time.Second))
	limit, left, seconds := strconv.Itoa(d.Limit), strconv.Itoa(d.Remaining), strconv.Itoa(reset)
	h.Set("RateLimit-Policy", `"`+string(class)+`";q=`+limit+`;w=60`)
	h.Set("RateLimit", `"`+string(class)+`";r=`+left+`;t=`+seconds)
	h.Set("X-RateLimit-Limit", limit)
	h.Set("X-RateLimit-Remaining", left)
	h.Set("X-RateLimit-Reset", seconds)
}

// SetRetryAfter tells when to come again, in whole seconds, and returns them.
func SetRetryAfter(h http.Header, d time.Duration) time.Duration {
	seconds := max(1, ceilSeconds(d))
	h.Set("Retry-After", strconv.Itoa(seconds))
	return time.Duration(seconds) * time.Second
}

func ceilSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
