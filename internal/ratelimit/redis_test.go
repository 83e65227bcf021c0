package ratelimit // see ratelimit_test.go

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

var discard = slog.New(slog.DiscardHandler)

// newRedis returns a Redis with long timeouts, for tests on busy machines.
func newRedis(t testing.TB, url string) *Redis {
	t.Helper()
	return openRedis(t, url, redisTimeouts{connect: 10 * time.Second, reply: 10 * time.Second})
}

// newRedisWithServerTimeouts returns a Redis with the timeouts that a server uses.
func newRedisWithServerTimeouts(t testing.TB, url string) *Redis {
	t.Helper()
	return openRedis(t, url, serverTimeouts)
}

func openRedis(t testing.TB, url string, timeouts redisTimeouts) *Redis {
	t.Helper()
	r, err := newRedisWithTimeouts(url, map[Class]int{Data: 500, Management: 180}, timeouts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// emptyRedis returns a Redis on the same server, without windows and with another clock.
func emptyRedis(r *Redis, limits map[Class]int, clock *fakeClock) *Redis {
	// The time is far from zero, so that a test can set the clock back.
	now := func() time.Duration { return 10*365*24*time.Hour + clock.read() }
	return &Redis{
		limits: limits, span: r.span, client: r.client, prefix: rand.Text() + ":", clock: now, address: r.address,
	}
}

func TestRedisURLIsChecked(t *testing.T) {
	for valid, want := range map[string]redisAddress{
		"redis://localhost":                    {hosts: []string{"localhost:6379"}},
		"redis://localhost:6380/":              {hosts: []string{"localhost:6380"}},
		"redis://:secret@redis.example.com/3":  {hosts: []string{"redis.example.com:6379"}, password: "secret", database: 3},
		"redis+sentinel://a,[::1],b:1/primary": {hosts: []string{"a:26379", "[::1]:26379", "b:1"}, primary: "primary"},
		"rediss://ann:p%40ss@[::1]:6379/0": {
			hosts: []string{"[::1]:6379"}, user: "ann", password: "p@ss", encrypted: true,
		},
		"rediss+sentinel://:secret@a:2/primary/": {
			hosts: []string{"a:2"}, password: "secret", primary: "primary", encrypted: true,
		},
		"redis+sentinel://ann:one@a,b/primary/2?sentinel_username=s&sentinel_password=two": {
			hosts: []string{"a:26379", "b:26379"}, user: "ann", password: "one", primary: "primary", database: 2,
			sentinelUser: "s", sentinelPassword: "two",
		},
		"redis+cluster://a": {hosts: []string{"a:6379"}, cluster: true},
		"rediss+cluster://ann:x@a:7,b:8/": {
			hosts: []string{"a:7", "b:8"}, user: "ann", password: "x", encrypted: true, cluster: true,
		},
	} {
		if got, err := parseRedisAddress(valid); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", valid, got, err, want)
		}
		if _, err := NewRedis(valid, nil); err != nil {
			t.Errorf("%s is refused: %v", valid, err)
		}
	}
	for _, invalid := range []string{
		"", "localhost:6379", "http://localhost", "redis://", "redis://:6379", "redis://localhost:port",
		"redis://localhost/x", "redis://localhost/-1", "redis://localhost/1/2", "redis://localhost/99999999999",
		"redis://localhost?db=1", "redis://ann@localhost", "redis://localhost/#0", "redis://a,b",
		"unix:///run/redis.sock", "redisss://localhost", "redis+tls://localhost", "redis-sentinel://localhost/primary",
		"redis+sentinel://", "redis+sentinel://a", "redis+sentinel://a,/primary", "redis+sentinel:///primary",
		"redis+sentinel://a/primary/x", "redis+sentinel://a/primary/0/1", "redis+sentinel://a/primary?master_name=x",
		"redis+sentinel://a/primary?sentinel_username=s", "redis+sentinel://a:port,b/primary",
		"redis+cluster://", "redis+cluster://a/0", "redis+cluster://a,", "redis+cluster://a?addr=b",
	} {
		if _, err := NewRedis(invalid, nil); err != errRedisURL {
			t.Errorf("%s: got %v, want %v", invalid, err, errRedisURL)
		}
	}
}

// TestRedisCertificateIsVerified: the certificate must come from an authority that the system
// trusts, and name the host.
func TestRedisCertificateIsVerified(t *testing.T) {
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
		t.Errorf("a call over TLS: %+v, %v", d, err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if _, err := newRedis(t, "rediss://localhost:"+port).Take(t.Context(), Data, "key"); err == nil ||
		!strings.Contains(err.Error(), "certificate") {
		t.Errorf("connecting under a name that the certificate lacks: got %v, want a certificate error", err)
	}
}

// TestRedisUsesItsOwnClock: the other tests set one.
func TestRedisUsesItsOwnClock(t *testing.T) {
	r := newRedis(t, testenv.Redis(t))
	for i := range 4 {
		d, err := r.Take(t.Context(), Management, "key")
		if err != nil || !d.Accepted || d.Remaining != 179-i || d.Reset <= 0 || d.Reset > Period {
			t.Fatalf("call %d: %+v, %v", i+1, d, err)
		}
	}
}

// TestReplicasShareTheLimit sends 600 concurrent calls to three replicas.
func TestReplicasShareTheLimit(t *testing.T) {
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
				t.Error("a replica fell back to its own window")
			}
		}()
	}
	wg.Wait()
	if n := accepted.Load(); n != 500 {
		t.Errorf("%d of 600 concurrent calls were accepted, want 500", n)
	}
}

