package bench

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
)

// smallFiles writes n different text files of about 1.5 kB and returns their directory.
func smallFiles(b *testing.B, n int) string {
	dir := b.TempDir()
	meetings, err := englishMeetings()
	check(b, err)
	for i := range n {
		r := rand.New(rand.NewPCG(2, uint64(i)))
		var text strings.Builder
		for text.Len() < 1500 {
			spoken := meetings[r.IntN(len(meetings))].Segments
			s := spoken[r.IntN(len(spoken))]
			fmt.Fprintf(&text, "%s: %s\n", s.Speaker, s.Text)
		}
		check(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.txt", i)), []byte(text.String()), 0o600))
	}
	return dir
}

// BenchmarkImport measures the CPU time of memo import for each file, once into a new workspace and
// once more. The cost of starting the program is that of importing one file again.
func BenchmarkImport(b *testing.B) {
	const n = 300
	files := smallFiles(b, n)
	var added, unchanged rounds
	for b.Loop() {
		for i, p := range programs(b) {
			dir := b.TempDir()
			p.newWorkspace(b, dir)
			load := func(path string) float64 {
				_, used := p.run(b, "import", "--data", dir, "--workspace", benchName, path)
				return float64(used) / 1e6
			}
			all, again, one := load(files), load(files), load(filepath.Join(files, "00000.txt"))
			added[i] = append(added[i], (all-one)/n)
			unchanged[i] = append(unchanged[i], (again-one)/n)
		}
	}
	addLine(line{work: "import of a file of 1.5 kB", unit: "ms of CPU", aim: 3}, added)
	addLine(line{work: "import of an unchanged file", unit: "ms of CPU", aim: 0.3}, unchanged)
}

// BenchmarkAuthorise measures how a key becomes a caller, without HTTP, in this process.
func BenchmarkAuthorise(b *testing.B) {
	ctx, p := b.Context(), now(b)
	p.serveSmall(b).stop() // creates the data
	s, err := store.Open(ctx, store.Config{Dir: p.small()})
	check(b, err)
	defer s.Close()
	a := app.New(app.Config{
		Store: s, Limits: ratelimit.NewMemory(nil), Passwords: credential.NewPasswordHasher(1),
		Log: slog.New(slog.DiscardHandler),
	})
	key, ok := credential.ParseKey(p.newKey(b, "--data", p.small()))
	if !ok {
		b.Fatal("the key is malformed")
	}
	const n = 10_000
	authorise := func() {
		for range n {
			_, err := a.AuthoriseKey(ctx, key, app.Client{Address: "192.0.2.1", UserAgent: "curl/8"}, memo.PermissionREST)
			check(b, err)
		}
	}
	authorise()
	var costs, allocs []float64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := cpuTime(b)
		authorise()
		costs = append(costs, float64(cpuTime(b)-start)/1e3/n)
		runtime.ReadMemStats(&after)
		allocs = append(allocs, float64(after.Mallocs-before.Mallocs)/n)
	}
	addLine(line{work: "authorise (key → caller)", unit: "µs of CPU", aim: 10}, rounds{costs})
	addLine(line{work: "authorise: allocations", aim: 20}, rounds{allocs})
}

// cpuTime returns the CPU time of this process.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkReadsDuringImport measures the list of 20 while memo import adds files to the same
// database: the time that 99 % of the calls do not exceed, compared with that without an import.
func BenchmarkReadsDuringImport(b *testing.B) {
	const n = 500
	files := smallFiles(b, n)
	first, err := filepath.Glob(filepath.Join(files, "000*"))
	check(b, err)
	var alone, during rounds
	for b.Loop() {
		if len(alone[0]) == slowRounds {
			continue
		}
		for i, p := range programs(b) {
			dir := b.TempDir()
			p.newWorkspace(b, dir)
			load := func(paths ...string) {
				p.run(b, append([]string{"import", "--data", dir, "--workspace", benchName}, paths...)...)
			}
			load(first...)
			t := target{p.serve(b, nil, "--data", dir), p.newKey(b, "--data", dir)}
			_, p99 := t.get(read).throughput(b, connections, roundLength)
			alone[i] = append(alone[i], p99)
			ctx, stop := context.WithCancel(b.Context())
			importing := make(chan struct{})
			go func() { defer close(importing); defer stop(); load(files) }()
			var slowest []float64
			for len(slowest) == 0 || ctx.Err() == nil {
				_, p99 := t.get(read).throughput(b, connections, roundLength)
				slowest = append(slowest, p99)
			}
			<-importing
			during[i] = append(during[i], median(slowest))
			t.stop()
		}
	}
	addLine(line{
		work: "list of 20 during an import: p99", cost: "alone " + number(median(alone[0])) + " ms", unit: "ms",
	}, during)
}

// BenchmarkConnections measures calls per second and the time that 99 % of them do not exceed, with
// more and more connections. The clients share the cores with the server.
func BenchmarkConnections(b *testing.B) {
	var lists []probe
	for _, p := range programs(b) {
		lists = append(lists, p.serveSmall(b).get(page))
	}
	for _, n := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var rates, p99s rounds
			for b.Loop() {
				for i, list := range lists {
					rate, p99 := list.throughput(b, n, roundLength)
					rates[i], p99s[i] = append(rates[i], rate), append(p99s[i], p99)
				}
			}
			addLine(line{
				work: fmt.Sprintf("list of 20, unchanged, %d connections", n), unit: "calls per s",
				cost: "p99 " + number(median(p99s[0])) + " ms",
			}, rates)
		})
	}
}
