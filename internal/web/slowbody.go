package web

import (
	"io"
	"net/http"
	"time"
)

// An upload may be slow, but not silent, and it ends. It holds its place among the
// uploads meanwhile, which one that sends nothing must not.
const (
	maxReadGap    = time.Minute
	grace         = 30 * time.Second // before leastRate counts
	leastRate     = 8 << 10          // bytes per second, on average
	maxUploadTime = 30 * time.Minute
)

// slowBody extends the server's time for reading while an upload arrives.
type slowBody struct {
	io.ReadCloser
	control  *http.ResponseController
	begun    time.Time
	received int64 // bytes
	ended    bool  // a deadline after the end would cancel the request
}

func newPatientBody(w http.ResponseWriter, body io.ReadCloser) *slowBody {
	return &slowBody{ReadCloser: body, control: http.NewResponseController(w), begun: time.Now()}
}

func (b *slowBody) Read(p []byte) (int, error) {
	if !b.ended {
		_ = b.control.SetReadDeadline(b.deadline(time.Now())) // not every writer has one
	}
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// deadline is when the next bytes must have come.
func (b *slowBody) deadline(now time.Time) time.Time {
	atLeastRate := time.Duration(float64(b.received) / leastRate * float64(time.Second))
	return b.begun.Add(min(grace+atLeastRate, now.Sub(b.begun)+maxReadGap, maxUploadTime))
}

// answer gives the time of a page again: what the server had set has passed.
func (b *slowBody) answer() {
	_ = b.control.SetWriteDeadline(time.Now().Add(maxReadGap))
}
