package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo/internal/bulkhead"
)

// TestWorkIsInTheMetrics: work counts as running until its request has ended, even if the
// handler panics.
func TestWorkIsInTheMetrics(t *testing.T) {
	m := NewMetrics()
	l := bulkhead.New(bulkhead.Config{Work: "reads", Total: 10, PerWorkspace: 5, Waiting: 1, Wait: time.Millisecond})
	m.WatchWork(map[string]*bulkhead.Limiter{"memory": l})
	show := func() string {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	want := func(lines ...string) {
		t.Helper()
		got := show()
		for _, line := range lines {
			if !strings.Contains(got, line+"\n") {
				t.Errorf("the metrics lack %s", line)
			}
		}
	}
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
		want(`memo_work_running{work="memory"} 1`, `memo_work_in_use{work="memory"} 4`, `memo_work_waiting{work="memory"} 0`)
		panic("in the handler")
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	want(`memo_work_running{work="memory"} 0`, `memo_work_in_use{work="memory"} 0`,
		`memo_work_refused_total{work="memory"} 1`)
}
