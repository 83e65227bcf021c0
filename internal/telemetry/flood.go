package telemetry

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// How many log lines about refused requests a process writes.
const (
	refusedPerSecond = 50  // on average
	refusedAtOnce    = 200 // in a burst
	summaryAfter     = time.Second
)

// flood limits the log lines about refused requests, because anyone can send many
// of them and the log must not fill the disk. The zero value is ready to use.
type flood struct {
	mu      sync.Mutex
	lines   float64 // lines that may be logged now
	at      time.Time
	leftOut map[string]int // lines per reason since the last summary
}

// allows reports whether a line may be logged. If not, it counts the line for a
// summary, which is logged within [summaryAfter].
func (f *flood) allows(log *slog.Logger, reason string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.lines = min(refusedAtOnce, f.lines+now.Sub(f.at).Seconds()*refusedPerSecond)
	f.at = now
	if f.lines >= 1 {
		f.lines--
		return true
	}
	if f.leftOut == nil {
		f.leftOut = map[string]int{}
		time.AfterFunc(summaryAfter, func() { f.summarise(log) })
	}
	f.leftOut[reason]++
	return false
}

// summarise logs one line about the lines that were left out.
func (f *flood) summarise(log *slog.Logger) {
	f.mu.Lock()
	leftOut := f.leftOut
	f.leftOut = nil
	f.mu.Unlock()
	total, reasons := 0, make([]any, 0, len(leftOut))
	for _, reason := range slices.Sorted(maps.Keys(leftOut)) {
		total += leftOut[reason]
		reasons = append(reasons, slog.Int(reason, leftOut[reason]))
	}
	log.Warn("log lines of refused requests left out", "requests", total, slog.Group("reasons", reasons...))
}
