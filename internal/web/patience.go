package web

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"memoai.tech/memo"
)

// An upload may be slow, but not silent; and it ends.
const (
	silence   = time.Minute
	wholeTime = 30 * time.Minute
)

// patientBody extends the server's time for reading while an upload goes on.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
	until   time.Time
	ended   bool // a deadline behind the end would cancel the request
}

func newPatientBody(w http.ResponseWriter, body io.ReadCloser) *patientBody {
	return &patientBody{ReadCloser: body, control: http.NewResponseController(w), until: time.Now().Add(wholeTime)}
}

func (b *patientBody) Read(p []byte) (int, error) {
	if !b.ended {
		deadline := time.Now().Add(silence)
		if deadline.After(b.until) {
			deadline = b.until
		}
		_ = b.control.SetReadDeadline(deadline) // not every writer has one
	}
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// answer gives the time of a page again: what the server had set has passed.
func (b *patientBody) answer() {
	_ = b.control.SetWriteDeadline(time.Now().Add(silence))
}

// How many uploads there may be at a time, each with one file in memory, and how
// many of the files are read at a time: what is read takes some twenty times the
// bytes of its file.
const (
	maxUploads     = 16
	maxUserUploads = 3
	maxReading     = 2
)

// uploads counts those that go on.
type uploads struct {
	reading chan struct{}

	mu    sync.Mutex
	total int
	of    map[string]int // by user
}

// turn waits until a file may be read, which ends with done.
func (u *uploads) turn(ctx context.Context) (done func(), err error) {
	select {
	case u.reading <- struct{}{}:
		return func() { <-u.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// enter admits an upload, which must leave at its end.
func (u *uploads) enter(userID string) (leave func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.total >= maxUploads || u.of[userID] >= maxUserUploads {
		return nil, &memo.Error{Kind: memo.KindUnavailable, Message: "Too many imports are going on. Try again in a moment.", RetryAfter: 2 * time.Second}
	}
	u.total++
	u.of[userID]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.total--
		if u.of[userID]--; u.of[userID] == 0 {
			delete(u.of, userID)
		}
	}, nil
}
