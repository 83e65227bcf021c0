package ratelimit

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	maxConnections = 64
	idleTimeout    = 5 * time.Minute
	bufferSize     = 4 << 10 // for each connection and direction: a reply is four integers
)

// redisAddress is a parsed address of Redis.
type redisAddress struct {
	hosts              []string // with port
	user, password     string
	database           int
	encrypted, cluster bool
	// For Sentinel: the name of the primary, and the sign-in of the Sentinels.
	primary, sentinelUser, sentinelPassword string
}

// errRedisURL does not repeat the address, which may contain a password.
var errRedisURL = errors.New("must be an address such as redis://:PASSWORD@HOST:6379/0, " +
	"redis+sentinel://:PASSWORD@HOST:26379,HOST:26379/PRIMARY/0 or redis+cluster://:PASSWORD@HOST:6379,HOST:6379; " +
	"with TLS rediss://…, rediss+sentinel://… or rediss+cluster://…")

// parseRedisAddress parses an address in one of the forms that errRedisURL names.
func parseRedisAddress(address string) (a redisAddress, err error) {
	scheme, rest, _ := strings.Cut(address, "://")
	kind := scheme
	if after, ok := strings.CutPrefix(scheme, "rediss"); ok {
		kind, a.encrypted = "redis"+after, true
	}
	a.cluster = kind == "redis+cluster"
	defaultPort := "6379"
	if kind == "redis+sentinel" {
		defaultPort = "26379"
	}
	// Each host is parsed as if it were the only one, because net/url does not parse lists.
	end := strings.IndexAny(rest+"/", "/?#")
	authority, path := rest[:end], rest[end:]
	at := strings.LastIndex(authority, "@") + 1
	hosts := strings.Split(authority[at:], ",")
	var u *url.URL
	for _, host := range hosts {
		if u, err = url.Parse("redis://" + authority[:at] + host + path); err != nil || u.Hostname() == "" {
			return a, errRedisURL
		}
		a.hosts = append(a.hosts, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), defaultPort)))
	}
	if u.User != nil {
		var ok bool
		a.user = u.User.Username()
		if a.password, ok = u.User.Password(); !ok {
			return a, errRedisURL
		}
	}
	query, database := u.Query(), strings.Trim(u.Path, "/")
	valid := u.Fragment == ""
	switch kind {
	case "redis":
		valid = valid && len(hosts) == 1
	case "redis+cluster":
		valid = valid && database == "" // a cluster has no other
	case "redis+sentinel":
		a.primary, database, _ = strings.Cut(database, "/")
		a.sentinelUser, a.sentinelPassword = query.Get("sentinel_username"), query.Get("sentinel_password")
		query.Del("sentinel_username")
		query.Del("sentinel_password")
		valid = valid && a.primary != "" && (a.sentinelUser == "" || a.sentinelPassword != "")
	default:
		valid = false
	}
	if database != "" {
		n, err := strconv.ParseUint(database, 10, 31)
		a.database, valid = int(n), valid && err == nil
	}
	if !valid || len(query) > 0 || err != nil {
		return a, errRedisURL
	}
	return a, nil
}

// open returns a client. It does not connect.
func (a redisAddress) open(timeouts redisTimeouts) redis.UniversalClient {
	dialer := &net.Dialer{Timeout: timeouts.connect}
	o := &redis.UniversalOptions{
		Addrs: a.hosts, Username: a.user, Password: a.password, DB: a.database, Dialer: dialer.DialContext,
		MasterName: a.primary, SentinelUsername: a.sentinelUser, SentinelPassword: a.sentinelPassword,
		PoolSize: maxConnections, PipelinePoolSize: -1, ConnMaxIdleTime: idleTimeout,
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
		DialTimeout: timeouts.connect, PoolTimeout: timeouts.pool(),
		ReadTimeout: timeouts.reply, WriteTimeout: timeouts.reply, ContextTimeoutEnabled: true,
		// run retries, because the library would also retry what has taken long.
		MaxRetries: -1, DialerRetries: 1,
		MaxRedirects: 2, // within a cluster: a slot that moves is at most one node and one key further
		// Nothing is sent on a new connection but the sign-in and the database.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if a.encrypted { // the certificate must be valid for the host that is dialled
		o.Dialer = (&tls.Dialer{NetDialer: dialer}).DialContext
	}
	switch {
	case a.cluster:
		cluster := o.Cluster()
		cluster.DisableRoutingPolicies = true // they are for commands of all nodes
		return redis.NewClusterClient(cluster)
	case a.primary != "":
		return redis.NewFailoverClient(o.Failover())
	default:
		return redis.NewClient(o.Simple())
	}
}
