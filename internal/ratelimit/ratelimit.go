// Package ratelimit implements the exact limits of docs/contract.md#rate-limits: at most N
// calls are accepted in any 60 s, and no call is refused while fewer than N were accepted in
// the 61 s before it.
//
// [Window] implements the algorithm. [Memory] has one window per subject in a process. [Redis]
// has one per subject for all processes. [Shared] uses Redis, and decides by itself while Redis
// is unavailable. All three implement [Source]; Memory and Redis pass the same tests.
//
// To add a limit, see "a rate limit" in CONTRIBUTING.md.
package ratelimit

import (
	"context"
	"time"
)

// Class is a group of calls that share one limit.
type Class string

// The classes.
const (
	Data       Class = "data"       // per API key
	Management Class = "management" // per member and workspace

	// Changes counts changes and downloads in the web app, but not changes of keys or the ending
	// of access: per user and workspace.
	Changes Class = "changes"
)

// Classes lists all classes.
var Classes = []Class{Data, Management, Changes}

// Period is the length of time that the limits apply to.
const Period = 60 * time.Second

// windowSlack is added to Period, because a client sees each response a little after its call
// was counted. With it, neither the client's clock nor the server's sees more than N accepted
// calls within Period. It is less than a second, so that calls more than 61 s old never cause a
// refusal.
const windowSlack = 500 * time.Millisecond

// Decision is the result for one call.
type Decision struct {
	Accepted  bool
	Limit     int // of the class
	Remaining int // how many more calls would be accepted now
	// RetryAfter is the time until a call will be accepted if no other call comes first. It is
	// 0 unless the call was refused.
	RetryAfter time.Duration
	// Reset is the time until the oldest counted call stops counting, at most Period.
	Reset time.Duration
}

// Source counts the calls of each subject in each class, and refuses those beyond the limit.
type Source interface {
	// Take counts a call of subject, or refuses it. A refused call is not counted.
	Take(ctx context.Context, class Class, subject string) (Decision, error)
	// Limit returns how many calls of a class are accepted within Period.
	Limit(class Class) int
}
