package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// connections is the number of clients at one time. With more of them a server
	// waits less often, which makes a request to the bare server cheaper by more than
	// half (90 µs with one connection, 50 with two, 30 with eight), and one to memo by
	// less. Two is closer than many to what a server of scripts and assistants sees,
	// and leaves enough of a small machine to both sides.
	connections = 2

	roundLength = 400 * time.Millisecond // of one side of a round

	// slowRounds is the maximum number of rounds of the rows that take seconds.
	slowRounds = 2
)

// probe is one kind of request to one server.
type probe struct {
	to   *server
	want int                  // expected status
	next func() *http.Request // returns the next request
}

// client is a connection. It writes requests itself, because an http.Client would take
// more of the machine than the server that is measured.
type client struct {
	net.Conn
	in  *bufio.Reader
	out *bufio.Writer
}

func (p probe) dial(b *testing.B) *client {
	c, err := net.Dial("tcp", p.to.host)
	check(b, err)
	return &client{c, bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)}
}

// send sends the next request and copies the response to body.
func (p probe) send(c *client, body io.Writer) (*http.Response, error) {
	r := p.next()
	if err := errors.Join(c.SetDeadline(time.Now().Add(time.Minute)), r.Write(c.out), c.out.Flush()); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.in, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != p.want {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return nil, fmt.Errorf("%s %s: got status %d, want %d: %s", r.Method, r.URL, resp.StatusCode, p.want, text)
	}
	_, err = io.Copy(body, resp.Body)
	return resp, err
}

// fetch sends one request and returns the response and its body.
func (p probe) fetch(b *testing.B) (*http.Response, []byte) {
	c := p.dial(b)
	defer c.Close()
	var body bytes.Buffer
	resp, err := p.send(c, &body)
	check(b, err)
	return resp, body.Bytes()
}

// load sends requests over all connections, one after the other on each. It returns the
// CPU time of the server per request in microseconds, and the number of requests.
func (p probe) load(b *testing.B) (micros float64, sent int64) {
	var n atomic.Int64
	var before time.Duration
	p.onEach(b, connections, func() { before = p.to.cpu(b) }, func(send func() error) (err error) {
		for end := time.Now().Add(roundLength); err == nil && time.Now().Before(end); n.Add(1) {
			err = send()
		}
		return err
	})
	time.Sleep(2 * time.Millisecond) // the server logs a request after it has sent the response
	return float64(p.to.cpu(b)-before) / 1e3 / float64(n.Load()), n.Load()
}

// throughput sends requests over n connections for a time. It returns the number of requests per
// second, and the time in milliseconds that 99 % of them do not exceed.
func (p probe) throughput(b *testing.B, n int, length time.Duration) (perSecond, p99 float64) {
	var mu sync.Mutex
	var times []float64
	var begun time.Time
	p.onEach(b, n, func() { begun = time.Now() }, func(send func() error) (err error) {
		var own []float64
		for start := time.Now(); err == nil && time.Since(start) < length; {
			sent := time.Now()
			err = send()
			own = append(own, float64(time.Since(sent))/1e6)
		}
		mu.Lock()
		defer mu.Unlock()
		times = append(times, own...)
		return err
	})
	return float64(len(times)) / time.Since(begun).Seconds(), percentile(times, 0.99)
}

