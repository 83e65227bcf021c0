package gate

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/telemetry"
)

// The times of a stream. A revocation cuts it within one second: a check that
// began before the revocation counts for at most goodFor, and the rest of the
// second is for the cut itself.
const (
	streamTimeout = 10 * time.Minute       // the most that an answer may take
	recheckEvery  = 200 * time.Millisecond // from the beginning of one check to that of the next
	recheckWait   = 250 * time.Millisecond // then a check is given up and made again
	goodFor       = 800 * time.Millisecond // how long a good check counts, from its beginning
)

// Why a stream was cut.
var (
	errDied  = errors.New("gate: the credential died while the answer was streaming")
	errStale = errors.New("gate: no check of the credential came back in time while the answer was streaming")
)

// StreamWithRecheck lets write send an answer that takes long. The answer may take longer
// than other calls do, but it ends with its client and with its credential:
// recheck reads whether that is still good, and the stream is cut when it is not,
// or when no check has said so for 800 ms. Recheck may hang, and may ignore its
// context. On any error Stream breaks the connection, because a short answer must
// not look whole. It returns an error only before the first byte: the credential
// died while the request came in, or could not be checked in time.
func StreamWithRecheck(w http.ResponseWriter, r *http.Request, recheck, write func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	good, err := firstCheck(ctx, recheck)
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
		if why := recheckLoop(ctx, recheck, good); why != nil {
			cancel(why)
			resetOnClose(ctx)
			_ = control.SetWriteDeadline(time.Now()) // ends a write that a slow reader holds up
		}
	}()
	if err := write(ctx); err != nil {
		if why := context.Cause(ctx); why == errDied || why == errStale {
			telemetry.RequestOf(r.Context()).Err = why
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

// check is what came of asking whether a credential is still good.
type check struct {
	began time.Time // what happened after it may not be known to it
	err   error
}

// ask makes a check in a goroutine of its own, because recheck may hang.
func ask(ctx context.Context, recheck func(context.Context) error, wait time.Duration) <-chan check {
	answer := make(chan check, 1)
	began := time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		answer <- check{began, recheck(ctx)}
	}()
	return answer
}

// firstCheck returns when the check began that lets a stream begin. One that took
// long is made again: the stream would be cut before the next could come back.
func firstCheck(ctx context.Context, recheck func(context.Context) error) (good time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, authoriseTimeout)
	defer cancel()
	for {
		select {
		case c := <-ask(ctx, recheck, authoriseTimeout):
			if c.err != nil || time.Since(c.began) < goodFor/2 {
				return c.began, c.err
			}
		case <-ctx.Done():
			return good, ctx.Err()
		}
	}
}

// recheckLoop returns why a stream must be cut, or nil when ctx ends first. There is
// one check at a time, so that a recheck that hangs leaves one goroutine.
func recheckLoop(ctx context.Context, recheck func(context.Context) error, good time.Time) error {
	stale := time.NewTimer(time.Until(good.Add(goodFor)))
	defer stale.Stop()
	next := time.NewTimer(time.Until(good.Add(recheckEvery)))
	defer next.Stop()
	var answer <-chan check
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stale.C:
			return errStale
		case <-next.C:
			answer = ask(ctx, recheck, recheckWait)
		case c := <-answer:
			switch {
			case c.err == nil:
				stale.Reset(time.Until(c.began.Add(goodFor)))
			case ctx.Err() == nil && !provesNothing(c.err):
				return errDied
			}
			next.Reset(time.Until(c.began.Add(recheckEvery)))
		}
	}
}

// provesNothing reports an error of a check that could not be made.
func provesNothing(err error) bool {
	return memo.KindOf(err) == memo.KindUnavailable || errors.Is(err, context.DeadlineExceeded)
}

type connKey struct{}

// WithConn carries the connection that a request came on. It is the
// http.Server's ConnContext.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// resetOnClose makes the kernel drop what it still holds for a slow reader, which may be
// megabytes, when the connection closes. It must come before the write that
// fails, because net/http closes the connection after that.
func resetOnClose(ctx context.Context) {
	if tcp, ok := ctx.Value(connKey{}).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the stream ends all the same
	}
}
