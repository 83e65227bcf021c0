// Package ratelimit keeps the exact limits of contract section 1: in no span
// of 60 s, wherever it starts, are more than N calls accepted, and no call is
// refused while fewer than N were accepted in the 61 s before it.
//
// [Window] is the arithmetic and nothing else. [Memory] keeps one window per
// subject within a process, [Redis] keeps one for all processes, and [Shared]
// asks Redis and decides by itself while Redis does not answer. Each is a
// [Source]; memory and Redis pass the same suite of tests.
//
// Adding a limit: a constant of [Class], its numbers in the composition root
// (cmd/memo), its row in contract and README, its name in the OpenAPI document
// (package rest), and the route or tool that spends it.
package ratelimit

import (
	"context"
	"math"
	"sort"
	"time"
)

// Class is a kind of calls that draw on one limit.
type Class string

// The classes.
const (
	Data       Class = "data"       // per API key
	Management Class = "management" // per member and workspace

	// Changes are what people change in the web app, but for keys and for what
	// takes access away: per user and workspace.
	Changes Class = "changes"
)

// Classes are all classes.
var Classes = []Class{Data, Management, Changes}

// Period is the span that the contract promises the limit for.
const Period = 60 * time.Second

// windowSlack widens the window that is kept. A caller notes a call when the answer
// arrives, a little after it was counted here; with half a second to spare
// neither clock ever sees more than N within Period, and the contract's 61 s
// bound on the other side still holds.
const windowSlack = 500 * time.Millisecond

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
	// Limit returns how many calls of a class are accepted within Period.
	Limit(class Class) int
}

// Window is the exact sliding window: the times of the calls that were
// accepted, up to the limit, oldest first from head on. Times are durations
// since any fixed moment and must not go back.
type Window struct {
	at   []time.Duration // a ring once it holds limit times
	head int
	held int // places of calls that are not settled
}

// Take counts a call at now, or refuses it, by the rule that the call limit
// places earlier must be older than span.
func (w *Window) Take(now time.Duration, limit int, span time.Duration) Decision {
	d := w.Hold(now, limit, span)
	if d.Accepted {
		w.Settle(now, limit, true)
	}
	return d
}

// Hold is the first half of Take: it keeps a place for a call, or refuses
// it. A place that was kept must be settled. The limit may be less than the one
// that the window is kept for.
func (w *Window) Hold(now time.Duration, limit int, span time.Duration) Decision {
	d := Decision{Limit: limit, Reset: span}
	oldest, live := w.live(now, span)
	if live > 0 {
		d.Reset = w.callAt(oldest) + span - now
	}
	d.Reset = min(d.Reset, Period)
	switch free := limit - w.held; {
	case live < free:
		w.held++
		d.Accepted, d.Remaining = true, free-live-1
	case free <= 0:
		d.RetryAfter = span // what is pending may count from now on
	default:
		d.RetryAfter = w.callAt(oldest+live-free) + span - now + 1 // it must be older, not as old
	}
	return d
}

// Settle gives back a place that Reserve kept, and counts the call at now if it
// was accepted. Of more calls than limit, the latest are known.
func (w *Window) Settle(now time.Duration, limit int, accepted bool) {
	w.held--
	switch {
	case !accepted:
	case len(w.at) < limit:
		w.at = append(w.at, now)
	default:
		w.at[w.head] = now
		w.head = (w.head + 1) % limit
	}
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
	return w.held == 0 && (len(w.at) == 0 || now-w.callAt(len(w.at)-1) > span)
}

// callAt is the time of the call that n others came before.
func (w *Window) callAt(n int) time.Duration { return w.at[(w.head+n)%len(w.at)] }

// live returns which call is the oldest that still counts, and how many do.
// The times rise, so it is a binary search.
func (w *Window) live(now, span time.Duration) (oldest, n int) {
	oldest = sort.Search(len(w.at), func(i int) bool { return now-w.callAt(i) <= span })
	return oldest, len(w.at) - oldest
}
