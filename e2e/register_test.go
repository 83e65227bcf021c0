package e2e

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A key is a register: alive until something ends it, and usable while its
// workspace's plan allows. Every key is checked on its own, with the changes of
// plan of its workspace and the removals of its member among its operations.

type operation uint8

const (
	opCheck     operation = iota // a call with the key
	opEnd                        // a revocation, a rotation, a removal of the member
	opUpgrade                    // the plan opens the API
	opDowngrade                  // the plan closes it
)

type outcome uint8

const (
	outcomeAccepted outcome = iota // 200
	outcomeInactive                // 401
	outcomeDenied                  // 403 api_access_denied
)

type keyModel struct{ dead, denied bool }

var registers = porcupine.Model{
	Init: func() any { return keyModel{} },
	Step: func(state, input, output any) (bool, any) {
		s := state.(keyModel)
		switch input.(operation) {
		case opEnd:
			s.dead = true
		case opUpgrade:
			s.denied = false
		case opDowngrade:
			s.denied = true
		case opCheck:
			want := outcomeAccepted
			if s.dead { // a dead key is refused as such, whatever the plan
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

// neverReturned is the return of an operation whose answer was lost: it may have
// happened at any time, or still be going to.
const neverReturned = math.MaxInt64

// history notes what was done and answered, with times of one clock.
type history struct {
	start time.Time

	mu     sync.Mutex
	checks map[*testKey][]porcupine.Operation
	ends   map[*testKey][]porcupine.Operation
	plans  map[*testWorkspace][]porcupine.Operation
	count  [3]surfaceCounts // by outcome
}

// surfaceCounts is how many checks there were, by door.
type surfaceCounts struct{ rest, mcp int }

func newDiary() *history {
	return &history{
		start: time.Now(), checks: map[*testKey][]porcupine.Operation{},
		ends: map[*testKey][]porcupine.Operation{}, plans: map[*testWorkspace][]porcupine.Operation{},
	}
}

func (d *history) now() int64 { return int64(time.Since(d.start)) }

func (d *history) checked(k *testKey, through door, out outcome, op porcupine.Operation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checks[k] = append(d.checks[k], op)
	if through.mcp {
		d.count[out].mcp++
	} else {
		d.count[out].rest++
	}
	if len(d.ends[k]) > 0 {
		k.mourned++
	}
}

func (d *history) ended(k *testKey, call, ret int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ends[k] = append(d.ends[k], porcupine.Operation{Input: opEnd, Call: call, Return: ret})
}

func (d *history) planned(s *testWorkspace, what operation, call, ret int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plans[s] = append(d.plans[s], porcupine.Operation{Input: what, Call: call, Return: ret})
}

// over tells whether a key has ended and was called often enough since.
func (d *history) over(k *testKey) (ended, enough bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ends[k]) > 0, k.mourned >= 12
}

// acknowledged is when the first end of a key was.
func (d *history) acknowledged(k *testKey) int64 {
	first := int64(neverReturned)
	for _, op := range d.ends[k] {
		first = min(first, op.Return)
	}
	return first
}

// verdict checks every register, and counts by hand what the checker must
// find as well: acceptances that began after an end was acknowledged.
type verdict struct {
	illegal, unknown []*testKey
	stale            int
}

func (d *history) judge(t testing.TB) (v verdict) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	ends := 0
	for k, history := range d.checks {
		acknowledged := d.acknowledged(k)
		ends += min(1, len(d.ends[k]))
		for _, op := range history {
			if op.Output == outcomeAccepted && op.Call > acknowledged {
				v.stale++
			}
		}
		whole := append(append(append([]porcupine.Operation{}, history...), d.ends[k]...), d.plans[k.seat.space]...)
		switch porcupine.CheckOperationsTimeout(registers, whole, time.Minute) {
		case porcupine.Illegal:
			v.illegal = append(v.illegal, k)
		case porcupine.Unknown:
			v.unknown = append(v.unknown, k)
		}
	}
	plans := 0
	for _, p := range d.plans {
		plans += len(p)
	}
	took := time.Since(d.start)
	var all surfaceCounts
	for _, n := range d.count {
		all.rest, all.mcp = all.rest+n.rest, all.mcp+n.mcp
	}
	t.Logf("%d checks (%d over MCP) in %v: accepted, dead and denied by plan %+v; %d keys, %d ended, %d changes of "+
		"plan; %d acceptances after an acknowledged end",
		all.rest+all.mcp, all.mcp, took.Round(time.Second), d.count, len(d.checks), ends, plans, v.stale)
	return v
}
