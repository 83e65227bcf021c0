package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Memory is a [Source] within one process. Its clock is monotonic, so changes of the system
// time do not affect it. [Memory.Save] returns its calls for the next process.
type Memory struct {
	limits map[Class]int
	span   time.Duration
	clock  func() time.Duration

	mu        sync.Mutex
	windows   map[windowKey]*Window
	nextSweep time.Duration
	// loaded holds the calls that earlier processes saved; see [Memory.Load].
	loaded      map[loadedKey][]time.Duration
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

// NewMemoryWithSpan returns a Memory with another span, for the sign-in throttle.
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

// hold holds a slot for a call of a subject, or refuses the call if limit slots are in use.
// The caller must settle a held slot.
func (m *Memory) hold(class Class, id string, limit int) Decision {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, now := m.window(class, id)
	return w.Hold(now, limit, m.span)
}

// settle releases a held slot, and counts its call if that was accepted.
func (m *Memory) settle(class Class, id string, accepted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, now := m.window(class, id)
	w.Settle(now, m.limits[class], accepted)
}

// window returns a subject's window, which it creates if necessary, and the current time.
func (m *Memory) window(class Class, id string) (*Window, time.Duration) {
	now := m.clock()
	m.sweep(now)
	key := windowKey{class, id}
	w := m.windows[key]
	if w == nil {
		w = &Window{at: m.takeLoaded(key, now)}
		m.windows[key] = w
	}
	return w, now
}

// Undo removes the latest call of a subject, because a successful sign-in does not count. If
// no call in the window counts then, it drops the window.
func (m *Memory) Undo(class Class, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := windowKey{class, id}
	if w := m.windows[key]; w != nil {
		w.Undo()
		if w.Idle(m.clock(), m.span) {
			delete(m.windows, key)
		}
	}
}

// Windows returns the number of windows in memory.
func (m *Memory) Windows() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.windows)
}

// sweep drops idle windows once per span, so that only recently active subjects take memory:
// 4 kB each at a limit of 500.
func (m *Memory) sweep(now time.Duration) {
	if now < m.nextSweep {
		return
	}
	m.nextSweep = now + m.span
	for key, w := range m.windows {
		if w.Idle(now, m.span) {
			delete(m.windows, key)
		}
	}
}
