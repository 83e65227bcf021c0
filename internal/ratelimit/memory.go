package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Memory is a [Source] within one process. Its clock is monotonic, so setting the machine's
// time changes no decision. [Memory.Save] saves its calls for the next process.
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

// NewMemory returns a Memory with these limits over [Period].
func NewMemory(limits map[Class]int) *Memory {
	return NewMemoryWithSpan(limits, Period+windowSlack)
}

// Limit returns how many calls of a class are accepted within the span.
func (m *Memory) Limit(class Class) int { return m.limits[class] }

// NewMemoryWithSpan returns a Memory with another span, for the throttle of sign-ins.
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

// hold holds a place for a call of a subject, of at most limit places, or refuses it. A held
// place must be settled.
func (m *Memory) hold(class Class, id string, limit int) Decision {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, now := m.window(class, id)
	return w.Hold(now, limit, m.span)
}

// settle counts the call of a held place if it was accepted, and releases the place.
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

// Undo removes the latest call of a subject, because a successful sign-in does not count. It
// drops a window without calls.
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

// Windows returns the number of subjects in memory.
func (m *Memory) Windows() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.windows)
}

// sweep drops idle windows once per span, so that memory depends on the subjects in use: 4 kB
// each at a limit of 500.
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
