// Package telemetry is what the server says of itself: structured logs, one
// line a request, and Prometheus metrics. No sink of it ever holds an API key:
// the writer under the logger takes every key out, wherever it turns up.
package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"memoai.tech/memo"
)

// NewLogger logs JSON lines to w, with every API key taken out. JSON escapes
// line breaks and control codes, so a record is always one line.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(Scrub(w), &slog.HandlerOptions{Level: level}))
}

// Scrub returns a writer that takes API keys out of what passes. It looks at
// one Write at a time, and a log record is one.
func Scrub(w io.Writer) io.Writer { return scrubber{w} }

type scrubber struct{ w io.Writer }

var keyMark = []byte(memo.KeyPrefix)

func (s scrubber) Write(p []byte) (int, error) {
	out := p
	if bytes.Contains(p, keyMark) {
		out = []byte(memo.RedactKeys(string(p)))
	}
	if _, err := s.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Request is what is known of a request when its log line is written. The
// rooms that learn something fill it in.
type Request struct {
	ID      string
	Route   string // the pattern, never the path
	KeyID   string
	Refusal string // the code of a refused credential
	Err     error  // the cause of a 5xx
}

type requestKey struct{}

// With carries r in ctx.
func With(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// Of returns the request that ctx belongs to; one that nobody reads if none.
func Of(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return new(Request)
}

// Metrics counts requests. Its names are part of docs and alerts.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refusals *prometheus.CounterVec
}

// NewMetrics makes the registry with Go's and the process's own metrics.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memo_http_requests_total", Help: "Requests by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "memo_http_request_seconds", Help: "Time to answer, by route pattern.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memo_key_refusals_total", Help: "Refused credentials by reason: missing, malformed, url, unknown, expired, revoked, deactivated, plan, rate_limited.",
		}, []string{"reason"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.refusals,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics. They have no key and no name of a customer in
// them, but they belong on a listener that only the operator reaches.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// methods bounds the label: a client can send any word as a method.
var methods = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PATCH": true, "PUT": true, "DELETE": true, "OPTIONS": true}

func (m *Metrics) observe(r *Request, method string, status int, took time.Duration) {
	if !methods[method] {
		method = "other"
	}
	m.requests.WithLabelValues(r.Route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(r.Route).Observe(took.Seconds())
	if r.Refusal != "" {
		m.refusals.WithLabelValues(r.Refusal).Inc()
	}
}
