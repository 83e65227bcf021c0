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

// patience extends the server's time for reading while an upload goes on.
type patience struct {
	control *http.ResponseController
	until   time.Time
}

func newPatience(w http.ResponseWriter) patience {
	return patience{http.NewResponseController(w), time.Now().Add(wholeTime)}
}

// reader reads from body and sets the deadline anew each time.
func (p patience) reader(body io.ReadCloser) io.ReadCloser { return patientReader{body, p} }

type patientReader struct {
	io.ReadCloser
	patience
}

func (r patientReader) Read(b []byte) (int, error) {
	deadline := time.Now().Add(silence)
	if deadline.After(r.until) {
		deadline = r.until
	}
	_ = r.control.SetReadDeadline(deadline) // not every writer has one
	return r.ReadCloser.Read(b)
}

// answer gives the time of a page again: what the server had set has passed.
func (p patience) answer() {
	_ = p.control.SetReadDeadline(time.Now().Add(silence))
	_ = p.control.SetWriteDeadline(time.Now().Add(silence))
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
