package testworld

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Response is a received response, with its request for failure messages.
type Response struct {
	T       testing.TB
	Request string
	Status  int
	Header  http.Header
	Body    []byte
}

// Request sends a request and returns the response. Each set function can change
// the request before it is sent.
func (w *World) Request(client *http.Client, method, path, body string, set ...func(*http.Request)) Response {
	w.T.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, w.Server.URL+path, reader)
	w.Must(err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range set {
		f(r)
	}
	res, err := client.Do(r)
	w.Must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.Must(err)
	return Response{w.T, method + " " + path + " " + body[:min(len(body), 80)], res.StatusCode, res.Header, b}
}

// WithKey adds an API key to a request.
func WithKey(key string) func(*http.Request) { return WithHeader("Authorization", "Bearer "+key) }

// WithHeader adds a header to a request.
func WithHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Decode decodes the body as JSON.
func (r Response) Decode(v any) {
	r.T.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		r.T.Fatalf("%s: %v\n%s", r.Request, err, r.Body)
	}
}

// Want checks the status, that the body contains each of the parts, that there is an
// X-Request-Id, and that an error is JSON. It returns r.
func (r Response) Want(status int, parts ...string) Response {
	r.T.Helper()
	if r.Status != status {
		r.T.Errorf("%s: got %d, want %d\n%.500s", r.Request, r.Status, status, r.Body)
	}
	for _, s := range parts {
		if !strings.Contains(string(r.Body), s) {
			r.T.Errorf("%s: the body does not contain %s\n%.800s", r.Request, s, r.Body)
		}
	}
	if r.Header.Get("X-Request-Id") == "" {
		r.T.Errorf("%s: no X-Request-Id", r.Request)
	}
	if r.Status >= 400 {
		var e struct{ Detail, Error any }
		if r.Decode(&e); e.Detail == nil && e.Error == nil || r.Header.Get("Content-Type") != "application/json" {
			r.T.Errorf("%s: the error is not JSON with detail or error: %s", r.Request, r.Body)
		}
	}
	return r
}
