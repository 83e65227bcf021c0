package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// minHeap is the size in bytes up to which the heap may grow before it is collected. By default
	// Go collects a heap of 10 MB, which is what a server has when few call it, after every 200 calls.
	minHeap = 64 << 20
	// minGCPercent is by how much a larger heap may grow. Thousands of idle connections are live
	// memory without garbage, so Go's 100 would double the memory for nothing.
	minGCPercent = 50
)

// tuneGC makes the garbage collector run when the heap has grown to minHeap or, if more than that is
// in use, by minGCPercent. Go has no such setting, so the percentage is adjusted after each
// collection. It does nothing if the operator has set GOGC.
func tuneGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	type cycle struct{ _ [32]byte } // large enough not to share memory with other objects
	var adjust func(*cycle)
	current := 100
	adjust = func(*cycle) {
		metrics.Read(used)
		if p := gcPercent(used[0].Value.Uint64() + used[1].Value.Uint64()); p != current { // setting it stops the world
			debug.SetGCPercent(p)
			current = p
		}
		// The next collection finds that nothing refers to it, and calls adjust again.
		runtime.SetFinalizer(&cycle{}, adjust)
	}
	adjust(nil)
}

// gcPercent returns the percentage by which a heap may grow when this many bytes are live, with
// the stacks of goroutines.
func gcPercent(live uint64) int {
	const least = 4 << 20 // Go applies the percentage to 4 MB if less is live, as before the first collection
	return max(minGCPercent, int(minHeap*100/max(live, least))-100)
}
