package web

import (
	"testing"
	"time"
)

// TestPatience: an upload that is slow may go on, one that sends nothing ends.
func TestPatience(t *testing.T) {
	begun := time.Now()
	for name, c := range map[string]struct {
		received int64 // bytes
		after    time.Duration
		until    time.Duration
	}{
		"nothing yet":              {0, 0, grace},
		"nothing for long":         {0, 20 * time.Second, grace},
		"one byte now and then":    {10, 29 * time.Second, grace + 10*time.Second/leastRate},
		"fast, and silent now":     {100 << 20, 10 * time.Second, 10*time.Second + maxReadGap},
		"as slow as it may be":     {leastRate * 100, 110 * time.Second, grace + 100*time.Second},
		"the longest that it may":  {1 << 30, 29*time.Minute + 50*time.Second, maxUploadTime},
		"slow, and soon too slow ": {leastRate * 10, 39 * time.Second, grace + 10*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := &slowBody{begun: begun, received: c.received}
			if got := b.deadline(begun.Add(c.after)).Sub(begun); got.Round(time.Millisecond) != c.until.Round(time.Millisecond) {
				t.Errorf("the upload ends %v after its start, want %v", got, c.until)
			}
		})
	}
}
