package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"memoai.tech/memo/internal/bulkhead"
)

// Metrics holds the Prometheus metrics of a server, and the standard go_* and process_*
// metrics. Alerts and dashboards depend on their names, which docs/operations.md lists.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by route, method and status
	seconds  *prometheus.HistogramVec // by route
	refusals *prometheus.CounterVec   // by reason

	mu     sync.RWMutex
	series map[seriesKey]series // of the requests so far
}

// seriesKey has the labels of a request's series.
type seriesKey struct {
	route, method string
	status        int
}

// series are those that a request adds to. Finding them by their labels costs more than adding.
type series struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

// NewMetrics returns metrics that count from zero.
func NewMetrics() *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	register := promauto.With(registry)
	m := &Metrics{
		registry: registry, series: map[seriesKey]series{},
		requests: register.NewCounterVec(prometheus.CounterOpts{
			Name: "memo_http_requests_total", Help: "Requests that have ended.",
		}, []string{"route", "method", "status"}),
		seconds: register.NewHistogramVec(prometheus.HistogramOpts{
			Name: "memo_http_request_seconds", Help: "Time from the start of a request to the end of its response.",
			// A call takes less than the smallest default bound.
			Buckets: append([]float64{.0005, .001, .0025}, prometheus.DefBuckets...),
		}, []string{"route"}),
		refusals: register.NewCounterVec(prometheus.CounterOpts{
			Name: "memo_key_refusals_total", Help: "Requests that were refused because of their credentials or a limit.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{"url", "expired", "revoked", "deactivated"} {
		m.refusals.WithLabelValues(reason) // start at 0: Prometheus sees no increase in a series that starts at 1
	}
	return m
}

// Handler serves the metrics. They contain no keys and no customer names, but
// should be served on a listener that only the operator can reach.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// WatchLimits adds the memo_limit_* metrics, for replicas that share the limits. state
// returns whether Redis decides, how often it became unavailable, and the number of
// replicas.
func (m *Metrics) WatchLimits(state func() (redis bool, fallbacks, replicas int)) {
	const help = "1 for the source that decides the limits, 0 for the other."
	for source, isRedis := range map[string]bool{"redis": true, "own": false} {
		m.gauge("memo_limit_source", help, prometheus.Labels{"source": source}, func() float64 {
			redis, _, _ := state()
			return oneIf(redis == isRedis)
		})
	}
	m.counter("memo_limit_fallbacks_total", "How often the source of the limits changed from redis to own.", nil,
		func() float64 { _, n, _ := state(); return float64(n) })
	m.gauge("memo_limit_replicas", "Replicas that share the limits.", nil,
		func() float64 { _, _, n := state(); return float64(n) })
}

// WatchDatabase adds memo_database_up.
func (m *Metrics) WatchDatabase(isUnavailable func() bool) {
	m.gauge("memo_database_up", "1 while the database is available, otherwise 0.", nil,
		func() float64 { return oneIf(!isUnavailable()) })
}

// CountDeliveries adds memo_webhook_deliveries_total with these results, and returns the function that
// counts one.
func (m *Metrics) CountDeliveries(results []string) func(result string) {
	attempts := promauto.With(m.registry).NewCounterVec(prometheus.CounterOpts{
		Name: "memo_webhook_deliveries_total", Help: "Attempts to send an event to a webhook.",
	}, []string{"result"})
	for _, result := range results {
		attempts.WithLabelValues(result) // start at 0, as above
	}
	return func(result string) { attempts.WithLabelValues(result).Inc() }
}

// WatchWork adds the memo_work_* metrics of the limiters, by name.
func (m *Metrics) WatchWork(limiters map[string]*bulkhead.Limiter) {
	for name, l := range limiters {
		work := prometheus.Labels{"work": name}
		m.gauge("memo_work_running", "Pieces of work that are running.", work,
			func() float64 { return float64(l.Stats().Running) })
		m.gauge("memo_work_in_use", "Weight of the running work, in bytes or, for some kinds, pieces.", work,
			func() float64 { return float64(l.Stats().Used) })
		m.gauge("memo_work_waiting", "Pieces of work that wait for capacity.", work,
			func() float64 { return float64(l.Stats().Waiting) })
		m.counter("memo_work_refused_total", "Pieces of work that were refused for lack of capacity.", work,
			func() float64 { return float64(l.Stats().Refused) })
	}
}

func (m *Metrics) gauge(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

func (m *Metrics) counter(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}

// observe counts a request that has ended.
func (m *Metrics) observe(r *Request, method string, status int, took time.Duration) {
	switch method {
	case "GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS":
	default: // a client can send any word
		method = "other"
	}
	s := m.seriesOf(seriesKey{r.Route, method, status})
	s.requests.Inc()
	s.seconds.Observe(took.Seconds())
	if r.Refusal != "" {
		m.refusals.WithLabelValues(r.Refusal).Inc()
	}
}

func (m *Metrics) seriesOf(k seriesKey) series {
	m.mu.RLock()
	s, ok := m.series[k]
	m.mu.RUnlock()
	if ok {
		return s
	}
	s = series{m.requests.WithLabelValues(k.route, k.method, strconv.Itoa(k.status)), m.seconds.WithLabelValues(k.route)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.series[k] = s
	return s
}
