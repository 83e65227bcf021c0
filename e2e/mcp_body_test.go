package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests send bodies that are far too large or too slow. The server must answer
// in time, and must refuse a key that is revoked while the body is being sent.

// slowRequest is a request whose body is sent in parts.
type slowRequest struct {
	name    string
	head    string // header lines that describe the body
	first   string
	repeat  string        // sent repeatedly until the response comes
	pace    time.Duration // the pause between two repeats
	timeout time.Duration // for the response
	want    int
}

var slowRequests = []slowRequest{
	{
		name: "1 GB at once", head: "Content-Length: 1073741824\r\n", repeat: strings.Repeat(" ", 64<<10),
		timeout: 5 * time.Second, want: 413,
	},
	{
		name: "chunks without end", head: "Transfer-Encoding: chunked\r\n",
		repeat: "10000\r\n" + strings.Repeat(" ", 64<<10) + "\r\n", timeout: 5 * time.Second, want: 413,
	},
	{name: "1 GB announced", head: "Content-Length: 1073741824\r\n", timeout: 5 * time.Second, want: 413},
	{
		name: "1 GB with Expect: 100-continue",
		head: "Content-Length: 1073741824\r\nExpect: 100-continue\r\n", timeout: 5 * time.Second, want: 413,
	},
	{name: "never ends", head: "Content-Length: 100\r\n", first: "{", timeout: 13 * time.Second, want: 408},
	{
		name: "never ends, in chunks", head: "Transfer-Encoding: chunked\r\n", first: "1\r\n{\r\n", timeout: 13 * time.Second,
		want: 408,
	},
	{name: "never begins", head: "Content-Length: 100\r\n", timeout: 13 * time.Second, want: 408},
	{
		name: "a byte at a time", head: "Transfer-Encoding: chunked\r\n", repeat: "1\r\n \r\n", pace: 200 * time.Millisecond,
		timeout: 13 * time.Second, want: 408,
	},
}

func TestMCPSlowAndEndlessBodies(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	k := h.newKey(t, "slow")
	s := start(t, h.database)
	var all sync.WaitGroup // in parallel, to save time
	for _, test := range slowRequests {
		all.Go(func() {
			if err := test.check(s, k.Key); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		})
	}
	for range 3 {
		all.Go(func() {
			if err := revokeWhileSending(s, h, h.newKey(t, "to revoke")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.client(k.Key).mustSend(t, http.StatusOK, plain(older, "ping"))
	s.mustLogNoError(t)
}

// beginRequest sends the head of a call with a key.
func beginRequest(s *server, key, head string) (net.Conn, error) {
	host := strings.TrimPrefix(s.url, "http://")
	c, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(c,
		"POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n", mcp, host,
		key, head)
	return c, err
}

func (test slowRequest) check(s *server, key string) error {
	c, err := beginRequest(s, key, test.head)
	if err != nil {
		return err
	}
	began := time.Now()
	_ = c.SetDeadline(began.Add(test.timeout)) // a server that does not answer fails the test
	sent := make(chan int)
	go func() {
		n, _ := io.WriteString(c, test.first)
		for test.repeat != "" {
			more, err := io.WriteString(c, test.repeat)
			if n += more; err != nil {
				break
			}
			time.Sleep(test.pace)
		}
		sent <- n
	}()
	status, err := firstStatus(c)
	c.Close()
	n := <-sent
	switch {
	case err != nil:
		return fmt.Errorf("no response after %v: %w", time.Since(began).Round(time.Second), err)
	case status != test.want:
		return fmt.Errorf("%d instead of %d", status, test.want)
	case n > 64<<20:
		return fmt.Errorf("the server accepted %d bytes", n)
	}
	return nil
}

// firstStatus reads the first response, which may be 100 Continue.
func firstStatus(c net.Conn) (int, error) {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return resp.StatusCode, err
	}
	return resp.StatusCode, nil
}

// revokeWhileSending revokes a key between the two halves of a message that is sent
// with it. The message must be refused.
func revokeWhileSending(s *server, h installation, k newKey) error {
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memo_list_projects","arguments":{}}}`
	c, err := beginRequest(s, k.Key, fmt.Sprintf("Content-Length: %d\r\n", len(body)))
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, body[:len(body)/2]); err != nil {
		return err
	}
	// The server is reading the body now, or will see the revocation before it does.
	if r := run(h.database, "", "key", "revoke", k.ID); r.code != 0 {
		return fmt.Errorf("revoke: %s", r.stderr)
	}
	time.Sleep(1100 * time.Millisecond) // a stream is cut within one second
	if _, err := io.WriteString(c, body[len(body)/2:]); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	responseBody, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusUnauthorized ||
		string(responseBody) != `{"detail":"Invalid API key","reason":"revoked"}` {
		return fmt.Errorf("a key that was revoked while a message was sent: %d %s %w", resp.StatusCode, responseBody, err)
	}
	return nil
}
