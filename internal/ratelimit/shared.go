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
	heartbeatInterval = time.Second      // a replica shows that it lives, and asks whether Redis does
	heartbeatExpiry   = 10 * time.Second // and counts as one for so long after

	// assumedReplicas is what a replica takes for the number of all while it has
	// never reached Redis.
	assumedReplicas = 4
)

// Shared is the [Source] of one replica among several. Redis decides while it
// answers; while it does not, or answers with an error, each replica decides by
// its own window with its share of the limit. The own window knows all that the
// replica accepted, whoever decided. For the span after Redis came back a call
// needs both, for Redis does not know what was accepted without it, and may
// have lost what it knew.
//
// Nobody waits for a Redis that is known to be away: the first call that meets
// the failure, and those beside it, wait for less than two seconds, and then
// the background alone asks until Redis answers again.
//
// With limit N, R replicas and the share S = N/R of each, rounded down and at
// least 1, no more calls of a subject are accepted in any [Period] than
//
//   - N, if Redis answered all replicas throughout
//   - R·S, which is at most N or R, if Redis decided none of them
//   - N + (R-1)·S, which is less than 2N unless N < R, if Redis failed or came
//     back within it, for some replicas or for all, with what it knew or without
//   - N more for each time within it that Redis lost its windows and a replica
//     did not see it fail: FLUSHALL, an eviction, a failover or a restart within
//     a second, its clock set forward. So once is 2N
//   - N more for each time that Redis came back empty, if a replica was restarted
//     in the span after: neither knows what was accepted before
//   - N/4 more for each replica that was restarted within it while Redis was
//     away: the own window is gone with the process, and of the others it knows
//     nothing
//
// While Redis is away, and for a span after, a caller whose calls all reach one
// replica gets S instead of N.
//
// R is the number of replicas that Redis last knew of, and that all of them know.
// Where they know different ones, each has the share that it believes in: one
// that was alone when Redis went has N, one that never reached it has N/4
// ([assumedReplicas]), and one that only Redis does not see counts as gone for
// the others after ten seconds. In place of R·S stands the sum of those.
type Shared struct {
	redis *Redis
	own   *Memory
	log   *slog.Logger
	id    string

	mu        sync.Mutex
	redisDown bool          // Redis, as far as is known
	fallbacks int           // how often it went
	needsBoth time.Duration // until when a call needs the own share too, on the own clock
	replicas  int           // at least 1
	counted   time.Duration // when there were last so many, on the own clock
}

// NewShared shares the limits of r with all who use the same Redis. It asks
// Redis once, so it may take a second. Call [Shared.Run] to have it asked again.
func NewShared(r *Redis, log *slog.Logger) *Shared {
	s := &Shared{
		redis: r, own: NewMemory(r.limits), log: log, id: rand.Text(),
		replicas: assumedReplicas, counted: math.MinInt64 / 2,
	}
	s.sendHeartbeat()
	return s
}

// Run asks Redis in the background, until ctx ends, whether it answers and how
// many replicas there are.
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

// State returns whether Redis decides, how often it stopped to since the start,
// and the number of replicas.
func (s *Shared) State() (redis bool, fallbacks, replicas int) {
	st := s.snapshot()
	return !st.redisDown, st.fallbacks, st.replicas
}

// Describe says for /readyz who decides.
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
	// The place is kept before Redis is asked: who falls back meanwhile must
	// count the calls that Redis may have accepted.
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

// takeOwn decides by the own window.
func (s *Shared) takeOwn(class Class, id string, replicas int) Decision {
	d := s.own.hold(class, id, s.share(class, replicas))
	if d.Accepted {
		s.own.settle(class, id, true)
	}
	return s.withFullLimit(class, d)
}

// share is what one of the replicas may accept by itself.
func (s *Shared) share(class Class, replicas int) int {
	limit := s.redis.limits[class]
	return min(limit, max(1, limit/replicas))
}

// withFullLimit names the limit of all in a decision by the share of one.
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

// fallBack notes that Redis failed one who began to ask when it had failed
// fallbacks times. Those who asked before the last failure tell nothing new.
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

// redisAnswered notes that Redis takes writes, and the number of replicas.
func (s *Shared) redisAnswered(replicas int) {
	now := s.own.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.redisDown {
		s.redisDown, s.needsBoth, s.counted = false, now+s.own.span, now
		s.log.Info("the limits are in Redis again", "replicas", replicas)
	}
	// Fewer are believed when the others have had the time to show themselves: a
	// Redis that was emptied knows of none.
	if replicas >= s.replicas || now-s.counted > heartbeatExpiry {
		s.replicas, s.counted = replicas, now
	}
}
