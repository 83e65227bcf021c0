package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"memoai.tech/memo/internal/httpx"
)

func TestSend(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		parts  int // of 64 kB
		err    error
		length int64 // Content-Length; -1: none
		want   string
	}{
		{name: "a small file", parts: 3, length: 3 << 16},
		{name: "a file of exactly 1 MB", parts: 16, length: 1 << 20},
		{name: "a large file", parts: 40, length: -1},
		{name: "an error before the first byte", parts: 3, err: broken, want: "broken"},
		{name: "an error later", parts: 40, err: broken, want: "truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			part := bytes.Repeat([]byte("x"), 1<<16)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Disposition", "attachment")
				err := httpx.Send(w, r, func(_ context.Context, out io.Writer) error {
					for range c.parts {
						if _, err := out.Write(part); err != nil {
							return err
						}
					}
					return c.err
				})
				if err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
				}
			}))
			defer srv.Close()
			res, err := srv.Client().Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			switch c.want {
			case "truncated":
				if err == nil {
					t.Error("a truncated response looks complete")
				}
			case "broken":
				if res.StatusCode != 500 || res.Header.Get("Content-Disposition") != "" ||
					!bytes.HasPrefix(body, []byte("broken")) {
					t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
				}
			default:
				if err != nil || len(body) != c.parts<<16 || res.ContentLength != c.length {
					t.Errorf("%d bytes, length %d, %v", len(body), res.ContentLength, err)
				}
			}
		})
	}
}

// deadlineWriter remembers its write deadline.
type deadlineWriter struct {
	http.ResponseWriter
	until time.Time
}

func (w *deadlineWriter) SetWriteDeadline(t time.Time) error { w.until = t; return nil }

func TestWritesAreBounded(t *testing.T) {
	for bytes, want := range map[int]time.Duration{
		0: 5 * time.Second, 320 << 10: 15 * time.Second, 1 << 30: httpx.WriteTimeout,
	} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			w := &deadlineWriter{}
			httpx.BoundWrite(w, bytes)
			if got := time.Until(w.until); got > want || got < want-time.Second {
				t.Errorf("it may take %v, want %v", got, want)
			}
		})
	}
}
