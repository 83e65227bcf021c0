package httpx // the loop of checks runs in synctest, which a real connection cannot

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"memoai.tech/memo"
)

var errRevoked = errors.New("revoked")

// TestStreamEndsSoonAfterRevocation: whatever a recheck does after a revocation, the stream ends
// within 800 ms, and not before the revocation.
func TestStreamEndsSoonAfterRevocation(t *testing.T) {
	for _, c := range []struct {
		name    string
		after   func(context.Context) error // the recheck after the revocation
		want    error
		slowest time.Duration
	}{
		{"reports it", func(context.Context) error { return errRevoked }, errInactive, recheckInterval},
		{"never returns", nil, errStale, checkValidity},
		{"ignores its context", func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		}, errStale, checkValidity},
		{"waits for its context", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, errStale, checkValidity},
		{"reports that the database is unavailable", func(context.Context) error {
			return &memo.Error{Kind: memo.KindUnavailable}
		}, errStale, checkValidity},
		{
			"reports it late",
			func(context.Context) error { time.Sleep(400 * time.Millisecond); return errRevoked },
			errInactive, checkValidity,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, revoked := range []time.Duration{0, 30 * time.Millisecond, 199 * time.Millisecond, 3333 * time.Millisecond} {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					begun := time.Now()
					got, hang := make(chan error, 1), make(chan struct{})
					defer close(hang)
					go func() {
						got <- recheckLoop(ctx, func(ctx context.Context) error {
							if time.Since(begun) < revoked {
								return nil
							}
							if c.after == nil {
								<-hang
								return nil
							}
							return c.after(ctx)
						}, begun)
					}()
					if err := <-got; err != c.want {
						t.Errorf("revoked after %v: %v, want %v", revoked, err, c.want)
					}
					if late := time.Since(begun) - revoked; late > c.slowest || late < 0 {
						t.Errorf("revoked after %v: ended %v later, want at most %v", revoked, late, c.slowest)
					}
					cancel()
					time.Sleep(time.Hour) // in the synctest bubble, until the recheck returns
				})
			}
		})
	}
}

// TestSlowOrFailedChecksDoNotEndStream: neither slow checks that succeed nor single failures end
// a stream.
func TestSlowOrFailedChecksDoNotEndStream(t *testing.T) {
	for name, recheck := range map[string]func(n int32) error{
		"each takes 350 ms": func(int32) error { time.Sleep(350 * time.Millisecond); return nil },
		"every second fails": func(n int32) error {
			if n%2 == 0 {
				return context.DeadlineExceeded
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var n atomic.Int32
				err := recheckLoop(ctx, func(context.Context) error { return recheck(n.Add(1)) }, time.Now())
				if err != nil || n.Load() < 100 {
					t.Errorf("after %d checks: %v", n.Load(), err)
				}
				time.Sleep(time.Second) // in the synctest bubble, until the recheck returns
			})
		})
	}
}

func TestFirstCheck(t *testing.T) {
	for _, c := range []struct {
		name    string
		recheck func(ctx context.Context, n int32) error
		want    error
		within  time.Duration
	}{
		{"succeeds", func(context.Context, int32) error { return nil }, nil, 0},
		{"fails", func(context.Context, int32) error { return errRevoked }, errRevoked, 0},
		{"is slow once", func(_ context.Context, n int32) error {
			if n == 1 {
				time.Sleep(checkValidity)
			}
			return nil
		}, nil, checkValidity},
		{"is always slow", func(context.Context, int32) error {
			time.Sleep(checkValidity / 2)
			return nil
		}, context.DeadlineExceeded, firstCheckTimeout},
		{"ignores its context", func(context.Context, int32) error {
			time.Sleep(time.Hour)
			return nil
		}, context.DeadlineExceeded, firstCheckTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int32
				begun := time.Now()
				began, err := firstCheck(t.Context(), func(ctx context.Context) error { return c.recheck(ctx, n.Add(1)) })
				if !errors.Is(err, c.want) || time.Since(begun) != c.within || err == nil && time.Since(began) > checkValidity/2 {
					t.Errorf("got %v after %v, from a check that began %v ago", err, time.Since(begun), time.Since(began))
				}
				time.Sleep(2 * time.Hour) // in the synctest bubble, until the recheck returns
			})
		})
	}
}

// TestStreamEndsIfRecheckHangs: over a real connection, the client gets no bytes after one
// second, and the response does not look complete.
func TestStreamEndsIfRecheckHangs(t *testing.T) {
	hang := make(chan struct{})
	var checks atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = StreamWithRecheck(w, r, func(context.Context) error {
			if checks.Add(1) > 2 {
				<-hang
			}
			return nil
		}, func(ctx context.Context) error {
			for part := make([]byte, 1<<10); ; time.Sleep(time.Millisecond) {
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
		})
	}))
	server.Config.ConnContext = WithConn
	server.Config.ErrorLog = nil
	server.Start()
	defer server.Close()
	defer close(hang)
	res, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var begun time.Time // of the check that hangs
	for part := make([]byte, 4<<10); err == nil; {
		_, err = res.Body.Read(part)
		if begun.IsZero() && checks.Load() > 2 {
			begun = time.Now()
		}
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() || begun.IsZero() {
		t.Fatalf("the stream ended with %v after %d checks", err, checks.Load())
	}
	if late := time.Since(begun); late > time.Second {
		t.Errorf("bytes came for %v after the recheck hung", late)
	}
}
