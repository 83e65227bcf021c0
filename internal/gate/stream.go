package gate

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"memoai.tech/memo"
)

// How long an archive may take, and how often it is asked whether whoever
// gets it still may: a revocation cuts it within a second.
const (
	streamTimeout = 10 * time.Minute
	recheckEvery  = 200 * time.Millisecond
	recheckWait   = 250 * time.Millisecond
)

var errCut = errors.New("gate: the credential died while the answer was streaming")

// Stream lets write send an answer that takes long. It outlives the time of a
// call, but neither its client nor the credential, which recheck asks about. On
// any error it breaks the connection: a short answer must not look whole. The
// error that it returns is of a credential that has died before the first byte,
// while the request came in: nothing is sent then.
func Stream(w http.ResponseWriter, r *http.Request, recheck, write func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	check, stop := context.WithTimeout(ctx, readTimeout)
	err := recheck(check)
	stop()
	if err != nil {
		w.Header().Del("Content-Disposition")
		return err
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(streamTimeout)) // not every writer has one
	done := make(chan struct{})
	defer func() { cancel(nil); <-done }()
	go func() {
		defer close(done)
		watch(ctx, cancel, control, recheck)
	}()
	if err := write(ctx); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// watch cancels the stream when the credential dies. A write that a slow reader
// holds up is ended by its deadline.
func watch(ctx context.Context, cancel context.CancelCauseFunc, control *http.ResponseController, recheck func(context.Context) error) {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	again := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		check, stop := context.WithTimeout(ctx, recheckWait)
		err := recheck(check)
		stop()
		silent := memo.KindOf(err) == memo.KindUnavailable || errors.Is(err, context.DeadlineExceeded)
		if silent && !again { // it proves nothing, but twice is too long
			again = true
			continue
		}
		again = false
		if err != nil && ctx.Err() == nil {
			cancel(errCut)
			reset(ctx)
			_ = control.SetWriteDeadline(time.Now())
			return
		}
	}
}

type connKey struct{}

// WithConn carries the connection that a request came on. It is the
// http.Server's ConnContext.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// reset has the connection thrown away when it closes, with what the kernel
// still holds for a slow reader: some megabytes. It must come before the write
// that fails, for net/http closes the connection upon that.
func reset(ctx context.Context) {
	if tcp, ok := ctx.Value(connKey{}).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the stream ends all the same
	}
}
