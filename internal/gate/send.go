package gate

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxWhole is how many bytes of a response are put together before the
	// first of them is sent.
	maxWhole = 1 << 20
	// SendTime bounds the writing of a response, in this package and in the server.
	SendTime = 90 * time.Second
)

// Send answers with what write writes. Up to 1 MB is put together, so that its
// length is known and an error has a response of its own: Send returns it. More
// is sent as it is written, and an error then breaks the connection, because a
// short file must not look whole.
func Send(w http.ResponseWriter, r *http.Request, write func(context.Context, io.Writer) error) error {
	ctx, cancel := context.WithTimeout(r.Context(), SendTime)
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

// BoundWrite gives the writing of a response of so many bytes the time that a slow
// network takes, and not more: what a caller reads slowly stays in memory, and
// holds its place among the reads that are admitted.
func BoundWrite(w http.ResponseWriter, bytes int) {
	const grace, rate = 5 * time.Second, 32 << 10 // bytes per second
	most := min(grace+time.Duration(bytes)*time.Second/rate, SendTime)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(most)) // not every writer has one
}

// bufferedSender holds back the first bytes.
type bufferedSender struct {
	w     http.ResponseWriter
	b     bytes.Buffer
	begun bool
}

func (s *bufferedSender) Write(p []byte) (int, error) {
	if !s.begun {
		if s.b.Len()+len(p) <= maxWhole {
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
