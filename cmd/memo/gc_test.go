package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 1500, 1 << 20: 1500, 16 << 20: 300, 32 << 20: 100, 60 << 20: 50, 1 << 40: 50,
	} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d live bytes: got %d %%, want %d %%", live, got, want)
		}
	}
}

// TestGCIsTunedAfterEachCollection: the percentage follows the live memory up and down.
func TestGCIsTunedAfterEachCollection(t *testing.T) {
	t.Setenv("GOGC", "")
	old := debug.SetGCPercent(100)
	defer debug.SetGCPercent(old)
	tuneGC()
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	waitFor := func(what string, reached func(uint64) bool) {
		t.Helper()
		for range 500 {
			runtime.GC()
			metrics.Read(percent)
			if reached(percent[0].Value.Uint64()) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%s: the percentage is still %d", what, percent[0].Value.Uint64())
	}
	waitFor("a small heap", func(p uint64) bool { return p > minGCPercent })
	large := make([]byte, 2*minHeap)
	waitFor("a large heap", func(p uint64) bool { return p == minGCPercent })
	runtime.KeepAlive(large)
	large = nil
	waitFor("a small heap again", func(p uint64) bool { return p > minGCPercent })
}
