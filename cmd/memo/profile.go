//go:build profile

package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// With the build tag profile, the program writes a CPU profile of the time from its start to SIGUSR1
// to the file MEMO_CPU_PROFILE. make pgo uses it; a release has neither.
func init() {
	path := os.Getenv("MEMO_CPU_PROFILE")
	if path == "" {
		return
	}
	f, err := os.Create(path + ".partial")
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGUSR1)
	go func() {
		<-stop
		pprof.StopCPUProfile()
		if f.Close() == nil {
			_ = os.Rename(f.Name(), path) // bench waits for it
		}
	}()
}
