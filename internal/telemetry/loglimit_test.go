// The test is internal because its subject is the limits, which are not exported.
package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// logLine is one line of the log.
type logLine struct {
	Msg      string
	Status   int
	Requests int
	Reasons  map[string]int
}

func lines(t *testing.T, log *bytes.Buffer) (out []logLine) {
	t.Helper()
	for line := range bytes.Lines(log.Bytes()) {
		var l logLine
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		out = append(out, l)
	}
	return out
}

// TestRefusedRequestsDoNotFloodTheLog: the log lines about refused requests are bounded, a
// summary counts the others, and the metrics count all. No other line is suppressed.
func TestRefusedRequestsDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		from := func(*http.Request) string { return "192.0.2.1" }
		m := &Middleware{Log: NewLogger(&log, slog.LevelInfo), Metrics: NewMetrics(), Address: from}
		h := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/accepted":
			case "/failed":
				w.WriteHeader(http.StatusServiceUnavailable)
			case "/unknown":
				w.WriteHeader(http.StatusNotFound)
			default:
				RequestOf(r.Context()).Refusal = "malformed"
				w.WriteHeader(http.StatusUnauthorized)
			}
		}))
		const rounds, seconds = 1000, 4
		for range seconds {
			for range rounds {
				for _, path := range []string{"/refused", "/unknown", "/accepted", "/failed"} {
					h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
				}
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * summaryDelay)
		synctest.Wait()
		count, summaries, suppressed := map[int]int{}, 0, map[string]int{}
		for _, l := range lines(t, &log) {
			if l.Msg == "request" {
				count[l.Status]++
				continue
			}
			summaries++
			total := 0
			for reason, n := range l.Reasons {
				suppressed[reason], total = suppressed[reason]+n, total+n
			}
			if total != l.Requests {
				t.Errorf("a summary of %d requests has reasons for %d", l.Requests, total)
			}
		}
		refused := count[401] + count[404]
		limit := refusedAtOnce + seconds*refusedPerSecond
		if refused > limit || refused < refusedAtOnce || summaries > seconds {
			t.Errorf("%d lines about refused requests, want %d to %d; %d summaries, want at most %d", refused,
				refusedAtOnce, limit, summaries, seconds)
		}
		all := refused + suppressed["malformed"] + suppressed["status 404"]
		if all != 2*rounds*seconds || len(suppressed) != 2 {
			t.Errorf("%d refused requests have a line or are in a summary, want %d: %v", all, 2*rounds*seconds,
				suppressed)
		}
		if count[200] != rounds*seconds || count[503] != rounds*seconds {
			t.Errorf("log lines by status: %v", count)
		}
		wantInMetrics(t, m.Metrics, `memo_key_refusals_total{reason="malformed"} 4000`+"\n")
		log.Reset()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/refused", nil))
		if n := len(lines(t, &log)); n != 1 {
			t.Errorf("after the flood, a refused request has %d log lines, want 1", n)
		}
	})
}

// TestLogLinesAreBounded: a line is short, whatever a client sends and however long an error is.
func TestLogLinesAreBounded(t *testing.T) {
	long := strings.Repeat("😀\u202e", 50_000)
	var log bytes.Buffer
	from := func(*http.Request) string { return long }
	m := &Middleware{Log: NewLogger(&log, slog.LevelInfo), Metrics: NewMetrics(), Address: from}
	h := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := RequestOf(r.Context())
		req.Refusal, req.Err, req.Route = "malformed", errors.New(long), long
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Method = long
	r.Header.Set("User-Agent", long)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if log.Len() > 6000 || len(lines(t, &log)) != 1 || strings.Contains(log.String(), "\u202e") {
		t.Errorf("the log has %d bytes, want one short line: %.300s", log.Len(), log.String())
	}
}
