package ratelimit_test

import (
	"fmt"
	"time"

	"memoai.tech/memo/internal/ratelimit"
)

// A call counts for the whole of the span, wherever a fixed window would begin.
func ExampleWindow() {
	var w ratelimit.Window
	const limit, span = 2, time.Minute
	for _, now := range []time.Duration{0, 50 * time.Second, 59 * time.Second, 61 * time.Second, 62 * time.Second} {
		d := w.Take(now, limit, span)
		fmt.Println(now, d.Accepted, d.Remaining, d.RetryAfter.Round(time.Second))
	}
	// Output:
	// 0s true 1 0s
	// 50s true 0 0s
	// 59s false 0 1s
	// 1m1s true 0 0s
	// 1m2s false 0 48s
}
