package web

import (
	"io"
	"net/http"
	"time"
)

// An upload may be slow, but it must make progress, because it occupies capacity until it
// ends.
const (
	maxReadGap    = time.Minute      // between two reads
	grace         = 30 * time.Second // before minRate applies
	minRate       = 8 << 10          // bytes per second, on average
	maxUploadTime = 30 * time.Minute
)

// slowBody extends the server's read deadline while an upload makes progress.
type slowBody struct {
	io.ReadCloser
	control  *http.ResponseController
	start    time.Time
	received int64 // bytes
	ended    bool  // setting a deadline after the end would cancel the request
}

func (b *slowBody) Read(p []byte) (int, error) {
	if !b.ended {
		_ = b.control.SetReadDeadline(b.deadline(time.Now())) // not every writer supports it
	}
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// deadline returns the time by which the next bytes must arrive.
func (b *slowBody) deadline(now time.Time) time.Time {
	atMinRate := time.Duration(float64(b.received) / minRate * float64(time.Second))
	return b.start.Add(min(grace+atMinRate, now.Sub(b.start)+maxReadGap, maxUploadTime))
}
