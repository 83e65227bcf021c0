package ratelimit // these tests set the clocks, and the timeouts of Redis

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"memoai.tech/memo/internal/testenv"
)

// fakeClock is a monotonic clock that the test moves.
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

// opener returns an empty source that uses a clock.
type opener func(limits map[Class]int, clock *fakeClock) Source

// sources are the implementations of Source. Each passes the same tests.
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
		return func(limits map[Class]int, clock *fakeClock) Source { return emptyRedis(r, limits, clock) }
	},
}

func TestMain(m *testing.M) { testenv.Main(m) }

func onEach(t *testing.T, f func(t *testing.T, open opener)) {
	for name, source := range sources {
		t.Run(name, func(t *testing.T) { f(t, source(t)) })
	}
}

// arrivals draws the times between calls: bursts, steady streams, and waits that end close to
// the boundaries of a window.
func arrivals(t *rapid.T) []time.Duration {
	gap := rapid.OneOf(
		rapid.Just(time.Duration(0)),
		rapid.Map(rapid.IntRange(0, 300), func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }),
		rapid.Map(rapid.IntRange(-2000, 2000), func(us int) time.Duration {
			return Period + windowSlack + time.Duration(us)*time.Microsecond
		}),
		rapid.Map(rapid.IntRange(-20, 20), func(ms int) time.Duration { return Period + time.Duration(ms)*time.Millisecond }),
		rapid.Map(rapid.IntRange(0, 62_000), func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }),
	)
	var out []time.Duration
	for range rapid.IntRange(1, 40).Draw(t, "bursts") {
		out = append(out, gap.Draw(t, "gap"))
		for range rapid.IntRange(0, 30).Draw(t, "length") {
			gaps := []time.Duration{0, 0, 1, time.Millisecond, 90 * time.Millisecond}
			out = append(out, rapid.SampledFrom(gaps).Draw(t, "within"))
		}
	}
	return out
}

// TestLimitIsExact: at most N calls are accepted in any 60 s, and no call is refused while
// fewer than N were accepted in the 61 s before it.
// See docs/contract.md#rate-limits.
func TestLimitIsExact(t *testing.T) {
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

// step makes one call, checks the decision against the times of the accepted calls, and
// returns these times.
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
			t.Fatalf("call %d within 60 s was accepted, the limit is %d", n+1, limit)
		}
		accepted = append(accepted, now)
	} else {
		if n := within(61 * time.Second); n < limit {
			t.Fatalf("a call was refused after %d calls in 61 s, the limit is %d", n, limit)
		}
		if d.RetryAfter <= 0 || d.RetryAfter > 61*time.Second {
			t.Fatalf("RetryAfter is %v, want up to 61 s", d.RetryAfter)
		}
	}
	// The clock of Redis counts microseconds: calls that stop counting within the same one stop
	// together.
	low, high := limit-within(Period+windowSlack+time.Microsecond), limit-within(Period+windowSlack-time.Microsecond)
	if d.Accepted && (d.Remaining < low || d.Remaining > high) || d.Limit != limit {
		t.Fatalf("%d of %d calls remain, want %d to %d of %d", d.Remaining, d.Limit, low, high, limit)
	}
	return accepted
}

func TestCallAfterRetryAfterIsAccepted(t *testing.T) {
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
				if next, _ := s.Take(context.Background(), Data, "key"); !next.Accepted {
					t.Fatalf("refused again after waiting %v", d.RetryAfter)
				}
			}
		})
	})
}

// TestWindowSlides: a limit with fixed windows would accept 500 calls at 59.9 s and 500
// more at 60.1 s. 61 s later 500 are accepted again.
func TestWindowSlides(t *testing.T) {
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
			t.Errorf("management: %d accepted, want 180, because data calls do not count", got)
		}
		clock.add(61 * time.Second)
		if got := take(Data, 600); got != 500 {
			t.Errorf("61 s later: %d accepted, want 500", got)
		}
	})
}

