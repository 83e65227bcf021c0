// Keyproxy adds an API key to requests, for test suites that cannot send one:
//
//	MEMO_API_KEY=mk_live_… keyproxy http://127.0.0.1:8080
//
// It listens on a free port of 127.0.0.1, prints its address, and passes each
// request on. Host and Origin pass as they came, so that what the server thinks
// of foreign ones can be tested from in front of it. It ends with its stdin:
// whoever started it holds the other end, and cannot die and leave it behind.
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
		FlushInterval: -1, // events are of use at once
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("Authorization", "Bearer "+key)
		},
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: whole(proxy)}
	fmt.Printf("http://%v\n", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end, too
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// whole reads a body to its end before next has it. While the transport is still
// at one when the answer comes, it may close the connection in mid-answer.
func whole(next http.Handler) http.Handler {
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
