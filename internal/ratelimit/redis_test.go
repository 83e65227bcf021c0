package ratelimit

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

var discard = slog.New(slog.DiscardHandler)

// newRedis opens a Redis that is given time, for tests run on busy machines.
func newRedis(t testing.TB, url string) *Redis {
	t.Helper()
	r := newHastyRedis(t, url)
	r.connect, r.reply = 10*time.Second, 10*time.Second
	return r
}

// newHastyRedis opens a Redis as a server does.
func newHastyRedis(t testing.TB, url string) *Redis {
	t.Helper()
	r, err := NewRedis(url, map[Class]int{Data: 500, Management: 180})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// emptied is r's server without what it knows, on another clock.
func emptied(r *Redis, limits map[Class]int, clock *fakeClock) *Redis {
	// Far from zero: what is kept can move back with the clock.
	now := func() time.Duration { return 10*365*24*time.Hour + clock.read() }
	return &Redis{
		limits: limits, span: r.span, pool: r.pool, connect: r.connect, reply: r.reply,
		prefix: rand.Text() + ":", clock: now, opened: r.opened,
	}
}

func TestRedisURL(t *testing.T) {
	for _, good := range []string{
		"redis://localhost", "redis://localhost:6380/", "redis://:secret@redis.example.com/3",
		"rediss://ann:secret@[::1]:6379/0",
	} {
		if _, err := NewRedis(good, nil); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "localhost:6379", "http://localhost", "redis://", "redis://:6379", "redis://localhost:port",
		"redis://localhost/x", "redis://localhost/-1",
		"redis://localhost/1/2", "redis://localhost/99999999999", "redis://localhost?db=1", "redis://ann@localhost",
		"unix:///run/redis.sock",
	} {
		if _, err := NewRedis(bad, nil); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// TestOverTLS: a certificate is checked against the machine's and the name.
func TestOverTLS(t *testing.T) {
	server := testenv.StartRedis(t)
	certificate, file, _ := testenv.Certificate(t)
	t.Setenv("SSL_CERT_FILE", file)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("tcp", server.Addr)
			if err != nil {
				c.Close()
				return
			}
			go func() { io.Copy(inner, c); inner.Close() }()
			go func() { io.Copy(c, inner); c.Close() }()
		}
	}()
	if d, err := newRedis(t, "rediss://"+l.Addr().String()).Take(t.Context(), Data, "key"); err != nil || !d.Accepted {
		t.Errorf("%+v, %v", d, err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if _, err := newRedis(t, "rediss://localhost:"+port).Take(t.Context(), Data, "key"); err == nil ||
		!strings.Contains(err.Error(), "certificate") {
		t.Errorf("under another name: %v", err)
	}
}

// TestOnRedissClock: without a clock of the test's, Redis's own counts.
func TestOnRedissClock(t *testing.T) {
	r := newRedis(t, testenv.Redis(t))
	for i := range 4 {
		d, err := r.Take(t.Context(), Management, "key")
		if err != nil || !d.Accepted || d.Remaining != 179-i || d.Reset <= 0 || d.Reset > Period {
			t.Fatalf("call %d: %+v, %v", i+1, d, err)
		}
	}
}

// TestReplicasShareRedis: 600 calls at once over three replicas.
func TestReplicasShareRedis(t *testing.T) {
	url := testenv.Redis(t)
	var accepted atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		s := NewShared(newRedis(t, url), discard)
		for range 200 {
			wg.Go(func() {
				if d, _ := s.Take(t.Context(), Data, "key"); d.Accepted {
					accepted.Add(1)
				}
			})
		}
		defer func() {
			if byRedis, fallbacks, _ := s.State(); !byRedis || fallbacks != 0 {
				t.Errorf("a replica fell back")
			}
		}()
	}
	wg.Wait()
	if n := accepted.Load(); n != 500 {
		t.Errorf("%d of 600 at once were accepted, want 500", n)
	}
}

// TestRedissClockGoesBack: nobody is refused for the time that it went back,
// and nothing is forgotten.
func TestRedissClockGoesBack(t *testing.T) {
	clock := &fakeClock{}
	s := emptied(newRedis(t, testenv.Redis(t)), map[Class]int{Data: 20}, clock)
	take := func() Decision {
		t.Helper()
		d, err := s.Take(context.Background(), Data, "key")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for range 19 {
		clock.add(time.Second)
		take()
	}
	clock.add(-time.Hour)
	if d := take(); !d.Accepted || d.Remaining != 0 {
		t.Errorf("the last of 20: %+v", d)
	}
	d := take()
	if want := Period + windowSlack - 18*time.Second + time.Microsecond; d.Accepted || d.RetryAfter != want {
		t.Errorf("the 21st: %+v, want it refused for %v", d, want)
	}
	clock.add(-time.Hour) // and a refused call notes it too
	take()
	clock.add(d.RetryAfter)
	if d := take(); !d.Accepted {
		t.Errorf("after the wait: %+v", d)
	}
}

// TestRedisKeepsLittle: a full window takes little more than seven bytes a
// call, and is gone when it counts no more.
func TestRedisKeepsLittle(t *testing.T) {
	server := testenv.StartRedis(t)
	r := newRedis(t, server.URL())
	for range 600 {
		r.Take(t.Context(), Data, "key")
	}
	key := r.prefix + "data:key"
	if got := server.Do(t, "STRLEN", key); got != "3500" {
		t.Errorf("500 times are kept in %s bytes", got)
	}
	if n, err := strconv.Atoi(server.Do(t, "MEMORY", "USAGE", key)); err != nil || n > 4500 {
		t.Errorf("a full window takes %d bytes of Redis's memory: %v", n, err)
	}
	if ms, err := strconv.Atoi(server.Do(t, "PTTL", key)); err != nil || ms < 1000 || ms > 60_502 {
		t.Errorf("it is kept for %d ms: %v", ms, err)
	}
}

// TestOneRoundTrip: the first call brings the script, the others name it.
func TestOneRoundTrip(t *testing.T) {
	server := testenv.StartRedis(t)
	r := newRedis(t, server.URL())
	for range 10 {
		if _, err := r.Take(t.Context(), Data, "key"); err != nil {
			t.Fatal(err)
		}
	}
	stats := server.Do(t, "INFO", "commandstats")
	for _, want := range []string{"cmdstat_evalsha:calls=10,", "cmdstat_eval:calls=1,"} {
		if !strings.Contains(stats, want) {
			t.Errorf("no %s in %s", want, stats)
		}
	}
}
