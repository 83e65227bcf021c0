package ratelimit

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// The library logs every failed connection as plain text. [Shared] logs when Redis becomes
// unavailable, once.
func init() { logging.Disable() }

// redisTimeouts are the timeouts of one request to Redis.
type redisTimeouts struct {
	connect time.Duration // to connect, with TLS
	reply   time.Duration // for each command: a request sends one, or a few if the script or the node is unknown
}

// serverTimeouts let a request fail in less than two seconds, even if Redis accepts connections
// and does not respond.
var serverTimeouts = redisTimeouts{connect: 500 * time.Millisecond, reply: 250 * time.Millisecond}

// pool is how long a request may wait for a connection.
func (t redisTimeouts) pool() time.Duration { return 2 * t.connect }

// request is how long a request may take, with its retry.
func (t redisTimeouts) request() time.Duration { return t.pool() + 3*t.reply }

// redisClient sends scripts to the primary of a Redis: one server, the primary that Sentinels
// name, or the node of a cluster that has the key.
type redisClient struct {
	open     func() redis.UniversalClient
	timeouts redisTimeouts

	mu      sync.Mutex
	current redis.UniversalClient
}

func newRedisClient(timeouts redisTimeouts, open func() redis.UniversalClient) *redisClient {
	return &redisClient{open: open, timeouts: timeouts, current: open()}
}

func (c *redisClient) get() redis.UniversalClient {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// replace returns a client that is newer than failed. The idle connections of failed may be
// broken, or lead to a former primary. Its running requests continue.
func (c *redisClient) replace(failed redis.UniversalClient) redis.UniversalClient {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == failed {
		c.current = c.open()
		time.AfterFunc(c.timeouts.request(), func() { failed.Close() })
	}
	return c.current
}

func (c *redisClient) close() error { return c.get().Close() }

// run runs a script. If the connection turns out to be broken, it retries once on a new one,
// because a restart of Redis breaks all idle connections. At worst the call is counted twice.
func (c *redisClient) run(script *redis.Script, key string, args ...any) *redis.Cmd {
	// Do not use the context of the caller: its end would look like a failure of Redis.
	ctx, cancel := context.WithTimeout(context.Background(), c.timeouts.request())
	defer cancel()
	client, keys := c.get(), []string{key}
	reply := script.Run(ctx, client, keys, args...)
	if reply.Err() == nil {
		return reply
	}
	client = c.replace(client)
	if isBroken(reply.Err()) {
		if reply = script.Run(ctx, client, keys, args...); reply.Err() != nil {
			c.replace(client)
		}
	}
	return reply
}

// isBroken reports whether err means that there was no connection: Redis has not refused the
// command, and has not been slow.
func isBroken(err error) bool {
	if _, refused := errors.AsType[redis.Error](err); refused {
		return false
	}
	network, ok := errors.AsType[net.Error](err)
	return !ok || !network.Timeout()
}

// primary returns the client of the one server that has key.
func (c *redisClient) primary(ctx context.Context, key string) (redis.Cmdable, error) {
	client := c.get()
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return client, nil
}
