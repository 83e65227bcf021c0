package httpx

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

// ParamError is one invalid parameter or JSON member of a request.
type ParamError struct {
	Loc  []any  `json:"loc"` // "query", "path" or "body", then names and indices
	Msg  string `json:"msg"`
	Type string `json:"type"`
}

// ParamErrors are all invalid parameters of a request, for a 422 response.
type ParamErrors []ParamError

// maxParamErrors is how many of them a response names.
const maxParamErrors = 100

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

// InQuery turns an error of KindInvalid into ParamErrors for a query parameter. It returns other
// errors unchanged.
func InQuery(err error) error { return withLocation("query", err) }

// InBody turns an error of KindInvalid into ParamErrors for a member of the body. It returns
// other errors unchanged.
func InBody(err error) error { return withLocation("body", err) }

func withLocation(where string, err error) error {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Kind == memo.KindInvalid {
		return ParamErrors{{Loc: []any{where, e.Field}, Msg: e.Message, Type: "value_error"}}
	}
	return err
}

// StatusError is an error of HTTP itself: 400, 404 of a path, 405, 408, 413, 415.
type StatusError struct {
	Status int
	Detail string
	Allow  string // 405: the allowed methods
}

func (e *StatusError) Error() string { return e.Detail }

// codedDetail is the "detail" of an error with a code.
type codedDetail struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	IDs     []string `json:"ids,omitempty"`
}

// StatusClientClosed is the status for the log if the client closed the connection first. It is a
// convention of proxies.
const StatusClientClosed = 499

// IsClientGone reports whether the client closed the connection. A client that closed only its
// sending side still reads the response.
func IsClientGone(r *http.Request) bool { return errors.Is(r.Context().Err(), context.Canceled) }

// WriteError writes an error as JSON with a "detail", with the status and headers of
// docs/contract.md#order-of-refusals. A passed deadline is 503, and an unknown error is 500.
// Errors of 500 and above are logged.
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
		status, detail = http.StatusUnprocessableEntity, p[:min(len(p), maxParamErrors)]
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

// StatusOf returns the HTTP status of a kind of error, the same on every surface.
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

// mapDomainError returns the status and detail of a domain error and sets its headers.
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

// setChallenge sets WWW-Authenticate and returns the detail of the body. Only the header says why
// a key was refused; the body is the same for every refused key.
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
	return e.Message // of a session or sign-in, without a challenge
}

// WriteJSON writes v as JSON. No cache may store it unless Cache-Control is already set.
// Invalid UTF-8 becomes U+FFFD. If v has no JSON form, the error is logged and the response is
// 500.
func WriteJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		req := telemetry.RequestOf(r.Context())
		req.Err = fmt.Errorf("httpx: write JSON: %w", err)
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

const periodSeconds = int(ratelimit.Period / time.Second)

var windowSeconds = strconv.Itoa(periodSeconds)

// SetRateLimitHeaders sets the headers for what is left of a limit: the structured fields of the
// IETF draft, and the X-RateLimit headers that most clients read. It sets none if d.Limit is 0.
func SetRateLimitHeaders(h http.Header, class ratelimit.Class, d ratelimit.Decision) {
	if d.Limit == 0 {
		return
	}
	reset := min(ceilSeconds(d.Reset), periodSeconds)
	limit, left, seconds := strconv.Itoa(d.Limit), strconv.Itoa(d.Remaining), strconv.Itoa(reset)
	h.Set("RateLimit-Policy", `"`+string(class)+`";q=`+limit+`;w=`+windowSeconds)
	h.Set("RateLimit", `"`+string(class)+`";r=`+left+`;t=`+seconds)
	h.Set("X-RateLimit-Limit", limit)
	h.Set("X-RateLimit-Remaining", left)
	h.Set("X-RateLimit-Reset", seconds)
}

// SetRetryAfter sets Retry-After in whole seconds, at least 1, and returns that time.
func SetRetryAfter(h http.Header, d time.Duration) time.Duration {
	seconds := max(1, ceilSeconds(d))
	h.Set("Retry-After", strconv.Itoa(seconds))
	return time.Duration(seconds) * time.Second
}

func ceilSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
