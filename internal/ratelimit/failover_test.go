package ratelimit // see ratelimit_test.go

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

// loaded is three replicas that get calls of one subject all the time.
type loaded struct {
	subject  string
	replicas []*Shared
	accepted atomic.Int64
	running  sync.WaitGroup
	stop     context.CancelFunc
}

// startLoad starts three replicas and ten callers of each. The test calls end.
func startLoad(t *testing.T, url, subject string) *loaded {
	ctx, stop := context.WithCancel(t.Context())
	l := &loaded{subject: subject, stop: stop}
	for range 3 {
		l.replicas = append(l.replicas, NewShared(newRedisWithServerTimeouts(t, url), discard))
	}
	for _, s := range l.replicas {
		s.sendHeartbeat() // so that every replica knows all of them
		l.running.Go(func() { s.Run(ctx) })
		for range 10 {
			l.running.Go(func() {
				for ctx.Err() == nil {
					if d, _ := s.Take(ctx, Data, subject); d.Accepted {
						l.accepted.Add(1)
					}
					time.Sleep(time.Millisecond) // the machine also runs Redis
				}
			})
		}
	}
	waitUntil(t, func() bool { return l.accepted.Load() > 100 })
	return l
}

// end ends the load, uses up what is left of every limit, and returns how many calls were
// accepted.
func (l *loaded) end() int64 {
	l.stop()
	l.running.Wait()
	for _, s := range l.replicas {
		for range 500 {
			if d, _ := s.Take(context.Background(), Data, l.subject); d.Accepted {
				l.accepted.Add(1)
			}
		}
	}
	return l.accepted.Load()
}

// allUse reports whether every replica describes its source in this way.
func (l *loaded) allUse(source string) func() bool {
	return func() bool {
		return !slices.ContainsFunc(l.replicas, func(s *Shared) bool { return s.Describe() != source })
	}
}

// fallbacks returns how often a replica fell back to its own window.
func (l *loaded) fallbacks() (n int) {
	for _, s := range l.replicas {
		_, fallbacks, _ := s.State()
		n += fallbacks
	}
	return n
}

// How many calls three replicas accept within the minute of a failure of Redis, if all of them
// notice it. See [Shared]. At least each uses its share, which is that of one of six replicas
// while Redis still counts those of the load before.
const (
	leastInFailure = 3 * (500 / 6)
	mostInFailure  = 500 + 2*(500/3)
)

// TestSentinelFailover: when the primary crashes under load, the replicas fall back to their own
// windows, use the new primary without a restart, and stay within their bound. So does a failover
// that an operator starts, when the former primary has come back as a replica.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	group := testenv.StartSentinels(t)
	first, second := group.Servers[0], group.Servers[1]
	is := func(s *testenv.RedisServer, state string) func() bool {
		return func() bool {
			info, _ := s.Try("INFO", "replication") // a server that becomes a replica breaks connections
			return strings.Contains(info, state)
		}
	}

	checkStatus(t, group.URL, Status{Role: "master"})
	l := startLoad(t, group.URL, "crash")
	first.Stop()
	killed := time.Now()
	waitUntil(t, l.allUse("own window, redis does not answer"))
	waitUntil(t, l.allUse("redis"))
	t.Logf("all replicas use the new primary %v after the crash", time.Since(killed).Round(time.Millisecond))
	if !is(second, "role:master")() {
		t.Error("the second server is not the primary")
	}
	if n := l.end(); n < leastInFailure || n > mostInFailure {
		t.Errorf("%d calls were accepted, want %d to %d", n, leastInFailure, mostInFailure)
	}

	first.Restart(t)
	waitUntil(t, is(first, "master_link_status:up"))
	waitUntil(t, is(second, "state=online")) // it sends writes only from then on
	l = startLoad(t, group.URL, "switch")
	waitUntil(t, func() bool { // refused for a few seconds after the other failover
		_, err := group.Sentinels[0].Try("SENTINEL", "FAILOVER", testenv.SentinelPrimary)
		return err == nil
	})
	waitUntil(t, is(first, "role:master"))
	waitUntil(t, is(second, "role:slave"))
	waitUntil(t, l.allUse("redis"))
	t.Logf("%d fallbacks in a failover that an operator started", l.fallbacks())
	// The replica is promoted with the writes that it has received, and no caller meets a failure.
	// If the last writes had not reached it, the windows are lost once. See [Shared].
	if n := l.end(); n < leastInFailure || n > 2*500 {
		t.Errorf("%d calls were accepted, want %d to %d", n, leastInFailure, 2*500)
	}
}

