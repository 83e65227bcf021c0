// The test is internal because it compares the registry with the documents.
package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"memoai.tech/memo/internal/bulkhead"
	"memoai.tech/memo/internal/credential"
)

// scrape returns the metrics as Prometheus reads them.
func scrape(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func wantInMetrics(t *testing.T, m *Metrics, want ...string) {
	t.Helper()
	got := scrape(m)
	for _, s := range want {
		if !strings.Contains(got, s) {
			t.Errorf("the metrics lack %s", s)
		}
	}
}

func TestUnknownMethodsShareOneMetric(t *testing.T) {
	m := NewMetrics()
	mw := &Middleware{Log: slog.New(slog.DiscardHandler), Metrics: m}
	h := mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		RequestOf(r.Context()).Refusal = "expired"
	}))
	for _, method := range []string{"GET", "FOO", "BAR", credential.NewKey().Secret()} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/", nil))
	}
	wantInMetrics(t, m,
		`memo_http_requests_total{method="other",route="",status="200"} 3`+"\n",
		`memo_key_refusals_total{reason="expired"} 4`+"\n",
		`memo_key_refusals_total{reason="url"} 0`+"\n", // Prometheus sees no increase in a series that starts at 1
		"go_goroutines ", "process_open_fds ", "process_max_fds ", "process_resident_memory_bytes ",
		`memo_http_request_seconds_bucket{route="",le="0.0005"} `,
		`memo_http_request_seconds_bucket{route="",le="+Inf"} 4`+"\n",
		`memo_http_request_seconds_count{route=""} 4`+"\n",
	)
	if strings.Contains(scrape(m), "mk_live_") {
		t.Error("the metrics contain a key")
	}
}

func TestLimitSourceIsInTheMetrics(t *testing.T) {
	m, redis := NewMetrics(), true
	m.WatchLimits(func() (bool, int, int) { return redis, 2, 3 })
	for range 2 {
		on, off := "redis", "own"
		if !redis {
			on, off = off, on
		}
		wantInMetrics(t, m,
			`memo_limit_source{source="`+on+`"} 1`+"\n", `memo_limit_source{source="`+off+`"} 0`+"\n",
			"memo_limit_fallbacks_total 2\n", "memo_limit_replicas 3\n")
		redis = false
	}
}

// TestWorkIsInTheMetrics: work counts as running until its request has ended, even if the
// handler panics.
func TestWorkIsInTheMetrics(t *testing.T) {
	m := NewMetrics()
	l := bulkhead.New(bulkhead.Config{Work: "reads", Total: 10, PerWorkspace: 5, Waiting: 1, Wait: time.Millisecond})
	m.WatchWork(map[string]*bulkhead.Limiter{"memory": l})
	mw := &Middleware{
		Log: slog.New(slog.DiscardHandler), Metrics: m,
		Panicked: func(http.ResponseWriter, *http.Request) {},
	}
	h := mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := l.Hold(r.Context(), "a", 4); err != nil {
			t.Error(err)
		}
		if _, err := l.Acquire(context.Background(), "a", 4); err == nil {
			t.Error("work beyond the capacity was admitted")
		}
		wantInMetrics(t, m, `memo_work_running{work="memory"} 1`+"\n", `memo_work_in_use{work="memory"} 4`+"\n",
			`memo_work_waiting{work="memory"} 0`+"\n")
		panic("in the handler")
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	wantInMetrics(t, m, `memo_work_running{work="memory"} 0`+"\n", `memo_work_in_use{work="memory"} 0`+"\n",
		`memo_work_refused_total{work="memory"} 1`+"\n")
}

// fullMetrics returns metrics in which every memo_* metric has a value.
func fullMetrics() *Metrics {
	m := NewMetrics()
	m.WatchLimits(func() (bool, int, int) { return true, 0, 1 })
	m.CountDeliveries([]string{"sent"})
	m.WatchDatabase(func() bool { return false })
	work := map[string]*bulkhead.Limiter{}
	for _, name := range []string{"queries", "memory", "small_memory", "titles", "imports", "large_imports", "uploads"} {
		work[name] = bulkhead.New(bulkhead.Config{Total: 1, PerWorkspace: 1})
	}
	m.WatchWork(work)
	m.observe(&Request{Route: "GET /x", Refusal: "unknown"}, "GET", http.StatusUnauthorized, time.Millisecond)
	return m
}

// TestMetricsAreDocumented: docs/operations.md has the name, labels and type of every metric, and
// mentions no other. The names have the form that Prometheus recommends.
func TestMetricsAreDocumented(t *testing.T) {
	m := fullMetrics()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var want []string // such as "memo_work_running{work} gauge"
	known := map[string]bool{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "memo_") {
			continue
		}
		row, kind := f.GetName(), strings.ToLower(f.GetType().String())
		known[row], known[row+"_bucket"] = true, kind == "histogram"
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		if labels != nil {
			row += "{" + strings.Join(labels, ",") + "}"
		}
		want = append(want, row+" "+kind)
	}
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	rows := regexp.MustCompile("(?m)^\\| `(memo_[^`]+)` \\| (\\w+) \\|")
	for _, row := range rows.FindAllStringSubmatch(string(text), -1) {
		got = append(got, row[1]+" "+row[2])
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table in docs/operations.md differs from the metrics (-metrics +table):\n%s", diff)
	}
	for _, name := range regexp.MustCompile(`\bmemo_\w+`).FindAllString(string(text), -1) {
		if !known[name] {
			t.Errorf("docs/operations.md names %s, which is not a metric", name)
		}
	}
	problems, err := promlint.New(strings.NewReader(scrape(m))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "memo_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	m := NewMetrics()
	r := &Request{Route: "GET /api/v1/developer/transcriptions/{id}"}
	b.ReportAllocs()
	for b.Loop() {
		m.observe(r, "GET", http.StatusOK, 700*time.Microsecond)
	}
}

// BenchmarkScrape reads the metrics of a server that has served 40 routes.
func BenchmarkScrape(b *testing.B) {
	m := fullMetrics()
	for i := range 40 {
		m.observe(&Request{Route: "GET /route/" + strconv.Itoa(i)}, "GET", http.StatusOK, time.Millisecond)
	}
	h := m.Handler()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
