package ratelimit

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"memoai.tech/memo/internal/testenv"
)

// fakeClock is a monotonic clock that the test turns.
type fakeClock struct {
	mu  sync.Mutex
	now time.Duration
}

func (c *fakeClock) read() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
}

// opener opens an empty source on a clock.
type opener func(limits map[Class]int, clock *fakeClock) Source

// sources are the places that keep windows. Each passes the same suite.
var sources = map[string]func(testing.TB) opener{
	"memory": func(testing.TB) opener {
		return func(limits map[Class]int, clock *fakeClock) Source {
			m := NewMemory(limits)
			m.clock = clock.read
			return m
		}
	},
	"redis": func(t testing.TB) opener {
		r := newRedis(t, testenv.Redis(t))
		return func(limits map[Class]int, clock *fakeClock) Source { return emptied(r, limits, clock) }
	},
}

func TestMain(m *testing.M) { testenv.Main(m) }

func onEach(t *testing.T, f func(t *testing.T, open opener)) {
	for name, source := range sources {
		t.Run(name, func(t *testing.T) { f(t, source(t)) })
	}
}

// arrivals draws gaps between calls: floods, steady streams, and waits that
// end close to the borders where windows go wrong.
func arrivals(t *rapid.T) []time.Duration {
	gap := rapid.OneOf(
		rapid.Just(time.Duration(0)),
		rapid.Map(rapid.IntRange(0, 300), func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }),
		rapid.Map(rapid.IntRange(-2000, 2000), func(us int) time.Duration {
			return Period + windowSlack +
				time.Duration(us)*time.Microsecond
		}),
		rapid.Map(rapid.IntRange(-20, 20), func(ms int) time.Duration { return Period + time.Duration(ms)*time.Millisecond }),
		rapid.Map(rapid.IntRange(0, 62_000), func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }),
	)
	var out []time.Duration
	for range rapid.IntRange(1, 40).Draw(t, "bursts") {
		out = append(out, gap.Draw(t, "gap"))
		for range rapid.IntRange(0, 30).Draw(t, "length") {
			out = append(out, rapid.SampledFrom([]time.Duration{0, 0, 1, time.Millisecond, 90 * time.Millisecond}).Draw(t,
				"within"))
		}
	}
	return out
}

// TestExact is the contract's promise: at most N in any 60 s wherever it
// starts, and no refusal while fewer than N were accepted in the 61 s before.
func TestExact(t *testing.T) {
	onEach(t, func(t *testing.T, open opener) {
		rapid.Check(t, func(t *rapid.T) {
			limit := rapid.SampledFrom([]int{1, 2, 5, 20, 500}).Draw(t, "limit")
			clock := &fakeClock{}
			s := open(map[Class]int{Data: limit}, clock)
			var accepted []time.Duration
			for _, gap := range arrivals(t) {
				clock.add(gap)
				for range max(1, limit/20) {
					accepted = step(t, s, clock, limit, accepted)
				}
			}
		})
	})
}

func step(t *rapid.T, s Source, clock *fakeClock, limit int, accepted []time.Duration) []time.Duration {
	now := clock.read()
	d, err := s.Take(context.Background(), Data, "key")
	if err != nil {
		t.Fatal(err)
	}
	within := func(span time.Duration) (n int) {
		for _, at := range accepted {
			if now-at <= span {
				n++
			}
		}
		return n
	}
	if d.Accepted {
		if n := within(Period); n >= limit {
			t.Fatalf("call %d within 60 s is accepted, the limit is %d", n+1, limit)
		}
		accepted = append(accepted, now)
	} else {
		if n := within(61 * time.Second); n < limit {
			t.Fatalf("refused after %d calls in 61 s, the limit is %d", n, limit)
		}
		if d.RetryAfter <= 0 || d.RetryAfter > 61*time.Second {
			t.Fatalf("RetryAfter is %v", d.RetryAfter)
		}
	}
	// Redis's clock has microseconds: calls that leave the window within one do
	// so together.
	least, most := limit-within(Period+windowSlack+time.Microsecond), limit-within(Period+windowSlack-time.Microsecond)
	if d.Accepted && (d.Remaining < least || d.Remaining > most) || d.Limit != limit {
		t.Fatalf("remaining %d of %d, want %d to %d", d.Remaining, d.Limit, least, most)
	}
	return accepted
}

// TestRetryAfterHolds: waiting as long as was said makes the next call succeed.
func TestRetryAfterHolds(t *testing.T) {
	onEach(t, func(t *testing.T, open opener) {
		rapid.Check(t, func(t *rapid.T) {
			clock := &fakeClock{}
			s := open(map[Class]int{Data: 20}, clock)
			for _, gap := range arrivals(t) {
				clock.add(gap)
				d, _ := s.Take(context.Background(), Data, "key")
				if d.Accepted {
					continue
				}
				clock.add(d.RetryAfter)
				if again, _ := s.Take(context.Background(), Data, "key"); !again.Accepted {
					t.Fatalf("refused again after waiting %v", d.RetryAfter)
				}
			}
		})
	})
}

