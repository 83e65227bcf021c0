package ratelimit

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"
)

// A restart must not let a caller use its limit twice within a minute. A process that stops
// therefore saves the calls that still count, and the next process loads them. Each process
// has its own monotonic clock, so calls are saved with wall clock times.

// Saved holds the calls of one subject that still count, oldest first. Subject is the SHA-256
// of the subject's name, so that the names need not be stored.
type Saved struct {
	Class   Class
	Subject [sha256.Size]byte
	Calls   []time.Time
}

// Only the fullest windows are saved, where a lost call would matter most.
const (
	maxSaved      = 10_000  // windows
	maxSavedCalls = 500_000 // in all windows
)

// MaxAge is the age after which a saved call no longer counts.
const MaxAge = Period + time.Second

// Save returns the calls that count at now, which is the wall clock time. It must be called
// after the last Take.
func (m *Memory) Save(now time.Time) []Saved {
	m.mu.Lock()
	defer m.mu.Unlock()
	clock := m.clock()
	var all []Saved
	add := func(class Class, subject [sha256.Size]byte, times []time.Duration) {
		s := Saved{Class: class, Subject: subject}
		for _, at := range times {
			if clock-at <= m.span {
				s.Calls = append(s.Calls, now.Add(at-clock))
			}
		}
		if len(s.Calls) > 0 {
			all = append(all, s)
		}
	}
	for key, w := range m.windows {
		times := make([]time.Duration, len(w.at))
		for i := range times {
			times[i] = w.callAt(i)
		}
		add(key.class, hashOf(key), times)
	}
	for key, times := range m.loaded { // subjects without a call since the last restart
		add(key.class, key.hash, times)
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

// Load counts saved calls. now is the wall clock time. It drops calls older than [MaxAge]. A
// call in the future counts as one at now, because the clock may have been set back. Load must
// be called before the first Take.
func (m *Memory) Load(now time.Time, saved []Saved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clock := m.clock()
	m.loaded = map[loadedKey][]time.Duration{}
	for _, s := range saved {
		key := loadedKey{s.Class, s.Subject}
		for _, t := range s.Calls {
			if age := max(0, now.Sub(t)); age <= MaxAge {
				m.loaded[key] = append(m.loaded[key], clock-age)
			}
		}
	}
	for key, times := range m.loaded { // several servers may have saved the same subject
		slices.Sort(times)
		m.loaded[key] = times[max(0, len(times)-m.limits[key.class]):]
	}
	m.loadedUntil = clock + MaxAge
}

// loadedKey identifies a subject whose calls were loaded, until its next call.
type loadedKey struct {
	class Class
	hash  [sha256.Size]byte
}

// takeLoaded removes and returns the loaded calls of a subject.
func (m *Memory) takeLoaded(window windowKey, now time.Duration) []time.Duration {
	if len(m.loaded) == 0 {
		return nil
	}
	if now > m.loadedUntil {
		m.loaded = nil
		return nil
	}
	key := loadedKey{window.class, hashOf(window)}
	times := m.loaded[key]
	delete(m.loaded, key)
	return times
}

func hashOf(key windowKey) [sha256.Size]byte { return sha256.Sum256([]byte(key.id)) }
