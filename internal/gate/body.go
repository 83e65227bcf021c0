package gate

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// bodyTimeout is how long a body may take to come in.
const bodyTimeout = 10 * time.Second

// ReadBody reads a body of at most so many bytes. One that is larger is 413,
// before it is sent where its length was announced; one that takes too long
// is 408. Any other error is of a body that broke off. What was read whole is
// no longer r's body.
func ReadBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.Body == http.NoBody {
		return nil, nil
	}
	tooLarge := &StatusError{
		Status: http.StatusRequestEntityTooLarge,
		Detail: fmt.Sprintf("The body is larger than %d bytes.", most),
	}
	if r.ContentLength > most {
		return nil, tooLarge
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // not every writer has one
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
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

// unreadBodyTimeout is how long a refused request's body is waited for. net/http reads
// what is left of it before it sends an answer, for as long as the server lets
// a request take.
const unreadBodyTimeout = time.Second

// limitUnreadBody has the answer sent though the body may never come. Behind the end of a
// body net/http reads on, to hear whether the client hangs up: a deadline there
// would cancel this request and every later one of the connection.
func limitUnreadBody(w http.ResponseWriter, r *http.Request) {
	if r.Body != http.NoBody {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadBodyTimeout)) // not every writer has one
	}
}