// onEach opens n connections and runs f for each of them at the same time. It sends one request over each
// first, because the cost of a new connection is not measured, and then calls begin.
func (p probe) onEach(b *testing.B, n int, begin func(), f func(send func() error) error) {
	var warm, done sync.WaitGroup
	begun := make(chan struct{})
	warm.Add(n)
	for range n {
		c := p.dial(b)
		done.Go(func() {
			defer c.Close()
			send := func() error {
				_, err := p.send(c, io.Discard)
				return err
			}
			err := send()
			warm.Done()
			<-begun
			if err == nil {
				err = f(send)
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	warm.Wait()
	begin()
	close(begun)
	done.Wait()
}

// copyTo gives the bare server a copy of memo's response, and returns a probe for it.
// The requests are those to memo with another path.
func (r row) copyTo(b *testing.B, bare *server, resp *http.Response, body []byte) *probe {
	at := fmt.Sprintf("http://%s/%s?status=%d", bare.host, url.PathEscape(r.name), resp.StatusCode)
	if resp.ContentLength > 0 {
		at += "&sized"
	}
	put, err := http.NewRequest(http.MethodPut, at, bytes.NewReader(body))
	check(b, err)
	put.Header.Set("Content-Type", resp.Header.Get("Content-Type"))
	probe{bare, 200, func() *http.Request { return put }}.fetch(b)
	return &probe{bare, r.memo.want, func() *http.Request {
		q := r.memo.next()
		q.URL, q.Host = put.URL, put.Host
		return q
	}}
}

// target is a server and a key for it.
type target struct {
	*server
	key string
}

// get requests a path, in which each of the values in turn replaces {}. What is
// between « and » has a new spelling each time.
func (t target) get(path string, values ...string) probe {
	next := inTurn(path, values)
	return probe{t.server, 200, func() *http.Request { return t.request("GET", spell(next()), "") }}
}

// post sends a body, in which each of the values in turn replaces {}.
func (t target) post(path, body string, values ...string) probe {
	next := inTurn(body, values)
	return probe{t.server, 200, func() *http.Request { return t.request("POST", path, next()) }}
}

func (t target) request(method, path, body string) *http.Request {
	r, err := http.NewRequest(method, "http://"+t.host+path, strings.NewReader(body))
	if err != nil {
		panic(err) // the paths are written here
	}
	r.Header.Set("Authorization", "Bearer "+t.key)
	r.Header.Set("Accept", "application/json, text/event-stream")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// inTurn returns a function that returns a text with each of the values in turn.
func inTurn(text string, values []string) func() string {
	if len(values) == 0 {
		return func() string { return text }
	}
	var n atomic.Uint64
	return func() string { return strings.Replace(text, "{}", values[n.Add(1)%uint64(len(values))], 1) }
}

// spellings counts the calls of spell.
var spellings atomic.Uint64

// spell percent-encodes some characters between « and », different ones each time.
// The server caches responses under the URL as it was sent, so it reads a new URL from
// the database. The meaning is the same, and decoding costs the server 0.1 µs.
func spell(url string) string {
	before, rest, found := strings.Cut(url, "«")
	s, after, _ := strings.Cut(rest, "»")
	if !found {
		return url
	}
	b := []byte(before)
	n := spellings.Add(1)
	for i := range len(s) {
		switch {
		case strings.IndexByte("=&-", s[i]) >= 0:
			b = append(b, s[i])
			continue
		case n&1 == 1:
			b = fmt.Appendf(b, "%%%02X", s[i])
		default:
			b = append(b, s[i])
		}
		n >>= 1
	}
	if n > 0 {
		panic("bench: all spellings of " + s + " are used up") // the shortest text has 2²⁹
	}
	return string(b) + after
}

// listPage is what bench reads of a page of a list.
type listPage struct {
	Items []struct {
		ID string `json:"id"`
	} `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// list gets a page that is not the last.
func (t target) list(b *testing.B, query string) (p listPage) {
	_, body := t.get(transcriptions + query).fetch(b)
	check(b, json.Unmarshal(body, &p))
	if p.NextCursor == "" {
		b.Fatalf("the list %s has no next page", query)
	}
	return p
}

// longIDs returns the ids of 100 long transcriptions.
func (t target) longIDs(b *testing.B) (ids []string) {
	for _, item := range t.list(b, "?limit=100&language="+longLanguage).Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// cursors returns cursors from all over the list, four for each day. The oldest days
// are left out: they may have no full page after them.
func (t target) cursors(b *testing.B) (cursors []string) {
	for day := corpusDays / 10; day < corpusDays; day++ {
		date := firstDay.AddDate(0, 0, day).Format(time.DateOnly)
		for n := range 4 {
			query := fmt.Sprintf("?limit=%d&date_from=%s&date_to=%s", n+1, date, date)
			cursors = append(cursors, t.list(b, query).NextCursor)
		}
	}
	return cursors
}
