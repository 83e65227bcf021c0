package ratelimit

import (
	"math"
	"sort"
	"time"
)

// Window is an exact sliding window: the times of the latest accepted calls, at most as many
// as the limit. Times are durations since a fixed moment, and must not decrease from one call
// of a method to the next.
type Window struct {
	at   []time.Duration // a ring buffer once it holds limit times
	head int             // index of the oldest time
	held int             // slots that are not settled
}

// Take counts a call at now, or refuses it if limit calls within span count already.
func (w *Window) Take(now time.Duration, limit int, span time.Duration) Decision {
	d := w.Hold(now, limit, span)
	if d.Accepted {
		w.Settle(now, limit, true)
	}
	return d
}

// Hold is the first half of Take: it holds a slot for a call, or refuses the call. The caller
// must settle a held slot. limit may be less than the limit of the window.
func (w *Window) Hold(now time.Duration, limit int, span time.Duration) Decision {
	d := Decision{Limit: limit, Reset: span}
	oldest, counted := w.counted(now, span)
	if counted > 0 {
		d.Reset = w.callAt(oldest) + span - now
	}
	d.Reset = min(d.Reset, Period)
	switch free := limit - w.held; {
	case counted < free:
		w.held++
		d.Accepted, d.Remaining = true, free-counted-1
	case free <= 0:
		d.RetryAfter = span // the calls of held slots may count from now on
	default:
		d.RetryAfter = w.callAt(oldest+counted-free) + span - now + 1 // strictly older than span
	}
	return d
}

// Settle releases a held slot, and counts its call at now if it was accepted. Only the latest
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

// counted returns the index of the oldest call that still counts, for callAt, and how many
// calls count.
func (w *Window) counted(now, span time.Duration) (oldest, n int) {
	oldest = sort.Search(len(w.at), func(i int) bool { return now-w.callAt(i) <= span })
	return oldest, len(w.at) - oldest
}
