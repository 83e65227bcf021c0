package ratelimit // see ratelimit_test.go

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// restarted returns a new Memory, with its own clock, that has loaded what m saved at a time.
// Meanwhile the server was stopped for down, and the wall clock was moved by adjusted.
func restarted(m *Memory, limits map[Class]int, at time.Time, down, adjusted time.Duration) (*Memory, *fakeClock) {
	clock := &fakeClock{now: 7 * time.Hour}
	next := NewMemory(limits)
	next.clock = clock.read
	next.Load(at.Add(down+adjusted), m.Save(at))
	return next, clock
}

// accepts makes one call more than want, and fails unless exactly the first want are accepted.
func accepts(t *testing.T, m *Memory, class Class, id string, want int) {
	t.Helper()
	for i := range want + 1 {
		if d, err := m.Take(context.Background(), class, id); err != nil || d.Accepted != (i < want) {
			t.Fatalf("call %d of %s: %+v (%v), want %d accepted", i+1, id, d, err, want)
		}
	}
}

func TestWindowsSurviveARestart(t *testing.T) {
	limits := map[Class]int{Data: 5, Management: 3}
	wall := time.Date(2026, 5, 20, 9, 0, 0, 0, time.UTC)
	open := func() (*Memory, *fakeClock) {
		clock := &fakeClock{}
		m := NewMemory(limits)
		m.clock = clock.read
		return m, clock
	}
	spend := func() *Memory {
		m, clock := open()
		accepts(t, m, Data, "key", 5)
		clock.add(20 * time.Second)
		for range 2 {
			_, _ = m.Take(t.Context(), Management, "key")
			_, _ = m.Take(t.Context(), Data, "other")
		}
		return m
	}
	for name, test := range map[string]struct {
		down, adjusted                     time.Duration
		wait                               time.Duration
		wantKey, wantOther, wantManagement int
	}{
		"immediately":                             {0, 0, 0, 0, 3, 1},
		"after 40 s, 60 s after the first calls":  {40 * time.Second, 0, 0, 0, 3, 1},
		"after 20 s, and 22 s later":              {20 * time.Second, 0, 22 * time.Second, 5, 3, 1},
		"after 42 s":                              {42 * time.Second, 0, 0, 5, 3, 1},
		"after 62 s":                              {62 * time.Second, 0, 0, 5, 5, 3},
		"with the clock set back":                 {time.Second, -time.Hour, 0, 0, 3, 1},
		"with the clock set back, and 62 s later": {time.Second, -time.Hour, 62 * time.Second, 5, 5, 3},
		"with the clock set back, and 59 s later": {time.Second, -time.Hour, 59 * time.Second, 0, 3, 1},
		"with the clock set ahead":                {time.Second, time.Hour, 0, 5, 5, 3},
		"two minutes later":                       {time.Second, 0, 2 * time.Minute, 5, 5, 3},
	} {
		t.Run(name, func(t *testing.T) {
			next, clock := restarted(spend(), limits, wall, test.down, test.adjusted)
			clock.add(test.wait)
			accepts(t, next, Data, "key", test.wantKey)
			accepts(t, next, Data, "other", test.wantOther)
			accepts(t, next, Management, "key", test.wantManagement)
		})
	}
	t.Run("with the clock set back, and a call in between", func(t *testing.T) {
		next, clock := restarted(spend(), limits, wall, time.Second, -time.Hour)
		accepts(t, next, Data, "key", 0)
		clock.add(62 * time.Second)
		accepts(t, next, Data, "key", 5)
	})
	t.Run("after two restarts", func(t *testing.T) {
		m, _ := restarted(spend(), limits, wall, time.Second, 0)
		next, _ := restarted(m, limits, wall.Add(time.Second), time.Second, 0)
		accepts(t, next, Data, "key", 0)
		accepts(t, next, Data, "other", 3)
	})
	t.Run("with a lower limit", func(t *testing.T) {
		next, clock := restarted(spend(), map[Class]int{Data: 2, Management: 2}, wall, time.Second, 0)
		accepts(t, next, Data, "key", 0)
		clock.add(62 * time.Second)
		accepts(t, next, Data, "key", 2)
	})
	t.Run("with the windows of two servers", func(t *testing.T) {
		next := NewMemory(limits)
		next.Load(wall, append(spend().Save(wall), spend().Save(wall)...))
		accepts(t, next, Data, "key", 0)
		accepts(t, next, Data, "other", 1)
	})
}

func TestSavedWindowsAreBounded(t *testing.T) {
	m := NewMemory(map[Class]int{Data: 100})
	for i := range maxSaved + 10 {
		_, _ = m.Take(t.Context(), Data, fmt.Sprint(i))
	}
	accepts(t, m, Data, "full", 100)
	saved := m.Save(time.Now())
	if len(saved) != maxSaved || len(saved[0].Calls) != 100 {
		t.Errorf("%d windows are saved, the first with %d calls; want %d, the first with 100", len(saved),
			len(saved[0].Calls), maxSaved)
	}
	m = NewMemory(map[Class]int{Data: maxSavedCalls * 2})
	for range maxSavedCalls + 10 {
		_, _ = m.Take(t.Context(), Data, "busy")
	}
	_, _ = m.Take(t.Context(), Data, "idle")
	if saved := m.Save(time.Now()); len(saved) != 1 || len(saved[0].Calls) != maxSavedCalls {
		t.Errorf("%d windows are saved, the first with %d calls; want 1 with %d", len(saved),
			len(saved[0].Calls), maxSavedCalls)
	}
}

// TestLoadedWindowsAreDropped: they are dropped when none of their calls counts any longer.
func TestLoadedWindowsAreDropped(t *testing.T) {
	clock := &fakeClock{}
	m := NewMemory(map[Class]int{Data: 1})
	m.clock = clock.read
	m.Load(time.Now(), []Saved{{Class: Data, Calls: []time.Time{time.Now()}}})
	clock.add(MaxAge + 1)
	accepts(t, m, Data, "another", 1)
	if m.loaded != nil {
		t.Error("the loaded windows are still in memory")
	}
}
