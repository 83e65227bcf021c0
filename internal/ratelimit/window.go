// Package ratelimit implements the exact limits of docs/contract.md#rate-limits: in no span of
// 60 s are more than N calls accepted, and no call is refused while fewer than N were accepted
// in the 61 s before it.
//
// [Window] is the arithmetic. [Memory] has one window per subject in a process, [Redis] has
// one for all processes, and [Shared] asks Redis and decides without it while Redis does not
// respond. Each is a [Source]; Memory and Redis pass the same tests.
//
// To add a limit, see "a rate limit" in CONTRIBUTING.md.
package ratelimit

import (
	"context"
	"math"
	"sort"
	"time"
)

// Class is a kind of calls that share one limit.
type Class string

// The classes.
const (
	Data       Class = "data"       // per API key
	Management Class = "management" // per member and workspace

	// Changes are changes and downloads in the web app, except for keys and for ending access:
	// per user and workspace.
	Changes Class = "changes"
)

// Classes are all classes.
var Classes = []Class{Data, Management, Changes}

// Period is the span of the limits.
const Period = 60 * time.Second

// windowSlack widens the span that is counted. A caller sees the response a little after the
// call was counted; with half a second to spare neither clock sees more than N within Period,
// and a call is still never refused because of calls more than 61 s ago.
const windowSlack = 500 * time.Millisecond

// Decision is the result for one call.
type Decision struct {
	Accepted  bool
	Limit     int
	Remaining int
	// RetryAfter is the time until a call will be accepted if no other call comes first. It is
	// 0 unless the call was refused.
	RetryAfter time.Duration
	// Reset is the time until the oldest counted call stops counting, at most Period.
	Reset time.Duration
}

// Source has a window for every subject of every class.
type Source interface {
	// Take counts a call of subject or refuses it. A refused call is not counted.
	Take(ctx context.Context, class Class, subject string) (Decision, error)
	// Limit returns how many calls of a class are accepted within Period.
	Limit(class Class) int
}

// Window is an exact sliding window: the times of the accepted calls, up to the limit, oldest
// first from head on. Times are durations since any fixed moment and must not decrease.
type Window struct {
	at   []time.Duration // a ring once it holds limit times
	head int
	held int // places that are not settled
}

// Take counts a call at now, or refuses it unless the call that is limit places before it is
// older than span.
func (w *Window) Take(now time.Duration, limit int, span time.Duration) Decision {
	d := w.Hold(now, limit, span)
	if d.Accepted {
		w.Settle(now, limit, true)
	}
	return d
}

// Hold is the first half of Take: it holds a place for a call or refuses it. A held place must
// be settled. limit may be less than the limit of the window.
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
		d.RetryAfter = span // a held place may count from now on
	default:
		d.RetryAfter = w.callAt(oldest+live-free) + span - now + 1 // strictly older than span
	}
	return d
}

// Settle releases a held place, and counts the call at now if it was accepted. Only the latest
// limit calls are stored.
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

// Undo removes the latest accepted call.
func (w *Window) Undo() {
	if len(w.at) == 0 {
		return
	}
	if w.head == 0 { // not wrapped: the latest call is the last element
		w.at = w.at[:len(w.at)-1]
		return
	}
	w.head--
	w.at[w.head] = math.MinInt64 / 2 // older than any span
}

// Idle reports whether no call counts at now.
func (w *Window) Idle(now, span time.Duration) bool {
	return w.held == 0 && (len(w.at) == 0 || now-w.callAt(len(w.at)-1) > span)
}

// callAt returns the time of the n-th stored call, from 0.
func (w *Window) callAt(n int) time.Duration { return w.at[(w.head+n)%len(w.at)] }

// live returns the index of the oldest call that still counts, and how many count. The times
// are sorted, so it is a binary search.
func (w *Window) live(now, span time.Duration) (oldest, n int) {
	oldest = sort.Search(len(w.at), func(i int) bool { return now-w.callAt(i) <= span })
	return oldest, len(w.at) - oldest
}
