package telemetry

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Limits on the log lines about refused requests.
const (
	refusedPerSecond = 50  // lines, on average
	refusedAtOnce    = 200 // lines in a burst
	summaryDelay     = time.Second
)

// logLimiter limits the log lines about refused requests, because anyone can send
// many of them and the log must not fill the disk. The zero value is ready to use.
type logLimiter struct {
	mu         sync.Mutex
	lines      float64        // lines that may be logged at the time updated
	updated    time.Time      // when lines was last computed
	suppressed map[string]int // lines by reason since the last summary
}

// allow reports whether a line may be logged. If not, it counts the line for a
// summary, which is logged within [summaryDelay].
func (l *logLimiter) allow(log *slog.Logger, reason string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.lines = min(refusedAtOnce, l.lines+now.Sub(l.updated).Seconds()*refusedPerSecond)
	l.updated = now
	if l.lines >= 1 {
		l.lines--
		return true
	}
	if l.suppressed == nil {
		l.suppressed = map[string]int{}
		time.AfterFunc(summaryDelay, func() { l.summarise(log) })
	}
	l.suppressed[reason]++
	return false
}

// summarise logs one line with the number of suppressed lines by reason.
func (l *logLimiter) summarise(log *slog.Logger) {
	l.mu.Lock()
	suppressed := l.suppressed
	l.suppressed = nil
	l.mu.Unlock()
	total, reasons := 0, make([]any, 0, len(suppressed))
	for _, reason := range slices.Sorted(maps.Keys(suppressed)) {
		total += suppressed[reason]
		reasons = append(reasons, slog.Int(reason, suppressed[reason]))
	}
	log.Warn("log lines about refused requests suppressed", "requests", total, slog.Group("reasons", reasons...))
}
