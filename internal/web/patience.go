package web

import (
	"io"
	"net/http"
	"time"
)

// An upload may be slow, but not silent, and it ends. It holds its place among the
// uploads meanwhile, which one that sends nothing must not.
const (
	silence   = time.Minute
	grace     = 30 * time.Second // before leastRate counts
	leastRate = 8 << 10          // bytes per second, on average
	wholeTime = 30 * time.Minute
)

// patientBody extends the server's time for reading while an upload arrives.
type patientBody struct {
	io.ReadCloser
	control  *http.ResponseController
	begun    time.Time
	received time.Duration // what was received, as time at leastRate
	ended    bool          // a deadline after the end would cancel the request
}

func newPatientBody(w http.ResponseWriter, body io.ReadCloser) *patientBody {
	return &patientBody{ReadCloser: body, control: http.NewResponseController(w), begun: time.Now()}
}

func (b *patientBody) Read(p []byte) (int, error) {
	if !b.ended {
		deadline := b.begun.Add(min(grace+b.received, wholeTime, time.Since(b.begun)+silence))
		_ = b.control.SetReadDeadline(deadline) // not every writer has one
	}
	n, err := b.ReadCloser.Read(p)
	b.received += time.Duration(n) * time.Second / leastRate
	b.ended = b.ended || err == io.EOF
	return n, err
}

// answer gives the time of a page again: what the server had set has passed.
func (b *patientBody) answer() {
	_ = b.control.SetWriteDeadline(time.Now().Add(silence))
}