func TestSubjectsAreCountedSeparately(t *testing.T) {
	onEach(t, func(t *testing.T, open opener) {
		s := open(map[Class]int{Data: 3}, &fakeClock{})
		for range 10 {
			s.Take(context.Background(), Data, "a")
		}
		if d, _ := s.Take(context.Background(), Data, "b"); !d.Accepted || d.Remaining != 2 {
			t.Errorf("the first call of another subject: %+v, want accepted with 2 remaining", d)
		}
	})
}

func TestConcurrentCallsAreCountedExactly(t *testing.T) {
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
			t.Errorf("%d of 600 concurrent calls were accepted, want 500", n)
		}
	})
}

func TestUndoneCallDoesNotCount(t *testing.T) {
	clock := &fakeClock{}
	m := NewMemoryWithSpan(map[Class]int{Data: 2}, time.Minute)
	m.clock = clock.read
	take := func() bool { d, _ := m.Take(context.Background(), Data, "x"); return d.Accepted }
	for range 5 { // an undone call leaves nothing in the window
		if !take() {
			t.Fatal("a call was refused although all earlier ones were undone")
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
	m.Undo(Data, "unknown")
}

// TestUndoRemovesTheLastCall compares a window with a plain list of times from which Undo
// removes the last one.
func TestUndoRemovesTheLastCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const span = time.Minute
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		var w Window
		var model []time.Duration
		var now time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second
			counted := slices.DeleteFunc(slices.Clone(model), func(at time.Duration) bool { return now-at > span })
			if w.Idle(now, span) != (len(counted) == 0) {
				t.Fatalf("Idle is %v with %d counted calls", !(len(counted) == 0), len(counted))
			}
			d := w.Take(now, limit, span)
			if d.Accepted != (len(counted) < limit) {
				t.Fatalf("accepted is %v after %d counted calls, the limit is %d", d.Accepted, len(counted), limit)
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
	m.Take(context.Background(), Data, "last")
	if n := len(m.windows); n != 1 {
		t.Errorf("%d windows are left, want 1", n)
	}
}

func BenchmarkTake(b *testing.B) {
	for name, source := range sources {
		b.Run(name, func(b *testing.B) {
			clock := &fakeClock{}
			s := source(b)(map[Class]int{Data: 500}, clock)
			b.ReportAllocs()
			for b.Loop() {
				clock.add(200 * time.Millisecond) // 300 of the 500 calls count, so each is accepted
				if d, err := s.Take(context.Background(), Data, "key"); !d.Accepted {
					b.Fatal(d, err)
				}
			}
		})
	}
}

// TestEveryClassIsListedAndCounted: a class that is not in Classes has no limit, and one that no
// surface counts has no effect.
func TestEveryClassIsListedAndCounted(t *testing.T) {
	source, err := os.ReadFile("ratelimit.go")
	if err != nil {
		t.Fatal(err)
	}
	var surfaces []byte
	for _, pattern := range []string{"../admission/*.go", "../rest/*.go", "../mcp/*.go", "../web/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			documents := []string{"docs.go", "openapi.go"} // show limits and count nothing
			if !strings.HasSuffix(file, "_test.go") && !slices.Contains(documents, filepath.Base(file)) {
				surfaces = append(surfaces, b...)
			}
		}
	}
	classes := regexp.MustCompile(`(?m)^\t(\w+)\s+Class = "(\w+)"`).FindAllSubmatch(source, -1)
	if len(classes) < 3 {
		t.Fatalf("found only %d classes", len(classes))
	}
	for _, class := range classes {
		if !slices.Contains(Classes, Class(class[2])) {
			t.Errorf("%s is not in Classes: add it there", class[1])
		}
		if !bytes.Contains(surfaces, append([]byte("ratelimit."), class[1]...)) {
			t.Errorf("no surface counts %s: pass it to admission.Control.Count", class[1])
		}
	}
}
