package ratelimit

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed take.lua
	takeSource string
	takeScript = redis.NewScript(takeSource)
	//go:embed heartbeat.lua
	heartbeatSource string
	heartbeatScript = redis.NewScript(heartbeatSource)
)

// Redis is a [Source] that any number of processes share. Each call runs one script, in one
// round trip, by the clock of Redis. It needs Redis 5 or Valkey: one primary, because a Redis
// replica accepts no writes, the primary that Sentinels name, or a cluster. It returns an error
// if Redis fails; [Shared] does not.
//
// All keys have the same hash tag, so one node of a cluster has all windows and the heartbeats.
// A heartbeat therefore notices when the windows are unavailable or have moved to another node
// by a failover, and one node runs far more scripts than the servers can send.
//
// If the clock of Redis is set back, the stored times move with it. If it is set forward,
// calls stop counting too early, as if Redis had lost its data.
type Redis struct {
	limits  map[Class]int
	span    time.Duration
	client  *redisClient
	prefix  string
	clock   func() time.Duration // for tests; nil means the clock of Redis
	address redisAddress
}

// NewRedis returns a Redis with these limits over [Period], at an address such as
// redis://USER:PASSWORD@HOST:6379/0, redis+sentinel://USER:PASSWORD@HOST,HOST/PRIMARY/0 or
// redis+cluster://USER:PASSWORD@HOST,HOST, or with rediss instead of redis for TLS; user,
// password, ports and database are optional. It does not connect, and fails only if the address
// is invalid.
func NewRedis(address string, limits map[Class]int) (*Redis, error) {
	return newRedisWithTimeouts(address, limits, serverTimeouts)
}

func newRedisWithTimeouts(address string, limits map[Class]int, timeouts redisTimeouts) (*Redis, error) {
	a, err := parseRedisAddress(address)
	if err != nil {
		return nil, err
	}
	client := newRedisClient(timeouts, func() redis.UniversalClient { return a.open(timeouts) })
	return &Redis{
		limits: limits, span: Period + windowSlack, client: client, prefix: "{memo:limit}:", address: a,
	}, nil
}

// Close closes the connections.
func (r *Redis) Close() error { return r.client.close() }

// Limit returns how many calls of a class are accepted within [Period].
func (r *Redis) Limit(class Class) int { return r.limits[class] }

// Take implements [Source]. It ignores the end of its context, so that the call is counted
// even if the client disconnects. If Take fails, the call may still have been counted.
func (r *Redis) Take(_ context.Context, class Class, id string) (Decision, error) {
	limit := r.limits[class]
	if limit <= 0 {
		return new(Window).Hold(0, limit, r.span), nil
	}
	now := ""
	if r.clock != nil {
		now = strconv.FormatInt(r.clock().Microseconds(), 10)
	}
	v, err := r.client.run(takeScript, r.prefix+string(class)+":"+id, limit, r.span.Microseconds(), now).Int64Slice()
	if err != nil {
		return Decision{}, fmt.Errorf("ratelimit: redis: %w", err)
	}
	if len(v) != 4 {
		return Decision{}, fmt.Errorf("ratelimit: redis: the script returned %d values, want 4", len(v))
	}
	return Decision{
		Accepted: v[0] == 1, Limit: limit, Remaining: int(v[1]),
		RetryAfter: time.Duration(v[2]) * time.Microsecond,
		Reset:      min(time.Duration(v[3])*time.Microsecond, Period),
	}, nil
}

// heartbeat records that the replica with this id is running, and returns how many replicas
// have sent a heartbeat within expiry.
func (r *Redis) heartbeat(id string, expiry time.Duration) (replicas int, err error) {
	replicas, err = r.client.run(heartbeatScript, r.prefix+"replicas", id, expiry.Milliseconds()).Int()
	if err != nil {
		err = fmt.Errorf("ratelimit: redis: %w", err)
	}
	return replicas, err
}

// Status describes a Redis server, for memo doctor.
type Status struct {
	Server         string        // the name and version of its software
	Latency        time.Duration // of one request
	ClockOffset    time.Duration // its clock minus ours
	Role           string        // in the words of Redis: master, or slave for a replica
	Cluster        bool          // a node of a cluster
	ClusterAddress bool          // the address is that of a cluster, so calls find their node
	EvictionPolicy string        // maxmemory-policy; limits are exact only with noeviction
	Used, Max      int64         // memory in bytes; Max 0 means unlimited
	Host           string        // the first in the address
	Encrypted      bool          // the connection uses TLS
}

// ReadStatus reads the status of the server that counts the calls.
func (r *Redis) ReadStatus(ctx context.Context) (status Status, err error) {
	server, err := r.client.primary(ctx, r.prefix)
	if err == nil {
		err = server.Ping(ctx).Err() // connects, which is not part of the latency
	}
	if err != nil {
		return status, fmt.Errorf("ratelimit: redis: %w", err)
	}
	begun := time.Now()
	clock, err := server.Time(ctx).Result()
	if err != nil {
		return status, fmt.Errorf("ratelimit: redis: TIME: %w", err)
	}
	status.Latency = time.Since(begun)
	status.ClockOffset = clock.Sub(begun.Add(status.Latency / 2))
	text, err := server.Info(ctx).Result()
	if err != nil {
		return status, fmt.Errorf("ratelimit: redis: INFO: %w", err)
	}
	info := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = value
	}
	status.Server = "Redis " + info["redis_version"]
	if v := info["valkey_version"]; v != "" {
		status.Server = "Valkey " + v
	}
	status.Cluster, status.ClusterAddress = info["cluster_enabled"] == "1", r.address.cluster
	status.Role, status.EvictionPolicy = info["role"], info["maxmemory_policy"]
	status.Host, _, _ = net.SplitHostPort(r.address.hosts[0])
	status.Encrypted = r.address.encrypted
	status.Used, _ = strconv.ParseInt(info["used_memory"], 10, 64) // 0 if it is missing
	status.Max, _ = strconv.ParseInt(info["maxmemory"], 10, 64)
	return status, nil
}
