package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections is how many clients there are at a time. The more there are, the
// less often a server waits for one, which makes the bare one cheaper by more
// than half (90 µs with one connection, 50 with two, 30 with eight) and memo by
// less. Two are nearer to what a server of scripts and assistants sees than
// many, and leave a small machine room for both sides.
const connections = 2

// probeRequest is one kind of request to one server.
type probeRequest struct {
	to   *serverProcess
	want int           // status
	next func() []byte // the next request, as it goes over the wire
}

// loadResult is a number of connections to a probe's server.
type loadResult struct {
	probeRequest
	conns []*connection
}

type connection struct {
	net.Conn
	in *bufio.Reader
}

// dial opens the connections and uses each once, so that what a connection
// costs is not in what is measured.
func (p probeRequest) dial(ctx context.Context) (*loadResult, error) {
	l := &loadResult{probeRequest: p}
	for range connections {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", p.to.host)
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns = append(l.conns, &connection{c, bufio.NewReaderSize(c, 64<<10)})
	}
	if err := l.run(ctx, connections); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *loadResult) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// run sends n requests, spread over the connections, each as soon as the one
// before it on its connection is answered.
func (l *loadResult) run(ctx context.Context, n int) error {
	var done atomic.Int64
	var first error
	var once sync.Once
	var wg sync.WaitGroup
	for _, c := range l.conns {
		wg.Go(func() {
			for done.Add(1) <= int64(n) {
				err := ctx.Err()
				if err == nil {
					err = c.ask(l.next(), l.want)
				}
				if err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}

// ask sends one request and reads its answer to the end.
func (c *connection) ask(request []byte, want int) error {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		line, _, _ := bytes.Cut(request, []byte("\r\n"))
		return fmt.Errorf("%s: status %d and not %d: %s", line, res.StatusCode, want, body)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// fetch asks once and returns the whole answer.
func (p probeRequest) fetch(ctx context.Context) (*http.Response, []byte, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", p.to.host)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	request := p.next()
	if _, err := c.Write(request); err != nil {
		return nil, nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != p.want {
		line, _, _ := bytes.Cut(request, []byte("\r\n"))
		err = fmt.Errorf("%s: status %d and not %d: %.500s", line, res.StatusCode, p.want, body)
	}
	return res, body, err
}

// cost sends n requests and returns the server's CPU time for one.
func (p probeRequest) cost(ctx context.Context, n int) (time.Duration, error) {
	l, err := p.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer l.close()
	before, err := p.to.cpu()
	if err != nil {
		return 0, err
	}
	if err := l.run(ctx, n); err != nil {
		return 0, err
	}
	time.Sleep(2 * time.Millisecond) // the last answers are logged after they were sent
	after, err := p.to.cpu()
	return (after - before) / time.Duration(n), err
}

// requestsIn returns how many requests take about a span, by trying.
func (p probeRequest) requestsIn(ctx context.Context, span time.Duration, least, most int) (int, error) {
	l, err := p.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer l.close()
	for n := connections; ; n *= 4 {
		start := time.Now()
		if err := l.run(ctx, n); err != nil {
			return 0, err
		}
		took := time.Since(start)
		if took > span/10 || n >= most {
			return min(max(int(float64(n)*float64(span)/float64(took)), least), most), nil
		}
	}
}
