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

// Bodies that are far too large, or take their time: no answer may wait for
// what will not come, and no key lives on in a request that is still being sent.

// sending is a request whose body is sent bit by bit.
type sending struct {
	name   string
	head   string // header lines of the body
	first  string
	then   string        // again and again, until the answer has come
	pace   time.Duration // between two of them
	within time.Duration // the answer
	want   int
}

var slow = []sending{
	{
		name: "1 GB at once", head: "Content-Length: 1073741824\r\n", then: strings.Repeat(" ", 64<<10),
		within: 5 * time.Second, want: 413,
	},
	{name: "chunks without end", head: "Transfer-Encoding: chunked\r\n", then: "10000\r\n" + strings.Repeat(" ", 64<<10) +
		"\r\n", within: 5 * time.Second, want: 413},
	{name: "1 GB announced", head: "Content-Length: 1073741824\r\n", within: 5 * time.Second, want: 413},
	{
		name: "1 GB asked for", head: "Content-Length: 1073741824\r\nExpect: 100-continue\r\n", within: 5 * time.Second,
		want: 413,
	},
	{name: "never ends", head: "Content-Length: 100\r\n", first: "{", within: 13 * time.Second, want: 408},
	{
		name: "never ends, in chunks", head: "Transfer-Encoding: chunked\r\n", first: "1\r\n{\r\n", within: 13 * time.Second,
		want: 408,
	},
	{name: "never begins", head: "Content-Length: 100\r\n", within: 13 * time.Second, want: 408},
	{
		name: "a byte at a time", head: "Transfer-Encoding: chunked\r\n", then: "1\r\n \r\n", pace: 200 * time.Millisecond,
		within: 13 * time.Second, want: 408,
	},
}

func TestMCPBodiesThatDoNotEnd(t *testing.T) {
	t.Parallel()
	h := newInstallation(t, onSQLite(t))
	k := h.newKey(t, "slow")
	s := start(t, h.database)
	var all sync.WaitGroup // at the same time: the test takes as long as one
	for _, test := range slow {
		all.Go(func() {
			if err := test.judge(s, k.Key); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		})
	}
	for range 3 {
		all.Go(func() {
			if err := endWhileSending(s, h, cli[newKey](t, h.database, "key", "create", "--workspace", h.workspace, "--member",
				h.owner, "--name", "ends")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.client(k.Key).mustSend(t, http.StatusOK, plain(older, "ping"))
	s.mustLogNoError(t)
}

// begin sends the head of a call with a key.
func begin(s *server, key, head string) (net.Conn, error) {
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

func (test sending) judge(s *server, key string) error {
	c, err := begin(s, key, test.head)
	if err != nil {
		return err
	}
	began := time.Now()
	_ = c.SetDeadline(began.Add(test.within)) // a hang fails
	sent := make(chan int)
	go func() {
		n, _ := io.WriteString(c, test.first)
		for test.then != "" {
			more, err := io.WriteString(c, test.then)
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
		return fmt.Errorf("no answer after %v: %w", time.Since(began).Round(time.Second), err)
	case status != test.want:
		return fmt.Errorf("%d instead of %d", status, test.want)
	case n > 64<<20:
		return fmt.Errorf("%d bytes were taken", n)
	}
	return nil
}

// firstStatus reads the first answer. To be asked for the body is one.
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

// endWhileSending revokes a key between the two halves of a message that is
// sent with it.
func endWhileSending(s *server, h installation, k newKey) error {
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memo_list_projects","arguments":{}}}`
	c, err := begin(s, k.Key, fmt.Sprintf("Content-Length: %d\r\n", len(body)))
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, body[:len(body)/2]); err != nil {
		return err
	}
	// The server reads by now, or will find the key dead as it begins to.
	if r := run(h.database, "", "key", "revoke", k.ID); r.code != 0 {
		return fmt.Errorf("revoke: %s", r.stderr)
	}
	time.Sleep(1100 * time.Millisecond) // the second that the contract gives a stream
	if _, err := io.WriteString(c, body[len(body)/2:]); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusUnauthorized || string(said) != `{"detail":"Invalid API key"}` {
		return fmt.Errorf("a key that ended while a message was sent: %d %s %w", resp.StatusCode, said, err)
	}
	return nil
}
