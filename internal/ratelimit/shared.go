package ratelimit

import (
	"context"
	"crypto/rand"
	"log/slog"
	"math"
	"sync"
	"time"
)

const (
	heartbeatInterval = time.Second      // between heartbeats of a replica
	heartbeatExpiry   = 10 * time.Second // how long a replica counts after its heartbeat

	// assumedReplicas is the number of replicas that a replica assumes until it has reached
	// Redis.
	assumedReplicas = 4
)

// Shared is the [Source] of one replica among several. Redis decides while it responds.
// While it does not, or returns an error, each replica decides by its own window and its
// share of the limit. The own window has every call that the replica accepted, including
// those that Redis decided. For one span after Redis has returned, a call needs both,
// because Redis may have missed calls and may have lost its data.
//
// No call waits for a Redis that is known to be down: the calls that meet the failure wait
// for less than two seconds, and then only the background checks Redis until it responds.
//
// With limit N, R replicas and the share S = N/R of each, rounded down and at least 1, the
// calls of a subject that are accepted in any [Period] are at most
//
//   - N, if Redis responded to all replicas throughout
//   - R·S, which is at most N or R, if Redis decided for none of them
//   - N + (R-1)·S, which is less than 2N unless N < R, if Redis failed or returned within
//     the period, for some replicas or for all, with or without its data
//   - N more for each time in the period that Redis lost its windows and a replica did not
//     see it fail: FLUSHALL, an eviction, a failover or a restart within a second, or its
//     clock set forward. So once is 2N
//   - N more for each time that Redis returned empty, if a replica was restarted in the span
//     after that, because both have lost the earlier calls
//   - N/4 more for each replica that was restarted within the period while Redis was down,
//     because its own window is lost and it does not know the other replicas
//
// While Redis is down, and for a span after, a caller whose calls all reach one replica gets
// S instead of N.
//
// R is the number of replicas that Redis last reported to all of them. If they have different
// numbers, each uses its own share: a replica that was alone when Redis failed has N, one that
// never reached Redis has N/4 ([assumedReplicas]), and the others stop counting a replica that
// Redis has not seen for ten seconds. Then the sum of these shares replaces R·S.
type Shared struct {
	redis *Redis
	own   *Memory
	log   *slog.Logger
	id    string

	mu        sync.Mutex
	redisDown bool          // as far as is known
	fallbacks int           // number of failures
	needsBoth time.Duration // until when a call also needs the own share, on the own clock
	replicas  int           // at least 1
	counted   time.Duration // when this number was last confirmed, on the own clock
}

// NewShared returns a Shared on r. It asks Redis once, which may take a second. Call
// [Shared.Run] to check Redis in the background.
func NewShared(r *Redis, log *slog.Logger) *Shared {
	s := &Shared{
		redis: r, own: NewMemory(r.limits), log: log, id: rand.Text(),
		replicas: assumedReplicas, counted: math.MinInt64 / 2,
	}
	s.sendHeartbeat()
	return s
}

// Run checks in the background until ctx ends whether Redis responds and how many replicas
// there are.
func (s *Shared) Run(ctx context.Context) {
	tick := time.NewTicker(heartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.sendHeartbeat()
		}
	}
}

// State returns whether Redis decides, how often it failed since the start, and the number of
// replicas.
func (s *Shared) State() (redis bool, fallbacks, replicas int) {
	st := s.snapshot()
	return !st.redisDown, st.fallbacks, st.replicas
}

// Describe says for /readyz who decides the limits.
func (s *Shared) Describe() string {
	if s.snapshot().redisDown {
		return "own window, redis does not answer"
	}
	return "redis"
}

// Limit returns how many calls of a class all replicas together accept within [Period].
func (s *Shared) Limit(class Class) int { return s.redis.Limit(class) }

// Take implements [Source]. It never fails.
func (s *Shared) Take(ctx context.Context, class Class, id string) (Decision, error) {
	st := s.snapshot()
	if st.redisDown {
		return s.takeOwn(class, id, st.replicas), nil
	}
	places := math.MaxInt
	if st.needsBoth {
		places = s.share(class, st.replicas)
	}
	// Hold the place before asking Redis: a replica that falls back meanwhile must count the
	// calls that Redis may have accepted.
	mine := s.own.hold(class, id, places)
	if !mine.Accepted {
		return s.withFullLimit(class, mine), nil
	}
	d, err := s.redis.Take(ctx, class, id)
	s.own.settle(class, id, err == nil && d.Accepted)
	if err != nil {
		s.fallBack(err, st.fallbacks)
		return s.takeOwn(class, id, st.replicas), nil
	}
	d.Remaining = min(d.Remaining, mine.Remaining)
	return d, nil
}

// takeOwn decides by this replica's own window.
func (s *Shared) takeOwn(class Class, id string, replicas int) Decision {
	d := s.own.hold(class, id, s.share(class, replicas))
	if d.Accepted {
		s.own.settle(class, id, true)
	}
	return s.withFullLimit(class, d)
}

// share returns how many calls one of the replicas may accept without Redis.
func (s *Shared) share(class Class, replicas int) int {
	limit := s.redis.limits[class]
	return min(limit, max(1, limit/replicas))
}

// withFullLimit puts the limit of all replicas into a decision of one.
func (s *Shared) withFullLimit(class Class, d Decision) Decision {
	d.Limit = s.redis.limits[class]
	return d
}

// sharedState is who decides at a moment.
type sharedState struct {
	redisDown, needsBoth bool
	fallbacks, replicas  int
}

func (s *Shared) snapshot() sharedState {
	now := s.own.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return sharedState{s.redisDown, now < s.needsBoth, s.fallbacks, s.replicas}
}

func (s *Shared) sendHeartbeat() {
	st := s.snapshot()
	n, err := s.redis.heartbeat(s.id, heartbeatExpiry)
	if err != nil {
		s.fallBack(err, st.fallbacks)
		return
	}
	s.redisAnswered(n)
}

// fallBack records a failure of Redis for a request that began after fallbacks failures.
// Requests that began before the last failure are ignored.
func (s *Shared) fallBack(err error, fallbacks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.redisDown || s.fallbacks != fallbacks {
		return
	}
	s.redisDown = true
	s.fallbacks++
	s.log.Warn("the limits are this replica's share, by its own windows, until Redis answers", "error", err, "replicas",
		s.replicas)
}

// redisAnswered records that Redis accepts writes, and the number of replicas.
func (s *Shared) redisAnswered(replicas int) {
	now := s.own.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.redisDown {
		s.redisDown, s.needsBoth, s.counted = false, now+s.own.span, now
		s.log.Info("the limits are in Redis again", "replicas", replicas)
	}
	// Accept a lower number only after the other replicas had time to report, because a Redis
	// that was emptied knows none of them.
	if replicas >= s.replicas || now-s.counted > heartbeatExpiry {
		s.replicas, s.counted = replicas, now
	}
}
