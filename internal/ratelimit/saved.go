package ratelimit

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"
)

// A restart must not give a caller a second limit within the minute. So the
// process that stops saves the calls that still count, and the next one loads
// them. Its clock is another, so the times are those of the wall clock.

// Saved is the calls of one subject that still count, oldest first. The subject
// is saved as a hash, because nobody needs its name.
type Saved struct {
	Class   Class
	Subject [sha256.Size]byte
	Calls   []time.Time
}

// What is saved is bounded: the fullest windows come first, because they are
// the ones in which a forgotten call would be one too many.
const (
	maxSaved      = 10_000
	maxSavedCalls = 500_000
)

// MaxAge is the age from which a saved call counts no more.
const MaxAge = Period + time.Second

// Save returns what counts at now, the wall clock's time. Call it when no call
// is taken any more.
func (m *Memory) Save(now time.Time) []Saved {
	m.mu.Lock()
	defer m.mu.Unlock()
	clock := m.clock()
	var all []Saved
	add := func(class Class, subject [sha256.Size]byte, at []time.Duration) {
		s := Saved{Class: class, Subject: subject}
		for _, at := range at {
			if clock-at <= m.span {
				s.Calls = append(s.Calls, now.Add(at-clock))
			}
		}
		if len(s.Calls) > 0 {
			all = append(all, s)
		}
	}
	for s, w := range m.windows {
		at := make([]time.Duration, len(w.at))
		for i := range at {
			at[i] = w.callAt(i)
		}
		add(s.class, hashOf(s), at)
	}
	for s, at := range m.loaded { // of who has not called since the last restart
		add(s.class, s.hash, at)
	}
	slices.SortFunc(all, func(a, b Saved) int { return cmp.Compare(len(b.Calls), len(a.Calls)) })
	left := maxSavedCalls
	for i, s := range all {
		if i == maxSaved || left == 0 {
			return all[:i]
		}
		all[i].Calls = s.Calls[max(0, len(s.Calls)-left):]
		left -= len(all[i].Calls)
	}
	return all
}

// Load makes saved calls count from now on, which is the wall clock's time. One
// that is older than [MaxAge] is dropped; one that seems to come is taken for
// one of now, because the clock may have been set back. Call it before any call
// is taken.
func (m *Memory) Load(now time.Time, saved []Saved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clock := m.clock()
	m.loaded = map[loaded][]time.Duration{}
	for _, s := range saved {
		of := loaded{s.Class, s.Subject}
		for _, t := range s.Calls {
			if age := max(0, now.Sub(t)); age <= MaxAge {
				m.loaded[of] = append(m.loaded[of], clock-age)
			}
		}
	}
	for of, at := range m.loaded { // several servers may have saved the same subject
		slices.Sort(at)
		m.loaded[of] = at[max(0, len(at)-m.limits[of.class]):]
	}
	m.loadedUntil = clock + MaxAge
}

// loaded is a subject whose calls were loaded, until its next call shows who it is.
type loaded struct {
	class Class
	hash  [sha256.Size]byte
}

// take returns the calls of a subject that were loaded, and forgets them.
func (m *Memory) take(s windowKey, now time.Duration) []time.Duration {
	if len(m.loaded) == 0 {
		return nil
	}
	if now > m.loadedUntil {
		m.loaded = nil
		return nil
	}
	of := loaded{s.class, hashOf(s)}
	at := m.loaded[of]
	delete(m.loaded, of)
	return at
}

func hashOf(s windowKey) [sha256.Size]byte { return sha256.Sum256([]byte(s.id)) }
