package httpx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/params"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

func TestWriteJSON(t *testing.T) {
	for _, c := range []struct {
		name   string
		value  any
		status int
		body   string
		logged bool
	}{
		{"text", map[string]string{"a": "ö"}, 200, `{"a":"ö"}`, false},
		{"invalid UTF-8", map[string]string{"a\xff": "b\xfe"}, 200, `{"a` + "\uFFFD" + `":"b` + "\uFFFD" + `"}`, false},
		{"a value without a JSON form", math.Inf(1), 500, `{"detail":"Internal server error","request_id":"the-id"}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := &telemetry.Request{ID: "the-id"}
			r := httptest.NewRequest("GET", "/", nil)
			w := httptest.NewRecorder()
			httpx.WriteJSON(w, r.WithContext(telemetry.WithRequest(r.Context(), req)), http.StatusOK, c.value)
			if w.Code != c.status || w.Body.String() != c.body || !json.Valid(w.Body.Bytes()) || (req.Err != nil) != c.logged {
				t.Errorf("%d %s, logged %v", w.Code, w.Body, req.Err)
			}
		})
	}
}

// TestFaultsAreLimited: a query may have thousands of unknown parameters.
func TestFaultsAreLimited(t *testing.T) {
	many := make(params.Faults, 30_000)
	w := httptest.NewRecorder()
	httpx.WriteError(w, httptest.NewRequest("GET", "/", nil), many)
	if n := strings.Count(w.Body.String(), `"loc"`); n != 100 {
		t.Errorf("the response has %d errors, want 100", n)
	}
}

// TestWorkThatTookTooLong: the context of a call is cancelled when a slow database takes too long.
// Whether the client is still there is known from the request.
func TestWorkThatTookTooLong(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name    string
		request context.Context
		err     error
		status  int
	}{
		{"deadline", t.Context(), context.DeadlineExceeded, http.StatusServiceUnavailable},
		{"cancelled", t.Context(), fmt.Errorf("read: %w", context.Canceled), http.StatusServiceUnavailable},
		{"client gone", gone, context.Canceled, httpx.StatusClientClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			httpx.WriteError(w, httptest.NewRequestWithContext(c.request, "GET", "/", nil), c.err)
			if retry := w.Header().Get("Retry-After"); w.Code != c.status || retry != "2" {
				t.Errorf("got %d, Retry-After %q; want %d, 2", w.Code, retry, c.status)
			}
		})
	}
}

func TestRateLimitHeaders(t *testing.T) {
	h := http.Header{}
	httpx.SetRateLimitHeaders(h, "data", ratelimit.Decision{Limit: 500, Remaining: 42, Reset: 7100 * time.Millisecond})
	for name, want := range map[string]string{
		"RateLimit-Policy": `"data";q=500;w=60`, "RateLimit": `"data";r=42;t=8`,
		"X-RateLimit-Limit": "500", "X-RateLimit-Remaining": "42", "X-RateLimit-Reset": "8",
	} {
		t.Run(name, func(t *testing.T) {
			if got := h.Get(name); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	for name, values := range h {
		if cap(values) != 1 {
			t.Errorf("adding a value to %s would change another header", name)
		}
	}
}
