package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/telemetry"
)

func TestKeysAreRedactedInTheLog(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelInfo)
	key := credential.NewKey().Secret()
	log.Error("in the message "+key, "in a value", key, "in a group", slog.GroupValue(slog.String(key, key)), "error",
		errors.New("for "+key+","+key[:20]))
	if strings.Contains(out.String(), key[8:20]) {
		t.Errorf("the log contains the key: %s", out.String())
	}
	if n := strings.Count(out.String(), "mk_live_[redacted]"); n < 5 {
		t.Errorf("only %d places are redacted, want 5: %s", n, out.String())
	}
}

// TestRequestHasOneLogLine: line breaks and control characters from a client cannot forge
// a second line.
func TestRequestHasOneLogLine(t *testing.T) {
	var out bytes.Buffer
	m := &telemetry.Middleware{
		Log: telemetry.NewLogger(&out, slog.LevelInfo), Metrics: telemetry.NewMetrics(),
		Address: func(r *http.Request) string { return "of " + r.RemoteAddr },
	}
	h := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.RequestOf(r.Context()).Refusal = "expired"
		telemetry.RequestOf(r.Context()).Route, telemetry.RequestOf(r.Context()).KeyID = "GET /x/{id}", "key-id"
		telemetry.RequestOf(r.Context()).Err = errors.New("first\nsecond\x1b[31m\r\n{\"msg\":\"forged\"}")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	r := httptest.NewRequest("GET", "/x/secret-id?q=private", nil)
	r.Header.Set("User-Agent", "evil")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d log lines, want 1: %s", n, out.String())
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"route": "GET /x/{id}", "key_id": "key-id", "status": 503.0, "method": "GET",
		"refusal": "expired", "address": "of " + r.RemoteAddr, "request_id": w.Header().Get("X-Request-Id"),
	} {
		t.Run(name, func(t *testing.T) {
			if line[name] != want {
				t.Errorf("got %v, want %v", line[name], want)
			}
		})
	}
	for _, private := range []string{"private", "secret-id", "\x1b"} {
		if strings.Contains(out.String(), private) {
			t.Errorf("the log contains %q", private)
		}
	}
}

// TestRequestLineHasTheFormOfARecord: programs read the lines of requests and other records in the same
// way.
func TestRequestLineHasTheFormOfARecord(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelInfo)
	derived := slog.New(log.Handler().WithGroup("").WithAttrs(nil)) // a derived logger has the lines as well
	m := &telemetry.Middleware{Log: derived, Metrics: telemetry.NewMetrics()}
	var id string
	m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := telemetry.RequestOf(r.Context())
		id, req.Route, req.KeyID, req.UserID, req.SessionID = req.ID, "GET /ü/{id}", "k", "u", `s"<`
		w.Write([]byte("12345"))
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	log.Info("request", "method", "GET", "route", "GET /ü/{id}", "status", 200, "ms", 0.5, "bytes", int64(5),
		"request_id", id, "key_id", "k", "user_id", "u", "session_id", `s"<`)
	line, record, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	varying := regexp.MustCompile(`"time":"[0-9T:.+Z-]+"|"ms":[0-9.]+,`)
	if got, want := varying.ReplaceAllString(line, ""), varying.ReplaceAllString(record, ""); got != want {
		t.Errorf("got  %s\nwant %s", line, record)
	}
}

func TestPanicGetsAResponse(t *testing.T) {
	var out bytes.Buffer
	m := &telemetry.Middleware{
		Log: telemetry.NewLogger(&out, slog.LevelInfo), Metrics: telemetry.NewMetrics(),
		Panicked: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		},
	}
	key := credential.NewKey().Secret()
	server := httptest.NewServer(m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			w.Write([]byte("first bytes"))
			w.(interface{ Unwrap() http.ResponseWriter }).Unwrap().(http.Flusher).Flush()
		}
		panic("with " + key)
	})))
	defer server.Close()
	res, err := http.Get(server.URL + "/early")
	if err != nil || res.StatusCode != 500 || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("a panic before the response: got %v (%v), want status 500", res, err)
	}
	res.Body.Close()
	if res, err = http.Get(server.URL + "/late"); err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("a response that was cut off looks complete")
	}
	server.Close() // waits for the log lines, which are written after the responses
	if strings.Contains(out.String(), key) || strings.Count(out.String(), `"panic"`) < 2 {
		t.Errorf("the log contains the key, or not both panics: %s", out.String())
	}
}
