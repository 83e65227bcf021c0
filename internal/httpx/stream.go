package httpx

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/telemetry"
)

// A revocation ends a stream within one second. A check that began before the revocation is valid
// for at most checkValidity; the rest of the second is for closing the connection.
const (
	streamTimeout     = 10 * time.Minute       // of a whole response
	recheckInterval   = 200 * time.Millisecond // from the start of one check to the start of the next
	recheckTimeout    = 250 * time.Millisecond // of one check; then the next one starts
	checkValidity     = 800 * time.Millisecond // of a successful check, from its start
	firstCheckTimeout = 1500 * time.Millisecond
)

// Why a stream ended early.
var (
	errInactive = errors.New("httpx: the credential became inactive during a streamed response")
	errStale    = errors.New("httpx: the credential could not be checked in time during a streamed response")
)

// StreamWithRecheck lets write send a long response, for up to 10 minutes. It calls recheck
// five times a second and breaks the connection when recheck says that the credential is
// inactive, or when no check succeeded for 800 ms. recheck may hang and may ignore its
// context. Any error of write also breaks the connection, because a truncated response must
// not look complete.
//
// It returns an error only before the first byte: if the credential became inactive during the
// request, or could not be checked in time.
func StreamWithRecheck(w http.ResponseWriter, r *http.Request, recheck, write func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	began, err := firstCheck(ctx, recheck)
	if err != nil {
		w.Header().Del("Content-Disposition")
		return err
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(streamTimeout)) // not every writer has one
	watched := make(chan struct{})
	defer func() { cancel(nil); <-watched }()
	go func() {
		defer close(watched)
		if why := recheckLoop(ctx, recheck, began); why != nil {
			cancel(why)
			resetOnClose(ctx)
			_ = control.SetWriteDeadline(time.Now()) // ends a write that a slow client blocks
		}
	}()
	if err := write(ctx); err != nil {
		if why := context.Cause(ctx); why == errInactive || why == errStale {
			telemetry.RequestOf(r.Context()).Err = why
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

// check is the result of one recheck.
type check struct {
	began time.Time // a revocation after this time may be missed
	err   error
}

// startCheck runs recheck in its own goroutine, because recheck may hang.
func startCheck(ctx context.Context, recheck func(context.Context) error, wait time.Duration) <-chan check {
	result := make(chan check, 1)
	began := time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		result <- check{began, recheck(ctx)}
	}()
	return result
}

// firstCheck makes the check that lets a stream start, and returns when it began. It repeats a
// slow check, because the stream would end before the next check could succeed.
func firstCheck(ctx context.Context, recheck func(context.Context) error) (began time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, firstCheckTimeout)
	defer cancel()
	for {
		select {
		case c := <-startCheck(ctx, recheck, firstCheckTimeout):
			if c.err != nil || time.Since(c.began) < checkValidity/2 {
				return c.began, c.err
			}
		case <-ctx.Done():
			return began, ctx.Err()
		}
	}
}

// recheckLoop returns why a stream must end, or nil if ctx ends first. lastGood is when the last
// successful check began. It runs one check at a time, so that a recheck that hangs costs only
// one goroutine.
func recheckLoop(ctx context.Context, recheck func(context.Context) error, lastGood time.Time) error {
	stale := time.NewTimer(time.Until(lastGood.Add(checkValidity)))
	defer stale.Stop()
	next := time.NewTimer(time.Until(lastGood.Add(recheckInterval)))
	defer next.Stop()
	var result <-chan check
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stale.C:
			return errStale
		case <-next.C:
			result = startCheck(ctx, recheck, recheckTimeout)
		case c := <-result:
			switch {
			case c.err == nil:
				stale.Reset(time.Until(c.began.Add(checkValidity)))
			case ctx.Err() == nil && !isInconclusive(c.err):
				return errInactive
			}
			next.Reset(time.Until(c.began.Add(recheckInterval)))
		}
	}
}

// isInconclusive reports whether an error says nothing about the credential.
func isInconclusive(err error) bool {
	return memo.KindOf(err) == memo.KindUnavailable || errors.Is(err, context.DeadlineExceeded)
}

type connKey struct{}

// WithConn stores the connection of a request in its context. Use it as ConnContext of
// http.Server.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// resetOnClose makes the kernel discard what it buffers for a slow client, possibly megabytes,
// when the connection closes. Call it before a write fails, because net/http closes the
// connection right after that.
func resetOnClose(ctx context.Context) {
	if tcp, ok := ctx.Value(connKey{}).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails, the stream still ends
	}
}
