package telemetry

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// How many lines about refused requests a process logs.
const (
	refusedPerSecond = 50  // in the long run
	refusedAtOnce    = 200 // at once
	summaryAfter     = time.Second
)

// flood bounds the log lines of refused requests, because anybody can send a
// great many, and the log must not fill the disk. Its zero value is ready.
type flood struct {
	mu      sync.Mutex
	lines   float64 // that may be logged now
	at      time.Time
	leftOut map[string]int // by reason, since the last summary
}

// allows reports whether a line may be logged. Where it reports false, the line
// is counted, and a summary follows within [summaryAfter].
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

// summarise logs one line about those that were left out.
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
	log.Warn("lines of refused requests were left out", "requests", total, slog.Group("reasons", reasons...))
}
