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

// connections is the number of clients at one time. With more of them a server
// waits less often, which makes a request to the bare server cheaper by more than
// half (90 µs with one connection, 50 with two, 30 with eight), and one to memo by
// less. Two is closer than many to what a server of scripts and assistants sees,
// and leaves enough of a small machine to both sides.
const connections = 2

// probe is one kind of request to one server.
type probe struct {
	to   *serverProcess
	want int           // expected status
	next func() []byte // returns the next request, as it is sent
}

// load is a probe with open connections to its server.
type load struct {
	probe
	conns []*connection
}

type connection struct {
	net.Conn
	in *bufio.Reader
}

// dial opens the connections and sends a request on each, so that the cost of a new
// connection is not measured.
func (p probe) dial(ctx context.Context) (*load, error) {
	l := &load{probe: p}
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

func (l *load) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// run sends n requests over the connections. Each connection sends the next request
// as soon as it has the response to the one before.
func (l *load) run(ctx context.Context, n int) error {
	var done atomic.Int64
	var first error
	var once sync.Once
	var wg sync.WaitGroup
	for _, c := range l.conns {
		wg.Go(func() {
			for done.Add(1) <= int64(n) {
				err := ctx.Err()
				if err == nil {
					err = c.send(l.next(), l.want)
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

// send sends one request and reads the response to the end.
func (c *connection) send(request []byte, want int) error {
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
		return fmt.Errorf("%s: got status %d, want %d: %s", line, res.StatusCode, want, body)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// fetch sends one request on a new connection and returns the response with its
// body.
func (p probe) fetch(ctx context.Context) (*http.Response, []byte, error) {
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
		err = fmt.Errorf("%s: got status %d, want %d: %.500s", line, res.StatusCode, p.want, body)
	}
	return res, body, err
}

// cost sends n requests and returns the server's CPU time per request.
func (p probe) cost(ctx context.Context, n int) (time.Duration, error) {
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
	time.Sleep(2 * time.Millisecond) // the server logs a request after it has sent the response
	after, err := p.to.cpu()
	return (after - before) / time.Duration(n), err
}

// requestsIn sends requests to find out how many take about span. The result is
// between lowest and highest.
func (p probe) requestsIn(ctx context.Context, span time.Duration, lowest, highest int) (int, error) {
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
		if took > span/10 || n >= highest {
			return min(max(int(float64(n)*float64(span)/float64(took)), lowest), highest), nil
		}
	}
}
