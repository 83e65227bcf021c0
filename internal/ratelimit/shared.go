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
	heartbeatInterval = time.Second      // between the heartbeats of one replica
	heartbeatExpiry   = 10 * time.Second // how long a replica counts after its heartbeat

	// assumedReplicas is the number of replicas that a replica assumes until Redis has
	// reported it.
	assumedReplicas = 4
)

// Shared is the [Source] of one replica among several. While Redis is available, it decides.
// While it does not respond or returns errors, each replica enforces its share of the limit with
// its own window. This window holds every call that the replica accepted, including those that
// Redis decided. For one span after Redis is available again, a call must be within both the
// limit in Redis and the replica's share, because Redis may have missed calls or lost its data.
//
// No call waits for a Redis that is known to be unavailable. The calls that first meet the
// failure wait for less than two seconds. From then on only the heartbeats, in the background,
// try to reach Redis.
//
// With limit N, R replicas and the share S = N/R of each, rounded down and at least 1, the
// calls of a subject that are accepted in any [Period] are at most
//
//   - N, if Redis was available to all replicas throughout
//   - R·S, which is at most the larger of N and R, if Redis was available to none of them
//   - N + (R-1)·S, which is less than 2N unless N < R, if Redis failed or recovered within the
//     period, for some replicas or for all, with or without its data
//   - N more for each time in the period that Redis lost its windows and some replica did not
//     notice: by FLUSHALL, an eviction, a failover or restart within a second, or because its
//     clock was set forward. One such loss therefore makes it 2N
//   - N more for each time that Redis came back empty, if a replica was restarted within the
//     span after that, because both have lost the earlier calls
//   - N/4 more for each replica that was restarted within the period while Redis was
//     unavailable, because it has lost its own window and does not know the other replicas
//
// While Redis is unavailable, and for one span after that, a caller whose calls all reach the
// same replica gets S instead of N.
//
// R is the number of replicas that Redis last reported to all of them. If it reported different
// numbers, their shares differ, and the sum of the shares replaces R·S. A replica that was
// alone when Redis failed has N. One that has never reached Redis has N/4 ([assumedReplicas]).
// The others stop counting a replica that has sent Redis no heartbeat for ten seconds.
type Shared struct {
	redis *Redis
	own   *Memory
	log   *slog.Logger
	id    string

	mu          sync.Mutex
	unavailable bool // Redis is unavailable, as far as this replica knows
	fallbacks   int  // how often Redis became unavailable
	replicas    int  // at least 1
	// Times on the clock of own.
	sharesUntil       time.Duration // until then, a call must also be within this replica's share
	replicasConfirmed time.Duration // when Redis last confirmed replicas
}

// NewShared returns a Shared that uses r. It sends Redis one heartbeat, which takes less than
// two seconds. Call [Shared.Run] to send heartbeats in the background.
func NewShared(r *Redis, log *slog.Logger) *Shared {
	s := &Shared{
		redis: r, own: NewMemory(r.limits), log: log, id: rand.Text(),
		replicas: assumedReplicas, replicasConfirmed: math.MinInt64 / 2,
	}
	s.sendHeartbeat()
	return s
}

// Run sends heartbeats until ctx ends, to learn whether Redis is available and how many
// replicas there are.
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

// State returns whether Redis decides, how often it became unavailable since the start, and the
// number of replicas.
func (s *Shared) State() (redis bool, fallbacks, replicas int) {
	st := s.snapshot()
	return !st.unavailable, st.fallbacks, st.replicas
}

// Describe returns what /readyz reports about the limits: what decides them.
func (s *Shared) Describe() string {
	if s.snapshot().unavailable {
		return "own window, redis does not answer"
	}
	return "redis"
}

// Limit returns how many calls of a class all replicas together accept within [Period].
func (s *Shared) Limit(class Class) int { return s.redis.Limit(class) }

// Take implements [Source]. It never fails.
func (s *Shared) Take(ctx context.Context, class Class, id string) (Decision, error) {
	st := s.snapshot()
	if st.unavailable {
		return s.takeOwn(class, id, st.replicas), nil
	}
	slots := math.MaxInt
	if st.needsShare {
		slots = s.share(class, st.replicas)
	}
	// Hold the slot before the request to Redis: if this replica falls back meanwhile, its own
	// window must include the calls that Redis may have accepted.
	mine := s.own.hold(class, id, slots)
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

// withFullLimit sets the limit of a decision to that of all replicas together.
func (s *Shared) withFullLimit(class Class, d Decision) Decision {
	d.Limit = s.redis.limits[class]
	return d
}

// sharedState is the state of a Shared at one moment.
type sharedState struct {
	unavailable         bool
	needsShare          bool // a call must also be within this replica's share
	fallbacks, replicas int
}

func (s *Shared) snapshot() sharedState {
	now := s.own.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return sharedState{s.unavailable, now < s.sharesUntil, s.fallbacks, s.replicas}
}

func (s *Shared) sendHeartbeat() {
	st := s.snapshot()
	n, err := s.redis.heartbeat(s.id, heartbeatExpiry)
	if err != nil {
		s.fallBack(err, st.fallbacks)
		return
	}
	s.recordReplicas(n)
}

// fallBack records that a request to Redis failed. fallbacks is the value of s.fallbacks when
// the request began. If that has changed since, the failure is an old one and is ignored.
func (s *Shared) fallBack(err error, fallbacks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unavailable || s.fallbacks != fallbacks {
		return
	}
	s.unavailable = true
	s.fallbacks++
	s.log.Warn("Redis is unavailable: this replica enforces its share of the rate limits until Redis recovers",
		"error", err, "replicas", s.replicas)
}

// recordReplicas records that Redis is available, and the number of replicas that it reported.
func (s *Shared) recordReplicas(replicas int) {
	now := s.own.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unavailable {
		s.unavailable, s.sharesUntil, s.replicasConfirmed = false, now+s.own.span, now
		s.log.Info("Redis is available again and decides the rate limits", "replicas", replicas)
	}
	// Accept a lower number only after the other replicas had time to send a heartbeat, because
	// a Redis that was emptied knows none of them.
	if replicas >= s.replicas || now-s.replicasConfirmed > heartbeatExpiry {
		s.replicas, s.replicasConfirmed = replicas, now
	}
}
