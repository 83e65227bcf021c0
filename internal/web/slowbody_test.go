package web

import (
	"testing"
	"time"
)

// TestSlowBodyDeadline checks that a slow upload may continue and that one without progress ends.
func TestSlowBodyDeadline(t *testing.T) {
	start := time.Now()
	for name, c := range map[string]struct {
		received int64 // bytes
		after    time.Duration
		until    time.Duration
	}{
		"nothing yet":               {0, 0, grace},
		"nothing for 20 seconds":    {0, 20 * time.Second, grace},
		"a few bytes":               {10, 29 * time.Second, grace + 10*time.Second/minRate},
		"fast, then no bytes":       {100 << 20, 10 * time.Second, 10*time.Second + maxReadGap},
		"exactly the minimum rate":  {minRate * 100, 110 * time.Second, grace + 100*time.Second},
		"close to the maximum time": {1 << 30, 29*time.Minute + 50*time.Second, maxUploadTime},
		"below the minimum rate":    {minRate * 10, 39 * time.Second, grace + 10*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := &slowBody{start: start, received: c.received}
			if got := b.deadline(start.Add(c.after)).Sub(start); got.Round(time.Millisecond) != c.until.Round(time.Millisecond) {
				t.Errorf("deadline is %v after the start, want %v", got, c.until)
			}
		})
	}
}
