package httpx

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxBuffered is how many bytes of a response are buffered before the first byte is sent.
	maxBuffered = 1 << 20
	// WriteTimeout is how long writing any response may take, unless it is a stream.
	WriteTimeout = 90 * time.Second
)

// Send sends the response that write writes. It buffers up to 1 MB, so that a short response has
// a Content-Length. If write fails before more than that was written, Send sends nothing and
// returns the error, so that the caller can send an error response. Later, an error breaks the
// connection, because a truncated file must not look complete.
func Send(w http.ResponseWriter, r *http.Request, write func(context.Context, io.Writer) error) error {
	ctx, cancel := context.WithTimeout(r.Context(), WriteTimeout)
	defer cancel()
	s := &bufferedSender{w: w}
	err := write(ctx, s)
	switch {
	case err != nil && s.begun:
		panic(http.ErrAbortHandler)
	case err != nil:
		w.Header().Del("Content-Disposition")
		return err
	case !s.begun:
		BoundWrite(w, s.b.Len())
		w.Header().Set("Content-Length", strconv.Itoa(s.b.Len()))
		_, _ = w.Write(s.b.Bytes()) // the client may be gone
	}
	return nil
}

// BoundWrite sets the deadline for writing a response of this size in bytes: 5 s and a second for
// each 32 kB, at most [WriteTimeout]. Until then, a slow client takes up memory and capacity.
func BoundWrite(w http.ResponseWriter, bytes int) {
	const grace, rate = 5 * time.Second, 32 << 10 // bytes per second
	timeout := min(grace+time.Duration(bytes)*time.Second/rate, WriteTimeout)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout)) // not every writer has one
}

// bufferedSender buffers up to maxBuffered bytes of a response.
type bufferedSender struct {
	w     http.ResponseWriter
	b     bytes.Buffer
	begun bool
}

func (s *bufferedSender) Write(p []byte) (int, error) {
	if !s.begun {
		if s.b.Len()+len(p) <= maxBuffered {
			return s.b.Write(p)
		}
		s.begun = true
		if _, err := s.w.Write(s.b.Bytes()); err != nil {
			return 0, err
		}
		s.b = bytes.Buffer{}
	}
	return s.w.Write(p)
}