// TestTheBordersOfAMinute: 500 at 59.9 s and 500 at 60.1 s break a fixed
// window; 61 s later all are free again.
func TestTheBordersOfAMinute(t *testing.T) {
	onEach(t, func(t *testing.T, open opener) {
		clock := &fakeClock{now: 59_900 * time.Millisecond}
		s := open(map[Class]int{Data: 500, Management: 180}, clock)
		take := func(class Class, n int) (accepted int) {
			for range n {
				if d, _ := s.Take(context.Background(), class, "key"); d.Accepted {
					accepted++
				}
			}
			return accepted
		}
		if got := take(Data, 500); got != 500 {
			t.Errorf("at 59.9 s: %d accepted, want 500", got)
		}
		clock.add(200 * time.Millisecond)
		if got := take(Data, 500); got != 0 {
			t.Errorf("at 60.1 s: %d accepted, want none", got)
		}
		if got := take(Management, 200); got != 180 {
			t.Errorf("management: %d accepted, want 180 whatever the data calls are", got)
		}
		clock.add(61 * time.Second)
		if got := take(Data, 600); got != 500 {
			t.Errorf("61 s later: %d accepted, want 500", got)
		}
	})
}

func TestOneSubjectDoesNotTouchAnother(t *testing.T) {
	onEach(t, func(t *testing.T, open opener) {
		s := open(map[Class]int{Data: 3}, &fakeClock{})
		for range 10 {
			s.Take(context.Background(), Data, "a")
		}
		if d, _ := s.Take(context.Background(), Data, "b"); !d.Accepted || d.Remaining != 2 {
			t.Errorf("got %+v", d)
		}
	})
}

func TestConcurrentCallsAreCountedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, open opener) {
		s := open(map[Class]int{Data: 500}, &fakeClock{})
		var wg sync.WaitGroup
		accepted := make(chan bool, 600)
		for range 600 {
			wg.Go(func() {
				d, _ := s.Take(context.Background(), Data, "key")
				accepted <- d.Accepted
			})
		}
		wg.Wait()
		close(accepted)
		n := 0
		for ok := range accepted {
			if ok {
				n++
			}
		}
		if n != 500 {
			t.Errorf("%d of 600 at once were accepted, want 500", n)
		}
	})
}

func TestUndo(t *testing.T) {
	clock := &fakeClock{}
	m := NewMemoryWithSpan(map[Class]int{Data: 2}, time.Minute)
	m.clock = clock.read
	take := func() bool { d, _ := m.Take(context.Background(), Data, "x"); return d.Accepted }
	for range 5 { // success after success leaves nothing behind
		if !take() {
			t.Fatal("refused although every call was taken back")
		}
		m.Undo(Data, "x")
	}
	for i, want := range []bool{true, true, false} {
		if take() != want {
			t.Errorf("call %d: accepted is %v", i+1, !want)
		}
	}
	m.Undo(Data, "x")
	for i, want := range []bool{true, false} {
		if take() != want {
			t.Errorf("call %d after Undo: accepted is %v", i+1, !want)
		}
	}
	m.Undo(Data, "nobody")
}

// TestUndoAgainstAPlainList: a window with Undo behaves like a list of times
// from which the last is taken.
func TestUndoAgainstAPlainList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const span = time.Minute
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		var w Window
		var model []time.Duration
		var now time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second
			live := slices.DeleteFunc(slices.Clone(model), func(at time.Duration) bool { return now-at > span })
			if w.Idle(now, span) != (len(live) == 0) {
				t.Fatalf("Idle is %v with %d calls", !(len(live) == 0), len(live))
			}
			d := w.Take(now, limit, span)
			if d.Accepted != (len(live) < limit) {
				t.Fatalf("accepted is %v with %d of %d", d.Accepted, len(live), limit)
			}
			if !d.Accepted {
				continue
			}
			model = append(model, now)
			if rapid.Bool().Draw(t, "undo") {
				w.Undo()
				model = model[:len(model)-1]
			}
		}
	})
}

func TestIdleWindowsAreDropped(t *testing.T) {
	clock := &fakeClock{}
	m := NewMemory(map[Class]int{Data: 500})
	m.clock = clock.read
	for i := range 1000 {
		m.Take(context.Background(), Data, string(rune(i)))
	}
	clock.add(3 * Period)
	m.Take(context.Background(), Data, "alone")
	if n := len(m.windows); n != 1 {
		t.Errorf("%d windows are kept, want 1", n)
	}
}

func BenchmarkTake(b *testing.B) {
	for name, source := range sources {
		b.Run(name, func(b *testing.B) {
			clock := &fakeClock{}
			s := source(b)(map[Class]int{Data: 500}, clock)
			b.ReportAllocs()
			for b.Loop() {
				clock.add(200 * time.Millisecond) // 300 of the 500 count, and each is accepted
				if d, err := s.Take(context.Background(), Data, "key"); !d.Accepted {
					b.Fatal(d, err)
				}
			}
		})
	}
}
