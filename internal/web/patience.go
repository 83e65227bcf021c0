package web

import (
	"io"
	"net/http"
	"time"
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
