// Package httpx has the HTTP helpers that the surfaces share: who the client is, reading
// bodies, writing errors and JSON, and long responses that end with their credential.
package httpx

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = 10 * time.Second

// ReadBody reads a body of up to maxBytes. It returns a [StatusError] 413 for a larger
// body, before reading it if Content-Length says so, and 408 for one that takes longer
// than 10 s. Any other error means that the body ended early. Afterwards r has no body.
func ReadBody(w http.ResponseWriter, r *http.Request, maxBytes int64) ([]byte, error) {
	if r.Body == http.NoBody {
		return nil, nil
	}
	tooLarge := &StatusError{
		Status: http.StatusRequestEntityTooLarge,
		Detail: fmt.Sprintf("The body is larger than %d bytes.", maxBytes),
	}
	if r.ContentLength > maxBytes {
		return nil, tooLarge
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // not every writer has one
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBytes))
	switch _, larger := errors.AsType[*http.MaxBytesError](err); {
	case larger:
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &StatusError{
			Status: http.StatusRequestTimeout,
			Detail: fmt.Sprintf("The body took longer than %v.", bodyTimeout),
		}
	case err != nil:
		return nil, err
	}
	r.Body = http.NoBody
	return body, nil
}

// unreadBodyTimeout is how long to wait for the rest of a refused request's body. net/http
// reads it before it sends the response, for as long as the server's ReadTimeout.
const unreadBodyTimeout = time.Second

// limitUnreadBody makes net/http send the response even if the rest of the body never
// arrives. It sets no deadline after the end of a body: there, net/http reads on to notice
// a closed connection, and a deadline would cancel this request and all later ones.
func limitUnreadBody(w http.ResponseWriter, r *http.Request) {
	if r.Body != http.NoBody {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadBodyTimeout)) // not every writer has one
	}
}
