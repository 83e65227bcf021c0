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
func (a Response) Decode(v any) {
	a.T.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.T.Fatalf("%s: %v\n%s", a.Request, err, a.Body)
	}
}

// Want checks the status, that the body contains each of bodyHas, and that an error
// is JSON.
func (a Response) Want(status int, bodyHas ...string) Response {
	a.T.Helper()
	if a.Status != status {
		a.T.Errorf("%s: got %d, want %d\n%.500s", a.Request, a.Status, status, a.Body)
	}
	for _, s := range bodyHas {
		if !strings.Contains(string(a.Body), s) {
			a.T.Errorf("%s: the body does not contain %s\n%.800s", a.Request, s, a.Body)
		}
	}
	if a.Header.Get("X-Request-Id") == "" {
		a.T.Errorf("%s: no X-Request-Id", a.Request)
	}
	if a.Status >= 400 {
		var e struct{ Detail, Error any }
		if a.Decode(&e); e.Detail == nil && e.Error == nil || a.Header.Get("Content-Type") != "application/json" {
			a.T.Errorf("%s: the error is not JSON with detail or error: %s", a.Request, a.Body)
		}
	}
	return a
}