// TestRedisClockGoesBack: calls are not refused for longer because the clock was set back, and
// no counted call is lost.
func TestRedisClockGoesBack(t *testing.T) {
	clock := &fakeClock{}
	s := emptyRedis(newRedis(t, testenv.Redis(t)), map[Class]int{Data: 20}, clock)
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
		t.Errorf("call 20: %+v, want accepted with 0 remaining", d)
	}
	d := take()
	if want := Period + windowSlack - 18*time.Second + time.Microsecond; d.Accepted || d.RetryAfter != want {
		t.Errorf("call 21: %+v, want it refused for %v", d, want)
	}
	clock.add(-time.Hour) // a refused call notices this as well
	take()
	clock.add(d.RetryAfter)
	if d := take(); !d.Accepted {
		t.Errorf("a call after RetryAfter: %+v, want it accepted", d)
	}
}

// TestRedisWindowIsSmallAndExpires: a full window takes seven bytes per call, plus the overhead
// of Redis, and expires when no call in it counts any longer.
func TestRedisWindowIsSmallAndExpires(t *testing.T) {
	server := testenv.StartRedis(t)
	r := newRedis(t, server.URL())
	for range 600 {
		r.Take(t.Context(), Data, "key")
	}
	key := r.prefix + "data:key"
	if got := server.Do(t, "STRLEN", key); got != "3500" {
		t.Errorf("500 times are stored in %s bytes, want 3500", got)
	}
	if n, err := strconv.Atoi(server.Do(t, "MEMORY", "USAGE", key)); err != nil || n > 4500 {
		t.Errorf("a full window takes %d bytes of memory in Redis (%v), want at most 4500", n, err)
	}
	if ms, err := strconv.Atoi(server.Do(t, "PTTL", key)); err != nil || ms < 1000 || ms > 60_502 {
		t.Errorf("the window expires in %d ms (%v), want about 60 s", ms, err)
	}
}

// TestScriptIsSentOnce: the first call sends the script, and later calls send only its hash.
func TestScriptIsSentOnce(t *testing.T) {
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
			t.Errorf("the command statistics lack %s: %s", want, stats)
		}
	}
}
