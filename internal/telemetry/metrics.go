package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"memoai.tech/memo/internal/bulkhead"
)

// Metrics holds the Prometheus metrics of a server. Alerts and dashboards depend on
// their names:
//
//	memo_http_requests_total{route,method,status}
//	memo_http_request_seconds{route}: a histogram
//	memo_key_refusals_total{reason}: missing, malformed, url, unknown, expired,
//	  revoked, deactivated, plan, rate_limited, bad_sign_in, not_signed_in
//	memo_limit_source{source}: with --redis; 1 for the source that decides the
//	  limits, redis or own, and 0 for the other
//	memo_limit_fallbacks_total: how often the source changed from redis to own
//	memo_limit_replicas: number of replicas that share the limits
//	memo_database_up: 1 while the database is available, otherwise 0
//	memo_work_running{work}: number of searches, reads, imports and uploads that
//	  are running
//	memo_work_in_use{work}: their total weight: bytes, or their number for searches
//	  and imports
//	memo_work_waiting{work}: number that wait for capacity
//	memo_work_refused_total{work}: number refused for lack of capacity
//
// The handler adds the go_* and process_* metrics of the process.
type Metrics struct {
	set    *metrics.Set
	routes sync.Map // route → *latencyHistogram
}

// NewMetrics returns metrics that count from zero.
func NewMetrics() *Metrics {
	m := &Metrics{set: metrics.NewSet()}
	for _, reason := range []string{"url", "expired", "revoked", "deactivated"} {
		m.refusals(reason) // start at 0: Prometheus sees no increase in a series that starts at 1
	}
	return m
}

func (m *Metrics) refusals(reason string) *metrics.Counter {
	return m.set.GetOrCreateCounter(`memo_key_refusals_total{reason="` + reason + `"}`)
}

// Handler serves the metrics. They contain no keys and no customer names, but
// should be served on a listener that only the operator can reach.
func (m *Metrics) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.set.WritePrometheus(w)
		metrics.WriteProcessMetrics(w)
		metrics.WriteFDMetrics(w)
	})
}

// WatchLimits adds the memo_limit_* metrics, for replicas that share the limits. state
// returns whether Redis decides, how often it became unavailable, and the number of
// replicas.
func (m *Metrics) WatchLimits(state func() (redis bool, fallbacks, replicas int)) {
	source := func(name string, isRedis bool) {
		m.set.NewGauge(`memo_limit_source{source="`+name+`"}`, func() float64 {
			if redis, _, _ := state(); redis != isRedis {
				return 0
			}
			return 1
		})
	}
	source("redis", true)
	source("own", false)
	m.set.NewGauge("memo_limit_fallbacks_total", func() float64 { _, n, _ := state(); return float64(n) })
	m.set.NewGauge("memo_limit_replicas", func() float64 { _, _, n := state(); return float64(n) })
}

// WatchDatabase adds memo_database_up.
func (m *Metrics) WatchDatabase(isUnavailable func() bool) {
	m.set.NewGauge("memo_database_up", func() float64 {
		if isUnavailable() {
			return 0
		}
		return 1
	})
}

// WatchWork adds the memo_work_* metrics of the limiters, by name.
func (m *Metrics) WatchWork(limiters map[string]*bulkhead.Limiter) {
	for name, l := range limiters {
		label := `{work="` + name + `"}`
		m.set.NewGauge("memo_work_running"+label, func() float64 { return float64(l.Stats().Running) })
		m.set.NewGauge("memo_work_in_use"+label, func() float64 { return float64(l.Stats().Used) })
		m.set.NewGauge("memo_work_waiting"+label, func() float64 { return float64(l.Stats().Waiting) })
		m.set.NewGauge("memo_work_refused_total"+label, func() float64 { return float64(l.Stats().Refused) })
	}
}

// knownMethods are the values of the method label, besides "other": a client can
// send any word as a method.
var knownMethods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PATCH": true, "PUT": true, "DELETE": true,
	"OPTIONS": true,
}

// observe counts a request that has ended.
func (m *Metrics) observe(r *Request, method string, status int, took time.Duration) {
	if !knownMethods[method] {
		method = "other"
	}
	route := strconv.Quote(r.Route)
	m.set.GetOrCreateCounter(`memo_http_requests_total{method="` + method + `",route=` + route + `,status="` +
		strconv.Itoa(status) + `"}`).Inc()
	l, ok := m.routes.Load(r.Route)
	if !ok {
		l, _ = m.routes.LoadOrStore(r.Route, newLatencyHistogram(m.set, route))
	}
	l.(*latencyHistogram).observe(took.Seconds())
	if r.Refusal != "" {
		m.refusals(r.Refusal).Inc()
	}
}

// latencyBounds are the upper bounds of the histogram's buckets, in seconds.
var latencyBounds = [...]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

// latencyHistogram is a Prometheus histogram with fixed bounds, which Prometheus
// can aggregate. The library's own histograms use vmrange buckets instead.
type latencyHistogram struct {
	buckets [len(latencyBounds)]*metrics.Counter
	count   *metrics.Counter
	all     *metrics.Counter // the +Inf bucket
	sum     *metrics.FloatCounter
}

func newLatencyHistogram(set *metrics.Set, route string) *latencyHistogram {
	const name = "memo_http_request_seconds"
	bucket := func(le string) *metrics.Counter {
		return set.GetOrCreateCounter(name + `_bucket{route=` + route + `,le="` + le + `"}`)
	}
	l := &latencyHistogram{
		count: set.GetOrCreateCounter(name + `_count{route=` + route + `}`), all: bucket("+Inf"),
		sum: set.GetOrCreateFloatCounter(name + `_sum{route=` + route + `}`),
	}
	for i, b := range latencyBounds {
		l.buckets[i] = bucket(strconv.FormatFloat(b, 'g', -1, 64))
	}
	return l
}

func (l *latencyHistogram) observe(seconds float64) {
	for i, b := range latencyBounds {
		if seconds <= b {
			l.buckets[i].Inc()
		}
	}
	l.all.Inc()
	l.count.Inc()
	l.sum.Add(seconds)
}
