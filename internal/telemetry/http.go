package telemetry

import (
	"cmp"
	"crypto/rand"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/bulkhead"
)

// Middleware gives every request an id, one log line, metrics, and a context for the
// work that package bulkhead admits. If a handler panics, it logs the panic and sends
// an error response, or closes the connection if the response has begun.
type Middleware struct {
	// Log is a logger of [NewLogger], or one that discards everything.
	Log     *slog.Logger
	Metrics *Metrics
	// Address returns the client address of a request. It is called for refused
	// requests only.
	Address func(*http.Request) string
	// Panicked writes the response if a handler panics before it writes anything.
	Panicked func(http.ResponseWriter, *http.Request)

	refusals logLimiter
}

// Wrap returns the outermost handler.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := &Request{ID: rand.Text(), Begun: time.Now()}
		rec := &responseRecorder{ResponseWriter: w}
		rec.Header().Set("X-Request-Id", req.ID)
		ctx, done := bulkhead.WithRequest(WithRequest(r.Context(), req))
		r = r.WithContext(ctx)
		defer func() {
			done() // the response has been written
			p := recover()
			if p != nil && p != http.ErrAbortHandler {
				m.Log.ErrorContext(r.Context(), "panic", "request_id", req.ID, "panic", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					m.Panicked(rec, r)
					p = nil
				}
			}
			if req.Route == "" {
				req.Route = r.Pattern
			}
			m.logRequest(r, req, rec, time.Since(req.Begun), p != nil)
			if p != nil {
				panic(http.ErrAbortHandler) // closes the connection: a partial response must not look complete
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// Maximum lengths of the values in a log line, in characters. They limit a line to
// 6 kB, whatever a client sends and however long a database error is.
const (
	maxMethod  = 20
	maxRoute   = 200
	maxAddress = 100
	maxError   = 1000
)

// logRequest counts a request in the metrics and logs it. Refused requests are
// logged only as far as [logLimiter] allows.
func (m *Middleware) logRequest(r *http.Request, req *Request, rec *responseRecorder, took time.Duration,
	aborted bool,
) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	m.Metrics.observe(req, r.Method, rec.status, took)
	level := slog.LevelInfo
	if rec.status >= 500 {
		level = slog.LevelError
	}
	if !m.Log.Enabled(r.Context(), level) {
		return
	}
	if 400 <= rec.status && rec.status < 500 {
		reason := cmp.Or(req.Refusal, "status "+strconv.Itoa(rec.status))
		if !m.refusals.allow(m.Log, reason) {
			return
		}
	}
	h, ok := m.Log.Handler().(lineHandler)
	if !ok {
		return
	}
	line := linePool.Get().(*requestLine)
	line.b = line.b[:0]
	line.begin(level, req.Begun.Add(took))
	line.text("method", memo.Printable(r.Method, maxMethod))
	line.text("route", memo.Printable(req.Route, maxRoute))
	line.number("status", int64(rec.status))
	line.milliseconds("ms", took)
	line.number("bytes", rec.bytes)
	line.text("request_id", req.ID)
	if req.KeyID != "" {
		line.text("key_id", req.KeyID)
	}
	if req.UserID != "" {
		line.text("user_id", req.UserID)
		line.text("session_id", req.SessionID)
	}
	if req.Refusal != "" {
		line.text("refusal", req.Refusal)
		line.text("address", memo.Printable(m.Address(r), maxAddress))
	}
	if req.Err != nil {
		line.text("error", memo.Printable(req.Err.Error(), maxError))
	}
	if aborted {
		line.b = append(line.b, `,"cut":true`...)
	}
	line.b = append(line.b, "}\n"...)
	_, _ = h.lines.Write(line.b) // as with slog, a log that cannot be written stops nothing
	linePool.Put(line)
}

// responseRecorder records the status and length of a response.
type responseRecorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *responseRecorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *responseRecorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *responseRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
