package bench

import (
	"flag"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"memoai.tech/memo/internal/testenv"
)

var profile = flag.String("profile", "", "write a CPU profile of a server under load to this file")

// BenchmarkProfile writes the CPU profile of a server that answers every kind of request in turn,
// with which releases are optimised. Each kind has the same time, so the profile shows
// what they have in common first.
func BenchmarkProfile(b *testing.B) {
	if *profile == "" {
		b.Skip("see make pgo")
	}
	path, err := filepath.Abs(*profile)
	check(b, err)
	build, err := testenv.BuildMemoForProfile()
	check(b, err)
	now(b).serveSmall(b).stop() // creates the data
	p := program{build, ownData}
	key := p.newKey(b, "--data", p.small())
	t := target{p.serve(b, []string{"MEMO_CPU_PROFILE=" + path}, "--data", p.small()), key}
	bare := startServer(b, nil, self(b), bareCommand)
	rows := requests(b, t, t, t, bare, smallRows)
	for b.Loop() {
		for _, r := range rows {
			if r.memo.to == t.server {
				r.memo.load(b)
			}
		}
	}
	_ = os.Remove(path)
	check(b, syscall.Kill(t.pid, syscall.SIGUSR1))
	for range 100 {
		if _, err = os.Stat(path); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Fatal(err)
}
