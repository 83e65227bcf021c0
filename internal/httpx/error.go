package httpx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/jsonform"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// maxFaults is how many faults of an input a response names.
const maxFaults = 100

// StatusError is an error of HTTP itself: 400, 404 of a path, 405, 408, 413, 415.
type StatusError struct {
	Status int
	Detail string
	Allow  string // 405: the allowed methods
}

func (e *StatusError) Error() string { return e.Detail }

// CodedDetail is the "detail" of an error with a code.
type CodedDetail struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	IDs     []string `json:"ids,omitzero"`
}

const internalError = "Internal server error"

// StatusClientClosed is the status for the log if the client closed the connection first. It is a
// convention of proxies.
const StatusClientClosed = 499

// IsClientGone reports whether the client closed the connection. A client that closed only its
// sending side still reads the response.
func IsClientGone(r *http.Request) bool { return errors.Is(r.Context().Err(), context.Canceled) }

// IsTimeout reports whether work ended before it was done. That includes work that was cancelled:
// if the client is still there, its call has taken too long.
func IsTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// WriteError writes an error as JSON with a "detail", with the status and headers of
// docs/contract.md#order-of-refusals. A passed deadline is 503, and an unknown error is 500.
// Errors of 500 and above are logged.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	WriteErrorWithChallenge(w, r, err, "")
}

// WriteErrorWithChallenge is WriteError with extra parameters for WWW-Authenticate, if the response
// has that header.
func WriteErrorWithChallenge(w http.ResponseWriter, r *http.Request, err error, extra string) {
	req := telemetry.RequestOf(r.Context())
	status, detail := http.StatusInternalServerError, any(internalError)
	var reason string
	var retryAfter int
	h := w.Header()
	if e, ok := errors.AsType[*StatusError](err); ok {
		status, detail = e.Status, e.Detail
		if e.Allow != "" {
			h.Set("Allow", e.Allow)
		}
	} else if p, ok := errors.AsType[params.Faults](err); ok {
		status, detail = http.StatusUnprocessableEntity, p[:min(len(p), maxFaults)]
	} else if e, ok := errors.AsType[*memo.Error](err); ok {
		status, detail = StatusOf(e.Kind), domainDetail(e, h, req)
		reason = inactiveReason(e)
		if e.Kind == memo.KindRateLimited {
			retryAfter = int(SetRetryAfter(h, e.RetryAfter).Seconds())
		}
	} else if IsTimeout(err) {
		status, detail = http.StatusServiceUnavailable, "This took too long. Try again in a moment."
		SetRetryAfter(h, 2*time.Second)
	}
	if status >= 500 && IsClientGone(r) {
		status, detail = StatusClientClosed, "The request was cancelled by its client."
	}
	if status >= 500 {
		req.Err = err
	}
	if challenge := h.Get("WWW-Authenticate"); challenge != "" && extra != "" {
		h.Set("WWW-Authenticate", challenge+", "+extra)
	}
	limitUnreadBody(w, r)
	body := struct {
		Detail     any    `json:"detail"`
		Reason     string `json:"reason,omitempty"`
		RetryAfter int    `json:"retry_after,omitzero"` // as the header
		RequestID  string `json:"request_id,omitempty"`
	}{Detail: detail, Reason: reason, RetryAfter: retryAfter}
	if status == http.StatusInternalServerError {
		body.RequestID = req.ID
	}
	WriteJSON(w, r, status, body)
}

var statuses = map[memo.Kind]int{
	memo.KindInvalid:      http.StatusUnprocessableEntity,
	memo.KindUnauthorized: http.StatusUnauthorized,
	memo.KindForbidden:    http.StatusForbidden,
	memo.KindNotFound:     http.StatusNotFound,
	memo.KindConflict:     http.StatusConflict,
	memo.KindGone:         http.StatusGone,
	memo.KindRateLimited:  http.StatusTooManyRequests,
	memo.KindUnavailable:  http.StatusServiceUnavailable,
}

// StatusOf returns the HTTP status of a kind of error, the same on every surface.
func StatusOf(kind memo.Kind) int { return cmp.Or(statuses[kind], http.StatusInternalServerError) }

// domainDetail returns the "detail" of a domain error and sets its headers.
func domainDetail(e *memo.Error, h http.Header, req *telemetry.Request) any {
	req.Refusal = RefusalReason(e)
	switch e.Kind {
	case memo.KindInternal:
		return internalError
	case memo.KindInvalid:
		if e.Code == memo.CodeKeyPolicy {
			break // no single value is wrong
		}
		return params.InvalidValue("body", e)
	case memo.KindUnauthorized:
		return setChallenge(e, h)
	case memo.KindRateLimited:
		return e.Message
	case memo.KindUnavailable:
		SetRetryAfter(h, e.RetryAfter)
		return e.Message
	}
	if e.Code == "" {
		return e.Message
	}
	return CodedDetail{e.Code, e.Message, e.IDs}
}

// RefusalReason returns the reason of a refusal by credential, plan or limit, for the log and the
// metrics, and "" for other errors. It is the same on every surface.
func RefusalReason(e *memo.Error) string {
	switch {
	case e.Kind == memo.KindUnauthorized:
		return e.Code
	case e.Kind == memo.KindRateLimited:
		return "rate_limited"
	case e.Code == memo.ErrAPIAccessDenied.Code:
		return "plan"
	case e.Kind == memo.KindForbidden && slices.Contains(memo.AccessCodes, e.Code):
		return e.Code
	}
	return ""
}

// inactiveReason returns why a key that exists was refused, and "" otherwise: only who has the whole key
// gets it.
func inactiveReason(e *memo.Error) string {
	if e.Kind == memo.KindUnauthorized && slices.Contains([]string{"expired", "revoked", "deactivated"}, e.Code) {
		return e.Code
	}
	return ""
}

// setChallenge sets WWW-Authenticate and returns the detail of the body, which is the same for every
// refused key.
func setChallenge(e *memo.Error, h http.Header) string {
	switch e.Code {
	case "missing":
		challenge := `Bearer realm="memo"`
		if e.Hint != "" {
			challenge += `, error="invalid_request", error_description="` + e.Hint + `"`
		}
		h.Set("WWW-Authenticate", challenge)
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
	body, err := jsonform.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		req := telemetry.RequestOf(r.Context())
		req.Err = fmt.Errorf("httpx: write JSON: %w", err)
		status, body = http.StatusInternalServerError, []byte(`{"detail":"`+internalError+`","request_id":"`+req.ID+`"}`)
	}
	WriteJSONBody(w, status, body)
}

// WriteJSONBody writes body, which is JSON. No cache may store it unless Cache-Control is already set.
func WriteJSONBody(w http.ResponseWriter, status int, body []byte) {
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
	values := []string{
		`"` + string(class) + `";q=` + limit + `;w=` + windowSeconds,
		`"` + string(class) + `";r=` + left + `;t=` + seconds,
		limit, left, seconds,
	}
	for i, name := range rateLimitHeaders {
		h[name] = values[i : i+1 : i+1]
	}
}

// rateLimitHeaders are the names of the headers of SetRateLimitHeaders in canonical form, to which
// Header.Set would convert them on every call.
var rateLimitHeaders = [...]string{
	"Ratelimit-Policy", "Ratelimit", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset",
}

// SetRetryAfter sets Retry-After in whole seconds, at least 1, and returns that time.
func SetRetryAfter(h http.Header, d time.Duration) time.Duration {
	seconds := max(1, ceilSeconds(d))
	h.Set("Retry-After", strconv.Itoa(seconds))
	return time.Duration(seconds) * time.Second
}

func ceilSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
