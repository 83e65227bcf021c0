package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// bareCommand, as the first argument, makes this program the bare server.
const bareCommand = "bare-server"

// fixedResponse is a response of memo that the bare server repeats at /NAME.
type fixedResponse struct {
	Name        string
	Status      int
	ContentType string
	Sized       bool // with a Content-Length
	Body        []byte
}

// serveBare serves the responses in a file with as little work as net/http allows:
// it routes by a map, does not log, and sends only the headers that HTTP needs.
func serveBare(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var responses []fixedResponse
	if err := json.Unmarshal(data, &responses); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	handlers := make(map[string]http.HandlerFunc, len(responses))
	for _, r := range responses {
		handlers["/"+r.Name] = r.handler()
	}
	return serveUntil(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[r.URL.Path](w, r) }))
}

// serveUntil prints its URL and serves until ctx is done.
func serveUntil(ctx context.Context, h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: h}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	fmt.Printf("{\"url\":\"http://%s\"}\n", l.Addr())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (r fixedResponse) handler() http.HandlerFunc {
	length := strconv.Itoa(len(r.Body))
	return func(w http.ResponseWriter, _ *http.Request) {
		if r.ContentType != "" {
			w.Header().Set("Content-Type", r.ContentType)
		}
		if r.Sized {
			w.Header().Set("Content-Length", length)
		}
		w.WriteHeader(r.Status)
		_, _ = w.Write(r.Body) // the client may have disconnected
	}
}

// startBare starts the bare server with responses of memo.
func startBare(ctx context.Context, work string, responses []fixedResponse) (*serverProcess, error) {
	data, err := json.Marshal(responses)
	if err != nil {
		return nil, err
	}
	file := work + "/responses.json"
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startServer(ctx, work+"/bare.log", nil, self, bareCommand, file)
}

// slugify returns the name of a row as a path of the bare server.
func slugify(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}
