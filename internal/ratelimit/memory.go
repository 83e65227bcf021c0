package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Memory is a [Source] within one process. Its clock is monotonic: setting the
// machine's time forward or back changes no decision. What it counted can be
// saved for the process after it, see [Memory.Save].
type Memory struct {
	limits map[Class]int
	span   time.Duration
	clock  func() time.Duration

	mu        sync.Mutex
	windows   map[windowKey]*Window
	nextSweep time.Duration
	// loaded are the calls that another process counted, see [Memory.Load].
	loaded      map[loaded][]time.Duration
	loadedUntil time.Duration
}

type windowKey struct {
	class Class
	id    string
}

// NewMemory keeps the given limits over [Period].
func NewMemory(limits map[Class]int) *Memory {
	return NewMemoryWithSpan(limits, Period+windowSlack)
}

// Limit returns how many calls of a class are accepted within the span.
func (m *Memory) Limit(class Class) int { return m.limits[class] }

// NewMemoryWithSpan keeps limits over another span: sign-ins are throttled by the
// same arithmetic over other times.
func NewMemoryWithSpan(limits map[Class]int, span time.Duration) *Memory {
	start := time.Now()
	return &Memory{
		limits: limits, span: span,
		clock:   func() time.Duration { return time.Since(start) },
		windows: map[windowKey]*Window{},
	}
}

// Take implements [Source]. It never fails.
func (m *Memory) Take(_ context.Context, class Class, id string) (Decision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, now := m.window(class, id)
	return w.Take(now, m.limits[class], m.span), nil
}

// hold keeps a place for a call of a subject, of which at most limit may be
// taken, or refuses it. What it keeps must be settled.
func (m *Memory) hold(class Class, id string, limit int) Decision {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, now := m.window(class, id)
	return w.Hold(now, limit, m.span)
}

// settle counts a call that a place was kept for, or lets the place go.
func (m *Memory) settle(class Class, id string, accepted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, now := m.window(class, id)
	w.Settle(now, m.limits[class], accepted)
}

// window returns a subject's window and the time.
func (m *Memory) window(class Class, id string) (*Window, time.Duration) {
	now := m.clock()
	m.sweep(now)
	s := windowKey{class, id}
	w := m.windows[s]
	if w == nil {
		w = &Window{at: m.take(s, now)}
		m.windows[s] = w
	}
	return w, now
}

// Undo takes back the latest call of a subject: a sign-in that succeeded does
// not count towards the throttle. A window in which nothing counts any more is
// dropped.
func (m *Memory) Undo(class Class, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := windowKey{class, id}
	if w := m.windows[s]; w != nil {
		w.Undo()
		if w.Idle(m.clock(), m.span) {
			delete(m.windows, s)
		}
	}
}

// Windows counts the subjects that memory is used for.
func (m *Memory) Windows() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.windows)
}

// sweep drops the idle windows once per span, so that memory follows the
// subjects in use and not all that ever were: 4 kB for each at a limit of 500.
func (m *Memory) sweep(now time.Duration) {
	if now < m.nextSweep {
		return
	}
	m.nextSweep = now + m.span
	for s, w := range m.windows {
		if w.Idle(now, m.span) {
			delete(m.windows, s)
		}
	}
}
