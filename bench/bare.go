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

// fixedResponse is what the bare server writes at /NAME, as memo once answered.
type fixedResponse struct {
	Name        string
	Status      int
	ContentType string
	Sized       bool // with a Content-Length
	Body        []byte
}

// serveBare is the least that net/http does for an answer: no routing beyond a
// map, no log, no header that HTTP does not need. Its answers are in a file.
func serveBare(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var answers []fixedResponse
	if err := json.Unmarshal(data, &answers); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	handlers := make(map[string]http.HandlerFunc, len(answers))
	for _, a := range answers {
		handlers["/"+a.Name] = a.handler()
	}
	return serveUntil(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[r.URL.Path](w, r) }))
}

// serveUntil tells its address and serves until ctx ends.
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

func (a fixedResponse) handler() http.HandlerFunc {
	length := strconv.Itoa(len(a.Body))
	return func(w http.ResponseWriter, _ *http.Request) {
		if a.ContentType != "" {
			w.Header().Set("Content-Type", a.ContentType)
		}
		if a.Sized {
			w.Header().Set("Content-Length", length)
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body) // the client may be gone
	}
}

// startBare starts the bare server with answers that were taken from memo.
func startBare(ctx context.Context, work string, answers []fixedResponse) (*serverProcess, error) {
	data, err := json.Marshal(answers)
	if err != nil {
		return nil, err
	}
	file := work + "/answers.json"
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startServer(ctx, work+"/bare.log", nil, self, bareCommand, file)
}

// slugify makes a name for a path of the bare server.
func slugify(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}
