package testenv

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// FreeAddr returns a free address on loopback. Another process may take it before
// the caller does.
func FreeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // no test can run without loopback
	}
	defer l.Close()
	return l.Addr().String()
}

// Output is a buffer for the output of a process or a log. It is safe for
// concurrent use.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Eventually waits until f returns true. It allows 30 s, because the machine may be
// busy.
func Eventually(t testing.TB, event string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen within 30 s: %s", event)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
