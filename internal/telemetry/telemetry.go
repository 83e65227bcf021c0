// Package telemetry writes structured logs, one line per request, and Prometheus
// metrics. Logs never contain an API key: the logger's writer redacts every key.
package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"memoai.tech/memo"
)

// NewLogger returns a logger that writes JSON lines to w and redacts API keys. JSON
// escapes line breaks and control characters, so a record is always one line.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	lines := &lineWriter{w: RedactingWriter(w)}
	return slog.New(lineHandler{slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: level}), lines})
}

// lineHandler is the handler of [NewLogger]. [Middleware] writes its lines to lines without a
// record, because making one costs more than the rest of the middleware.
type lineHandler struct {
	slog.Handler
	lines *lineWriter
}

func (h lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lineHandler{h.Handler.WithAttrs(attrs), h.lines}
}

func (h lineHandler) WithGroup(name string) slog.Handler {
	return lineHandler{h.Handler.WithGroup(name), h.lines}
}

// lineWriter writes one line at a time.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

// RedactingWriter returns a writer that redacts API keys and tokens and writes to w. It looks
// at each Write separately, so a key must not be split over two. A log record is
// always one Write.
func RedactingWriter(w io.Writer) io.Writer { return redactingWriter{w} }

type redactingWriter struct{ w io.Writer }

// keyPart is part of every prefix of a key or token. It is cheap to search for.
var keyPart = []byte("_live_")

func (s redactingWriter) Write(p []byte) (int, error) {
	out := p
	if bytes.Contains(p, keyPart) {
		out = []byte(memo.RedactKeys(string(p)))
	}
	if _, err := s.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Request is what the log line of a request shows. The packages that handle the
// request fill it in.
type Request struct {
	ID        string
	Begun     time.Time
	Route     string // the pattern, never the path
	KeyID     string
	UserID    string // the signed-in user of a request with a session
	SessionID string
	Refusal   string // why the request was refused: a reason of memo_key_refusals_total
	Err       error  // the cause of a 5xx or of a stream that was cut off
}

// SetSession records the session of the request.
func (r *Request) SetSession(c memo.Caller) { r.UserID, r.SessionID = c.UserID, c.SessionID }

type requestKey struct{}

// WithRequest returns a copy of ctx that carries r.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request of ctx. If ctx has none, it returns a new Request,
// which is not logged.
func RequestOf(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return &Request{Begun: time.Now()}
}
