package ratelimit

import (
	"context"
	"crypto/tls"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Timeouts of one request to Redis. It fails in less than two seconds, even if Redis accepts
// connections and does not respond.
const (
	connectTimeout = 500 * time.Millisecond // to connect, with TLS; twice that to get a connection from the pool
	replyTimeout   = 250 * time.Millisecond // for each command: a request sends one, or three in the worst case
	maxConnections = 64
	idleTimeout    = 5 * time.Minute
)

var (
	//go:embed take.lua
	takeSource string
	takeScript = redis.NewScript(1, takeSource)
	//go:embed heartbeat.lua
	heartbeatSource string
	heartbeatScript = redis.NewScript(1, heartbeatSource)
)

// Redis is a [Source] that any number of processes share. Each call runs one script, in one
// round trip, by the clock of Redis. It needs Redis 5 or Valkey, and must connect to a primary,
// because a Redis replica accepts no writes. It returns an error if Redis fails; [Shared] does
// not.
//
// If the clock of Redis is set back, the stored times move with it. If it is set forward,
// calls stop counting too early, as if Redis had lost its data.
type Redis struct {
	limits         map[Class]int
	span           time.Duration
	pool           *redis.Pool
	connect, reply time.Duration // timeouts
	prefix         string
	clock          func() time.Duration // for tests; nil means the clock of Redis
	opened         time.Time
	host           string
	encrypted      bool
	lastFailure    atomic.Int64 // in nanoseconds after opened
}

// errRedisURL does not repeat the address, which may contain a password.
var errRedisURL = errors.New("must be an address such as redis://:PASSWORD@HOST:6379/0, or rediss://… for TLS")

// NewRedis returns a Redis with these limits over [Period], at an address such as
// redis://USER:PASSWORD@HOST:6379/0, or rediss://… for TLS; user, password, port and database
// are optional. It does not connect, and fails only if the address is invalid.
func NewRedis(address string, limits map[Class]int) (*Redis, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errRedisURL
	}
	var options []redis.DialOption
	switch u.Scheme {
	case "redis":
	case "rediss":
		secure := &tls.Dialer{Config: &tls.Config{ServerName: u.Hostname()}}
		options = append(options, redis.DialContextFunc(secure.DialContext))
	default:
		return nil, errRedisURL
	}
	if u.User != nil {
		password, ok := u.User.Password()
		if !ok {
			return nil, errRedisURL
		}
		options = append(options, redis.DialUsername(u.User.Username()), redis.DialPassword(password))
	}
	if name := strings.Trim(u.Path, "/"); name != "" {
		database, err := strconv.ParseUint(name, 10, 31)
		if err != nil {
			return nil, errRedisURL
		}
		options = append(options, redis.DialDatabase(int(database)))
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	host := net.JoinHostPort(u.Hostname(), port)
	r := &Redis{
		limits: limits, span: Period + windowSlack, connect: connectTimeout, reply: replyTimeout, opened: time.Now(),
		// All keys have the same hash tag, so that a cluster stores them on one node.
		prefix: "{memo:limit}:",
		host:   u.Hostname(), encrypted: u.Scheme == "rediss",
	}
	r.pool = &redis.Pool{
		MaxActive: maxConnections, MaxIdle: maxConnections, Wait: true, IdleTimeout: idleTimeout,
		TestOnBorrow: r.checkConnAge,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, r.connect)
			defer cancel()
			return redis.DialContext(ctx, "tcp", host,
				append(slices.Clip(options), redis.DialReadTimeout(r.reply), redis.DialWriteTimeout(r.reply))...)
		},
	}
	return r, nil
}

// Close closes the connections.
func (r *Redis) Close() error { return r.pool.Close() }

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
	v, err := redis.Int64s(r.runScript(takeScript, r.prefix+string(class)+":"+id, limit, r.span.Microseconds(), now))
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
	replicas, err = redis.Int(r.runScript(heartbeatScript, r.prefix+"replicas", id, expiry.Milliseconds()))
	if err != nil {
		err = fmt.Errorf("ratelimit: redis: %w", err)
	}
	return replicas, err
}

// runScript runs a script. If the connection turns out to be broken, it retries once on a new
// one, because a restart of Redis breaks all idle connections. At worst the call is counted
// twice.
func (r *Redis) runScript(script *redis.Script, keyAndArgs ...any) (any, error) {
	// Do not use the context of the caller: its end would look like a failure of Redis.
	ctx, cancel := context.WithTimeout(context.Background(), 2*r.connect)
	defer cancel()
	reply, broken, err := r.runOnce(ctx, script, keyAndArgs)
	if broken {
		reply, _, err = r.runOnce(ctx, script, keyAndArgs)
	}
	return reply, err
}

func (r *Redis) runOnce(ctx context.Context, script *redis.Script, keyAndArgs []any) (reply any, broken bool,
	err error,
) {
	c, err := r.pool.GetContext(ctx)
	if err != nil {
		return nil, false, err
	}
	reply, err = script.Do(c, keyAndArgs...)
	broken = c.Err() != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	c.Close()
	if err != nil {
		r.lastFailure.Store(int64(time.Since(r.opened)))
	}
	return reply, broken, err
}

// checkConnAge returns an error for a connection that has been idle since before the last
// failure: it may be broken, or lead to a former primary.
func (r *Redis) checkConnAge(_ redis.Conn, idle time.Time) error {
	if int64(idle.Sub(r.opened)) < r.lastFailure.Load() {
		return errStaleConn
	}
	return nil
}

var errStaleConn = errors.New("ratelimit: the connection has been idle since before the last failure")

// Status describes a Redis server, for memo doctor.
type Status struct {
	Server         string        // the name and version of its software
	Latency        time.Duration // of one request
	ClockOffset    time.Duration // its clock minus ours
	Role           string        // in the words of Redis: master, or slave for a replica
	Cluster        bool          // a node of a cluster
	EvictionPolicy string        // maxmemory-policy; limits are exact only with noeviction
	Used, Max      int64         // memory in bytes; Max 0 means unlimited
	Host           string
	Encrypted      bool // the connection uses TLS
}

// ReadStatus reads the status of a Redis server.
func (r *Redis) ReadStatus(ctx context.Context) (status Status, err error) {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		return status, fmt.Errorf("ratelimit: redis: %w", err)
	}
	defer conn.Close()
	begun := time.Now()
	clock, err := redis.Int64s(conn.Do("TIME"))
	if err == nil && len(clock) != 2 {
		err = fmt.Errorf("%d values", len(clock))
	}
	if err != nil {
		return status, fmt.Errorf("ratelimit: redis: TIME: %w", err)
	}
	status.Latency = time.Since(begun)
	status.ClockOffset = time.Unix(clock[0], clock[1]*1000).Sub(begun.Add(status.Latency / 2))
	text, err := redis.String(conn.Do("INFO"))
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
	status.Cluster = info["cluster_enabled"] == "1"
	status.Role, status.EvictionPolicy = info["role"], info["maxmemory_policy"]
	status.Host, status.Encrypted = r.host, r.encrypted
	status.Used, _ = strconv.ParseInt(info["used_memory"], 10, 64) // 0 if it is missing
	status.Max, _ = strconv.ParseInt(info["maxmemory"], 10, 64)
	return status, nil
}
