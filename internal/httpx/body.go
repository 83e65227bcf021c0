// Package httpx has the HTTP helpers that the surfaces share: client addresses behind proxies,
// request bodies, errors, JSON, and long responses that stop when the credential becomes
// inactive.
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

// ReadBody reads a body of up to maxBytes and removes it from r. It returns a [StatusError]:
// 413 for a larger body, without reading it if Content-Length gives its size, and 408 for one
// that takes longer than 10 s. Any other error means that the body ended early.
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

// unreadBodyTimeout is how long to wait for the rest of a refused request's body. Without it,
// net/http would read the body for up to the server's ReadTimeout before it sends the response.
const unreadBodyTimeout = time.Second

// limitUnreadBody makes net/http send the response even if the rest of the body never arrives.
// It sets no deadline if the body has been read: net/http then reads on to notice a closed
// connection, and a deadline would cancel this request and all later ones.
func limitUnreadBody(w http.ResponseWriter, r *http.Request) {
	if r.Body != http.NoBody {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadBodyTimeout)) // not every writer has one
	}
}
