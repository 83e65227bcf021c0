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

// Bounds of one question to Redis. Together they keep a caller for well under
// two seconds, also where the server takes connections and says nothing.
const (
	connectTimeout = 500 * time.Millisecond // for a new connection with its TLS and password, and as long for a free one
	replyTimeout   = 250 * time.Millisecond // for each command: one, or three in the worst case
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

// Redis is a [Source] that any number of processes share: one script, one round
// trip and Redis's own clock for every call. It needs a Redis of version 5, or
// a Valkey, that takes writes: no replica of one. It fails where Redis fails;
// [Shared] goes on.
//
// If Redis's clock is set back, what is kept moves along with it. If it is set
// forward, calls are forgotten early, as if Redis had lost them.
type Redis struct {
	limits         map[Class]int
	span           time.Duration
	pool           *redis.Pool
	connect, reply time.Duration // how long to wait
	prefix         string
	clock          func() time.Duration // of tests; nil is Redis's own
	opened         time.Time
	host           string
	encrypted      bool
	fault          atomic.Int64 // when a question failed last, in nanoseconds after opened
}

// errRedisURL does not repeat the address, for there may be a password in it.
var errRedisURL = errors.New("must be an address such as redis://:PASSWORD@HOST:6379/0, or rediss://… for TLS")

// NewRedis keeps the given limits over [Period] in the Redis at an address such
// as redis://USER:PASSWORD@HOST:6379/0, or rediss://… for TLS; user, password,
// port and database may be left out. It does not connect: it fails only where
// the address is none.
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
		// One hash tag for all: on a cluster they are in one place, which either
		// answers or does not.
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

// Close ends the connections.
func (r *Redis) Close() error { return r.pool.Close() }

// Limit returns how many calls of a class are accepted within [Period].
func (r *Redis) Limit(class Class) int { return r.limits[class] }

// Take implements [Source]. A call is counted even if its caller has left, and
// may be counted where Take fails.
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
		return Decision{}, fmt.Errorf("ratelimit: redis: a reply of %d values", len(v))
	}
	return Decision{
		Accepted: v[0] == 1, Limit: limit, Remaining: int(v[1]),
		RetryAfter: time.Duration(v[2]) * time.Microsecond,
		Reset:      min(time.Duration(v[3])*time.Microsecond, Period),
	}, nil
}

// heartbeat notes that the replica id lives, and returns how many have said so
// within life.
func (r *Redis) heartbeat(id string, life time.Duration) (replicas int, err error) {
	replicas, err = redis.Int(r.runScript(heartbeatScript, r.prefix+"replicas", id, life.Milliseconds()))
	if err != nil {
		err = fmt.Errorf("ratelimit: redis: %w", err)
	}
	return replicas, err
}

// runScript runs a script. A connection that broke is tried once more on a new one:
// all that lay idle while Redis was restarted are broken, and Redis is there.
// At worst the call is counted twice.
func (r *Redis) runScript(script *redis.Script, keyAndArgs ...any) (any, error) {
	// A caller who leaves must not look like a Redis that does not answer.
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
		r.fault.Store(int64(time.Since(r.opened)))
	}
	return reply, broken, err
}

// checkConnAge refuses a connection that has been idle since before the last fault.
// It may be broken, or lead to what is no longer the primary.
func (r *Redis) checkConnAge(_ redis.Conn, idle time.Time) error {
	if int64(idle.Sub(r.opened)) < r.fault.Load() {
		return errStaleConn
	}
	return nil
}

var errStaleConn = errors.New("ratelimit: the connection is older than the last fault")

// Status is what there is to know about a Redis, for memo doctor.
type Status struct {
	Server         string        // the name and version of its software
	Latency        time.Duration // of one question
	ClockOffset    time.Duration // its clock, as compared with ours
	Role           string        // master, or slave for one that takes no writes
	Cluster        bool          // it knows a part of the keys only
	EvictionPolicy string        // what it does when its memory is full; noeviction keeps the limits exact
	Used, Max      int64         // bytes of memory; Max 0 is no bound
	Host           string
	Encrypted      bool // the line to it
}

// ReadStatus asks a Redis how it is.
func (r *Redis) ReadStatus(ctx context.Context) (c Status, err error) {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		return c, fmt.Errorf("ratelimit: redis: %w", err)
	}
	defer conn.Close()
	begun := time.Now()
	clock, err := redis.Int64s(conn.Do("TIME"))
	if err != nil || len(clock) != 2 {
		return c, fmt.Errorf("ratelimit: redis: TIME: %w", err)
	}
	c.Latency = time.Since(begun)
	c.ClockOffset = time.Unix(clock[0], clock[1]*1000).Sub(begun.Add(c.Latency / 2))
	text, err := redis.String(conn.Do("INFO"))
	if err != nil {
		return c, fmt.Errorf("ratelimit: redis: INFO: %w", err)
	}
	info := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = value
	}
	c.Server = "Redis " + info["redis_version"]
	if v := info["valkey_version"]; v != "" {
		c.Server = "Valkey " + v
	}
	c.Cluster = info["cluster_enabled"] == "1"
	c.Role, c.EvictionPolicy, c.Host, c.Encrypted = info["role"], info["maxmemory_policy"], r.host, r.encrypted
	c.Used, _ = strconv.ParseInt(info["used_memory"], 10, 64) // 0 where it does not say
	c.Max, _ = strconv.ParseInt(info["maxmemory"], 10, 64)
	return c, nil
}
