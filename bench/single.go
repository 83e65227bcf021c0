package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/store"
)

// The measurements in this file have no bare server as their baseline.

// allowedGrowth is the number of bytes by which the peaks of two runs may differ even
// if they need the same memory, because the garbage collector and the kernel allocate
// memory in large units.
const allowedGrowth = 1 << 20

// memory compares the peak of the server's memory while it writes archives of 100
// with the peak for archives of 10, with the same number of transcriptions in all.
// The garbage collector runs often, so that the peak is the memory in use and not
// garbage.
func (b *runner) memory(ctx context.Context, t *resultTable) error {
	var tens, hundreds, growths []float64
	for range b.rounds {
		ten, err := b.peak(ctx, 10)
		if err != nil {
			return err
		}
		hundred, err := b.peak(ctx, 100)
		if err != nil {
			return err
		}
		tens, hundreds, growths = append(tens, ten), append(hundreds, hundred), append(growths, hundred-ten)
	}
	mb := func(bytes float64) string { return fmt.Sprintf("%+.2f MB", bytes/1e6) }
	t.add(tableLine{
		name: "ZIP memory: peak over rest, archives of 100 vs. 10",
		memo: mb(median(hundreds)), baseline: mb(median(tens)), aim: "≤ +1 MB",
		ratio: mb(median(growths)), verdict: verdictOf(median(growths), allowedGrowth),
	})
	return nil
}

// peak returns how far the memory of a new server rises while it writes archives of
// size transcriptions, 1,000 in all. The starting point is its memory after it has
// read every transcription once. Both sizes read the same transcriptions, because
// mapped pages of the database count as memory too.
func (b *runner) peak(ctx context.Context, size int) (bytes float64, err error) {
	s, err := startMemo(ctx, b.binary, b.small.dir, filepath.Join(b.work, "memory.log"), "GOGC=10")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	c := apiClient{s.host, b.small.key, &b.spell}
	archives := func(total, size int) error {
		for from := 0; from < total; from += size {
			first := from % 100
			if _, _, err := (probe{s, 200, c.archive(b.small.Long[first : first+size])}).fetch(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if err := archives(100, 10); err != nil {
		return 0, err
	}
	if err := s.resetPeak(); err != nil {
		return 0, err
	}
	before, _, err := s.memory()
	if err != nil {
		return 0, err
	}
	if err := archives(1000, size); err != nil {
		return 0, err
	}
	_, peak, err := s.memory()
	return float64(peak - before), err
}

// authorise measures the authorisation of a key, in this process.
func (b *runner) authorise(ctx context.Context, t *resultTable) error {
	key, ok := credential.ParseKey(b.large.key)
	if !ok {
		return errors.New("the key of this run is malformed")
	}
	return b.large.withApp(ctx, func(a *app.App, _ *store.Store) error {
		var times []float64
		var allocs int64
		for range b.rounds {
			var failed error
			r := testing.Benchmark(func(tb *testing.B) {
				tb.ReportAllocs()
				for tb.Loop() {
					if _, err := a.AuthoriseKey(ctx, key, app.Client{Address: "192.0.2.1", UserAgent: "memo-bench"}); err != nil {
						failed = err
						return
					}
				}
			})
			if failed != nil {
				return failed
			}
			times, allocs = append(times, float64(r.NsPerOp())/1e3), r.AllocsPerOp()
		}
		t.add(tableLine{
			name: fmt.Sprintf("authorise alone, %d allocations", allocs),
			memo: fmt.Sprintf("%.1f µs", median(times)),
		})
		return nil
	})
}

// startAim is the maximum time of a start.
const startAim = 100 * time.Millisecond

// startTime measures how long a server on the large database takes to become ready.
func (b *runner) startTime(ctx context.Context, t *resultTable) error {
	best := time.Duration(1 << 62)
	for range 5 {
		start := time.Now()
		s, err := startMemo(ctx, b.binary, b.large.dir, filepath.Join(b.work, "start.log"))
		if err != nil {
			return err
		}
		err = s.ready(ctx)
		best = min(best, time.Since(start))
		if err = errors.Join(err, s.stop()); err != nil {
			return err
		}
	}
	t.add(tableLine{
		name: "start on " + formatThousands(b.options.rows) + " rows, best of 5",
		memo: fmt.Sprintf("%.0f ms", best.Seconds()*1e3),
		aim:  fmt.Sprintf("≤ %d ms", startAim.Milliseconds()), verdict: verdictOf(float64(best), float64(startAim)),
	})
	return nil
}
