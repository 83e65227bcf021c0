package testenv

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SentinelPrimary is the name by which the Sentinels of [StartSentinels] know their primary.
const SentinelPrimary = "memo"

// RedisGroup is several servers that replace each other, or that share the keys.
type RedisGroup struct {
	URL     string         // for memo serve --redis
	Servers []*RedisServer // without Sentinels
	// Sentinels watch the servers, of which the first is the primary at the start.
	Sentinels []*RedisServer
}

// StartSentinels starts a primary, its replica and three Sentinels, which replace a primary
// that has been unavailable for a second.
func StartSentinels(t testing.TB) *RedisGroup {
	t.Helper()
	primary := StartRedis(t, "--repl-diskless-sync-delay", "0")
	host, port, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	g := &RedisGroup{Servers: []*RedisServer{primary, StartRedis(t, "--replicaof", host+" "+port)}}
	var addresses []string
	for i := range 3 {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("sentinel%d.conf", i)) // Sentinels rewrite it
		err := os.WriteFile(file, fmt.Appendf(nil, "sentinel monitor %[1]s %[2]s %[3]s 2\n"+
			"sentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 5000\n",
			SentinelPrimary, host, port), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		s := StartRedis(t, file, "--sentinel")
		g.Sentinels, addresses = append(g.Sentinels, s), append(addresses, s.Addr)
	}
	Eventually(t, "every Sentinel knows the others and the replica", func() bool {
		for _, s := range g.Sentinels {
			// The state of a primary is a list of names and values.
			state := s.Do(t, "SENTINEL", "MASTER", SentinelPrimary)
			if !strings.Contains(state, "num-slaves 1 num-other-sentinels 2") {
				return false
			}
		}
		return strings.Contains(g.Servers[1].Do(t, "INFO", "replication"), "master_link_status:up")
	})
	g.URL = "redis+sentinel://" + strings.Join(addresses, ",") + "/" + SentinelPrimary
	return g
}

// StartCluster starts a cluster of three nodes, each with a third of the slots and without
// replicas.
func StartCluster(t testing.TB) *RedisGroup {
	t.Helper()
	g := &RedisGroup{}
	var addresses []string
	for i, slots := range []string{"0 5460", "5461 10922", "10923 16383"} {
		_, bus, err := net.SplitHostPort(FreeAddr())
		if err != nil {
			t.Fatal(err)
		}
		s := StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1000",
			"--cluster-config-file", filepath.Join(t.TempDir(), "nodes.conf")) // survives a restart
		first, last, _ := strings.Cut(slots, " ")
		s.Do(t, "CLUSTER", "ADDSLOTSRANGE", first, last)
		s.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i > 0 {
			host, port, _ := net.SplitHostPort(s.Addr)
			g.Servers[0].Do(t, "CLUSTER", "MEET", host, port, bus)
		}
		g.Servers, addresses = append(g.Servers, s), append(addresses, s.Addr)
	}
	Eventually(t, "every node knows all slots", func() bool {
		for _, s := range g.Servers {
			info := s.Do(t, "CLUSTER", "INFO")
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	})
	g.URL = "redis+cluster://" + strings.Join(addresses, ",")
	return g
}
