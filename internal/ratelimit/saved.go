package ratelimit

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"
)

// A restart must not give a caller a second limit within the minute. So the process that stops
// saves the calls that still count, and the next one loads them. It has another monotonic
// clock, so the saved times are wall clock times.

// Saved has the calls of one subject that still count, oldest first. The subject is a hash,
// because its name is not needed.
type Saved struct {
	Class   Class
	Subject [sha256.Size]byte
	Calls   []time.Time
}

// Saving is limited to the fullest windows, where a lost call would matter most.
const (
	maxSaved      = 10_000
	maxSavedCalls = 500_000
)

// MaxAge is the age from which a saved call no longer counts.
const MaxAge = Period + time.Second

// Save returns the calls that count at now, in wall clock time. Call it after the last Take.
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
	for s, at := range m.loaded { // subjects without a call since the last restart
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

// Load counts saved calls. now is the wall clock time. Calls older than [MaxAge] are dropped;
// a call in the future counts as one at now, because the clock may have been set back. Call it
// before the first Take.
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

// loaded identifies a subject whose calls were loaded, until its next call.
type loaded struct {
	class Class
	hash  [sha256.Size]byte
}

// take removes and returns the loaded calls of a subject.
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
