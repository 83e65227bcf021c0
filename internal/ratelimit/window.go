// Package ratelimit keeps the exact limits of contract section 1: in no span
// of 60 s, wherever it starts, are more than N calls accepted, and no call is
// refused while fewer than N were accepted in the 61 s before it.
//
// [Window] is the arithmetic and nothing else; [Memory] keeps one window per
// subject within a process. Another place to keep windows implements [Source]
// and passes the same suite of tests.
//
// Adding a limit: a constant of [Class], its numbers in the composition root
// (cmd/memo), its row in contract and README, its name in the OpenAPI document
// (package rest), and the route or tool that spends it.
package ratelimit

import (
	"context"
	"math"
	"time"
)

// Class is a kind of calls that draw on one limit.
type Class string

// The classes of the contract.
const (
	Data       Class = "data"       // per API key
	Management Class = "management" // per member and workspace
)

// Period is the span that the contract promises the limit for.
const Period = 60 * time.Second

// slack widens the window that is kept. A caller notes a call when the answer
// arrives, a little after it was counted here; with half a second to spare
// neither clock ever sees more than N within Period, and the contract's 61 s
// bound on the other side still holds.
const slack = 500 * time.Millisecond

// Decision is the answer to one call.
type Decision struct {
	Accepted  bool
	Limit     int
	Remaining int
	// RetryAfter is the time until a call will be accepted, if nobody else
	// takes the place. 0 unless the call was refused.
	RetryAfter time.Duration
	// Reset is the time until the oldest counted call stops counting, at most Period.
	Reset time.Duration
}

// Source keeps a window for every subject of every class.
type Source interface {
	// Take counts a call of subject, or refuses it. A refused call is not counted.
	Take(ctx context.Context, class Class, subject string) (Decision, error)
}

// Window is the exact sliding window: the times of the calls that were
// accepted, up to the limit, oldest first from head on. Times are durations
// since any fixed moment and must not go back.
type Window struct {
	at   []time.Duration // a ring once it holds limit times
	head int
}

// Take counts a call at now, or refuses it, by the rule that the call limit
// places earlier must be older than span.
func (w *Window) Take(now time.Duration, limit int, span time.Duration) Decision {
	d := Decision{Limit: limit}
	switch {
	case limit <= 0:
		d.RetryAfter, d.Reset = span, span
		return d
	case len(w.at) < limit:
		w.at = append(w.at, now)
		d.Accepted = true
	case now-w.at[w.head] > span:
		w.at[w.head] = now
		w.head = (w.head + 1) % limit
		d.Accepted = true
	default:
		d.RetryAfter = w.at[w.head] + span - now + 1 // it must be older, not as old
	}
	oldest, live := w.live(now, span)
	d.Remaining = limit - live
	d.Reset = min(oldest+span-now, Period)
	return d
}

// Undo takes back the call that was accepted last.
func (w *Window) Undo() {
	if len(w.at) == 0 {
		return
	}
	if w.head == 0 { // the ring has not turned: the last stands at its end
		w.at = w.at[:len(w.at)-1]
		return
	}
	w.head--
	w.at[w.head] = math.MinInt64 / 2 // older than any span: it counts no more
}

// Idle reports whether nothing counts any more at now.
func (w *Window) Idle(now, span time.Duration) bool {
	return len(w.at) == 0 || now-w.at[(w.head+len(w.at)-1)%len(w.at)] > span
}

// live returns the oldest time that still counts, and how many do. The times
// rise from head on, so it is a binary search.
func (w *Window) live(now, span time.Duration) (oldest time.Duration, n int) {
	lo, hi := 0, len(w.at)
	for lo < hi {
		mid := (lo + hi) / 2
		if now-w.at[(w.head+mid)%len(w.at)] > span {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(w.at) {
		return now, 0
	}
	return w.at[(w.head+lo)%len(w.at)], len(w.at) - lo
}
