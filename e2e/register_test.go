package e2e

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A key or connected app is modelled as a register: active until an operation ends it, and accepted
// while the plan of its workspace allows it. Every key is checked separately. Its
// operations include the plan changes of its workspace and the removal of its member.

type operation uint8

const (
	opCheck     operation = iota // a call with the key
	opEnd                        // a revocation, a rotation or the removal of the member
	opUpgrade                    // to a plan with API access
	opDowngrade                  // to a plan without API access
)

type outcome uint8

const (
	outcomeAccepted outcome = iota // 200
	outcomeInactive                // 401
	outcomeDenied                  // 403 api_access_denied
)

type keyState struct{ inactive, denied bool }

var keyRegister = porcupine.Model{
	Init: func() any { return keyState{} },
	Step: func(state, input, output any) (bool, any) {
		s := state.(keyState)
		switch input.(operation) {
		case opEnd:
			s.inactive = true
		case opUpgrade:
			s.denied = false
		case opDowngrade:
			s.denied = true
		case opCheck:
			want := outcomeAccepted
			if s.inactive { // an inactive key gets 401 on every plan
				want = outcomeInactive
			} else if s.denied {
				want = outcomeDenied
			}
			return output.(outcome) == want, s
		}
		return true, s
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprint(in, " ", out) },
}

// neverReturned is the return time of an operation whose response was lost. It may
// have happened at any time, or may still happen.
const neverReturned = math.MaxInt64

// history records operations and their outcomes, with times from one clock.
type history struct {
	start time.Time

	mu     sync.Mutex
	checks map[*testKey][]porcupine.Operation
	ends   map[*testKey][]porcupine.Operation
	plans  map[*testWorkspace][]porcupine.Operation
	count  [3]surfaceCounts // by outcome
}

// surfaceCounts is the number of checks on each surface.
type surfaceCounts struct{ rest, mcp int }

func newHistory() *history {
	return &history{
		start: time.Now(), checks: map[*testKey][]porcupine.Operation{},
		ends: map[*testKey][]porcupine.Operation{}, plans: map[*testWorkspace][]porcupine.Operation{},
	}
}

func (h *history) now() int64 { return int64(time.Since(h.start)) }

func (h *history) checked(k *testKey, p probe, out outcome, op porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[k] = append(h.checks[k], op)
	if p.mcp {
		h.count[out].mcp++
	} else {
		h.count[out].rest++
	}
	if len(h.ends[k]) > 0 {
		k.callsAfterEnd++
	}
}

func (h *history) ended(k *testKey, call, ret int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends[k] = append(h.ends[k], porcupine.Operation{Input: opEnd, Call: call, Return: ret})
}

func (h *history) planChanged(s *testWorkspace, what operation, call, ret int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plans[s] = append(h.plans[s], porcupine.Operation{Input: what, Call: call, Return: ret})
}

// endState reports whether a key has ended, and whether it was called often enough
// since then.
func (h *history) endState(k *testKey) (ended, enough bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ends[k]) > 0, k.callsAfterEnd >= 12
}

// endAcknowledged returns when the first end of a key was acknowledged.
func (h *history) endAcknowledged(k *testKey) int64 {
	first := int64(neverReturned)
	for _, op := range h.ends[k] {
		first = min(first, op.Return)
	}
	return first
}

// verdict is the result of checking a history.
type verdict struct {
	illegal, unknown []*testKey
	apps             int // keys that are connected apps
	stale            int // accepted calls that began after the end of their key was acknowledged
}

// verify checks every key. It also counts the stale calls directly, to confirm what
// the checker finds.
func (h *history) verify(t testing.TB) (v verdict) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	ends := 0
	for k, history := range h.checks {
		endAcknowledged := h.endAcknowledged(k)
		ends += min(1, len(h.ends[k]))
		if k.client != "" {
			v.apps++
		}
		for _, op := range history {
			if op.Output == outcomeAccepted && op.Call > endAcknowledged {
				v.stale++
			}
		}
		whole := append(append(append([]porcupine.Operation{}, history...), h.ends[k]...), h.plans[k.member.workspace]...)
		switch porcupine.CheckOperationsTimeout(keyRegister, whole, time.Minute) {
		case porcupine.Illegal:
			v.illegal = append(v.illegal, k)
		case porcupine.Unknown:
			v.unknown = append(v.unknown, k)
		}
	}
	plans := 0
	for _, p := range h.plans {
		plans += len(p)
	}
	took := time.Since(h.start)
	var all surfaceCounts
	for _, n := range h.count {
		all.rest, all.mcp = all.rest+n.rest, all.mcp+n.mcp
	}
	t.Logf("%d checks (%d over MCP) in %v: accepted, inactive and denied by plan %+v; %d keys and %d apps, "+
		"%d ended, %d plan changes; %d calls accepted after an acknowledged end",
		all.rest+all.mcp, all.mcp, took.Round(time.Second), h.count, len(h.checks)-v.apps, v.apps, ends, plans, v.stale)
	return v
}
