package testenv

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// FreeAddr is an address on loopback that nobody listens on just now. Another
// process may be quicker to take it.
func FreeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // nothing can be tested here
	}
	defer l.Close()
	return l.Addr().String()
}

// Output collects what a process or a log writes, while others look at it.
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

// Eventually waits until f holds, for as long as a busy machine may take.
func Eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
