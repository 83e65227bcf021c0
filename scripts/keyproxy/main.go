// Keyproxy adds an API key to requests, for test suites that cannot send one:
//
//	MEMO_API_KEY=mk_live_… keyproxy http://127.0.0.1:8080
//
// It listens on a free port of 127.0.0.1, prints its URL and passes each request
// on. It does not change Host and Origin, so that a test suite can send foreign ones
// through it. It exits at the end of stdin, so that it does not outlive the program
// that started it.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "keyproxy:", err)
		os.Exit(1)
	}
}

func run() error {
	key := os.Getenv("MEMO_API_KEY")
	if len(os.Args) != 2 || key == "" {
		return errors.New("usage: MEMO_API_KEY=… keyproxy URL")
	}
	target, err := url.Parse(os.Args[1])
	if err != nil || target.Host == "" {
		return fmt.Errorf("%q is not the URL of a server", os.Args[1])
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, // pass on events at once
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("Authorization", "Bearer "+key)
		},
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: readBody(proxy)}
	fmt.Printf("http://%v\n", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // an error also ends the program
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// readBody reads the whole body before it calls next. If a response arrives while the
// transport still sends a body, the transport may close the connection in the middle
// of the response.
func readBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}
