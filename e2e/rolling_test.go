package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

// TestRollingRestart: no call fails while the replicas of a load balancer, which polls
// /readyz, are restarted one after the other.
func TestRollingRestart(t *testing.T) {
	h, redis := newInstallation(t, onPostgres(t)), testenv.Redis(t)
	k, id := h.newKey(t, "steady"), importMeeting(t, h)
	args := slices.Concat(withoutLimits, []string{"--drain-delay", "1s"})
	b := &balancer{t: t}
	front := httptest.NewServer(b)
	defer front.Close()
	replicas := startReplicas(t, h.database, redis, args...)
	for _, s := range replicas {
		b.add(s)
	}
	eventually(t, "all replicas are ready", func() bool { return len(b.ready()) == len(replicas) })

	var r record
	call := r.mixedCall(id, &apiClient{base: front.URL, key: k.Key, http: newHTTPClient()})
	var load sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer load.Wait()
	defer stop()
	for c := range 6 {
		load.Go(func() {
			pace := time.NewTicker(30 * time.Millisecond)
			defer pace.Stop()
			for i := c; ctx.Err() == nil; i++ {
				if a, err := call(i); err != nil || a.status != http.StatusOK {
					t.Errorf("a call got %d %s %v", a.status, a.body, err)
				}
				<-pace.C
			}
		})
	}
	for i, s := range replicas {
		old := b.of(s)
		eventually(t, "the replica serves calls", func() bool { return old.served.Load() > 20 })
		s.terminate(t)
		if !old.stopping.Load() {
			t.Errorf("replica %d stopped before the balancer saw that it was stopping", i)
		}
		b.add(start(t, h.database, slices.Concat(args, []string{"--redis", redis})...))
		eventually(t, "the new replica is ready", func() bool { return len(b.ready()) == len(replicas) })
	}
	for _, backend := range b.ready() {
		eventually(t, "the new replicas serve calls", func() bool { return backend.served.Load() > 20 })
	}
	stop()
	load.Wait()
	t.Logf("%d calls", len(r.calls))
}

// balancer sends each call to the next server that is ready.
type balancer struct {
	t    *testing.T
	mu   sync.Mutex
	all  []*backend
	turn int
}

// backend is a server of a balancer.
type backend struct {
	server          *server
	proxy           *httputil.ReverseProxy
	ready, stopping atomic.Bool // its last response; whether it ever said that it is stopping
	served          atomic.Int64
}

// add adds a server and polls its readiness from now on.
func (b *balancer) add(s *server) {
	to, err := url.Parse(s.url)
	if err != nil {
		b.t.Fatal(err)
	}
	one := &backend{server: s, proxy: httputil.NewSingleHostReverseProxy(to)}
	one.proxy.Transport = newHTTPClient().Transport
	one.proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, err.Error())
	}
	b.mu.Lock()
	b.all = append(b.all, one)
	b.mu.Unlock()
	go func() {
		c, tick := s.client(""), time.NewTicker(100*time.Millisecond)
		defer tick.Stop()
		for {
			a, err := c.call("GET", "/readyz", nil)
			one.ready.Store(err == nil && a.status == http.StatusOK)
			if a.status == http.StatusServiceUnavailable && bytes.Contains(a.body, []byte("stopping")) {
				one.stopping.Store(true)
			}
			select {
			case <-s.ended:
				one.ready.Store(false)
				return
			case <-tick.C:
			}
		}
	}()
}

func (b *balancer) of(s *server) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[slices.IndexFunc(b.all, func(one *backend) bool { return one.server == s })]
}

func (b *balancer) ready() (ready []*backend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.all {
		if one.ready.Load() {
			ready = append(ready, one)
		}
	}
	return ready
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ready := b.ready()
	if len(ready) == 0 {
		http.Error(w, "no server is ready", http.StatusServiceUnavailable)
		return
	}
	b.mu.Lock()
	b.turn++
	one := ready[b.turn%len(ready)]
	b.mu.Unlock()
	one.served.Add(1)
	one.proxy.ServeHTTP(w, r)
}