// TestSentinelWithPasswordsAndTLS: a Sentinel and its primary with a password each, over TLS.
func TestSentinelWithPasswordsAndTLS(t *testing.T) {
	_, certificate, key := testenv.Certificate(t)
	t.Setenv("SSL_CERT_FILE", certificate)
	start := func(password string, args ...string) (address, port string) {
		address = testenv.FreeAddr()
		_, port, _ = net.SplitHostPort(address)
		testenv.StartRedis(t, append(args, "--requirepass", password, "--tls-port", port, "--tls-cert-file", certificate,
			"--tls-key-file", key, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no", "--tls-replication", "yes")...)
		return address, port
	}
	_, port := start("one")
	file := filepath.Join(t.TempDir(), "sentinel.conf") // the Sentinel rewrites it
	config := fmt.Sprintf("sentinel monitor memo 127.0.0.1 %s 1\nsentinel auth-pass memo one\n", port)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel, _ := start("two", file, "--sentinel")

	take := func(scheme, password, sentinelPassword string) error {
		url := scheme + "://:" + password + "@" + sentinel + "/memo?sentinel_password=" + sentinelPassword
		_, err := newRedis(t, url).Take(t.Context(), Data, "key")
		return err
	}
	if err := take("rediss+sentinel", "one", "two"); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"the password of the primary":  take("rediss+sentinel", "two", "two"),
		"the password of the Sentinel": take("rediss+sentinel", "one", "one"),
		"TLS":                          take("redis+sentinel", "one", "two"),
	} {
		if err == nil {
			t.Errorf("a call succeeded without %s", name)
		}
	}
}

// TestCluster: the limit is exact in a cluster, also while the windows move to another node, and
// within its bound when the node that has them crashes.
func TestCluster(t *testing.T) {
	t.Parallel()
	group := testenv.StartCluster(t)
	key := newRedis(t, group.URL).prefix + string(Data) + ":key"
	slot := group.Servers[0].Do(t, "CLUSTER", "KEYSLOT", key)
	owner := slices.IndexFunc(group.Servers, func(s *testenv.RedisServer) bool {
		_, err := s.Try("EXISTS", key)
		return err == nil // the others say MOVED
	})
	from, to := group.Servers[owner], group.Servers[(owner+1)%3]

	checkStatus(t, group.URL, Status{Role: "master", Cluster: true, ClusterAddress: true})
	checkStatus(t, from.URL(), Status{Role: "master", Cluster: true})
	l := startLoad(t, group.URL, "key")
	moveSlot(t, slot, from, to, group.Servers)
	fallbacks := l.fallbacks()
	if n := l.end(); n > mostInFailure || fallbacks == 0 && n != 500 {
		t.Errorf("%d calls were accepted with %d fallbacks, want 500 without any", n, fallbacks)
	}
	t.Logf("%d fallbacks while the slot moved", fallbacks)

	l = startLoad(t, group.URL, "crash")
	to.Stop()
	waitUntil(t, l.allUse("own window, redis does not answer"))
	to.Restart(t)
	waitUntil(t, l.allUse("redis"))
	if n := l.end(); n < leastInFailure || n > mostInFailure {
		t.Errorf("%d calls were accepted, want %d to %d", n, leastInFailure, mostInFailure)
	}
}

// moveSlot moves a slot with its keys from a node of a cluster to another, as redis-cli
// --cluster reshard does.
func moveSlot(t *testing.T, slot string, from, to *testenv.RedisServer, nodes []*testenv.RedisServer) {
	t.Helper()
	fromID, toID := from.Do(t, "CLUSTER", "MYID"), to.Do(t, "CLUSTER", "MYID")
	to.Do(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	from.Do(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	host, port, _ := strings.Cut(to.Addr, ":")
	for {
		keys := strings.Fields(strings.Trim(from.Do(t, "CLUSTER", "GETKEYSINSLOT", slot, 10), "[]"))
		if len(keys) == 0 {
			break
		}
		for _, key := range keys {
			from.Do(t, "MIGRATE", host, port, key, 0, 5000)
		}
		time.Sleep(10 * time.Millisecond) // calls meet the slot while it moves
	}
	for _, s := range append([]*testenv.RedisServer{to, from}, nodes...) {
		s.Do(t, "CLUSTER", "SETSLOT", slot, "NODE", toID)
	}
}

// checkStatus compares what memo doctor reads at an address with want, except for what differs
// from server to server.
func checkStatus(t *testing.T, url string, want Status) {
	t.Helper()
	got, err := newRedis(t, url).ReadStatus(t.Context())
	want.Server, want.Latency, want.ClockOffset, want.Used = got.Server, got.Latency, got.ClockOffset, got.Used
	want.Host, want.EvictionPolicy = "127.0.0.1", "noeviction"
	if err != nil || got != want || got.Latency <= 0 || got.Used <= 0 {
		t.Errorf("the status of %s is %+v, %v, want %+v", url, got, err, want)
	}
}
