// Package telemetry is what the server says of itself: structured logs, one
// line a request, and Prometheus metrics. No sink of it ever holds an API key:
// the writer under the logger takes every key out, wherever it turns up.
package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"time"

	"memoai.tech/memo"
)

// NewLogger logs JSON lines to w, with every API key taken out. JSON escapes
// line breaks and control codes, so a record is always one line.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(RedactingWriter(w), &slog.HandlerOptions{Level: level}))
}

// RedactingWriter returns a writer that takes API keys out of what passes. It looks at
// one Write at a time, and a log record is one.
func RedactingWriter(w io.Writer) io.Writer { return redactingWriter{w} }

type redactingWriter struct{ w io.Writer }

var keyPrefixBytes = []byte(memo.KeyPrefix)

func (s redactingWriter) Write(p []byte) (int, error) {
	out := p
	if bytes.Contains(p, keyPrefixBytes) {
		out = []byte(memo.RedactKeys(string(p)))
	}
	if _, err := s.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Request is what is known of a request when its log line is written. The
// packages that learn something fill it in.
type Request struct {
	ID        string
	Begun     time.Time
	Route     string // the pattern, never the path
	KeyID     string
	UserID    string // who is signed in, of a request with a session
	SessionID string
	Refusal   string // the code of a refused credential
	Err       error  // the cause of a 5xx, and why a stream was cut
}

// SignedIn notes whose session came with the request.
func (r *Request) SignedIn(c memo.Caller) { r.UserID, r.SessionID = c.UserID, c.SessionID }

type requestKey struct{}

// WithRequest carries r in ctx.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request that ctx belongs to; one that nobody reads if none.
func RequestOf(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return &Request{Begun: time.Now()}
}
