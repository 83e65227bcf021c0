package main

import (
	"context"
	"fmt"
	"time"

	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
)

// limitSource counts the calls of a server and decides its rate limits.
type limitSource struct {
	ratelimit.Source
	describe func() string         // for /readyz; nil without Redis
	run      func(context.Context) // runs in the background until the context ends
	memory   *ratelimit.Memory     // the source, if it counts in this process; nil with Redis
}

// limitChanges is the number of changes and downloads in the web app per user and
// workspace in 60 s.
const limitChanges = 180

// limits returns the limit of each class.
func (c *serveCmd) limits() map[ratelimit.Class]int {
	return map[ratelimit.Class]int{
		ratelimit.Data: c.LimitData, ratelimit.Management: c.LimitManagement, ratelimit.Changes: limitChanges,
	}
}

// openLimits returns a source that counts in Redis if --redis is set, and otherwise
// in this process. It succeeds even if Redis does not answer.
func (c *serveCmd) openLimits(e *environment, m *telemetry.Metrics) (limitSource, error) {
	limits := c.limits()
	if c.Redis == "" {
		if e.cli.Database != "" {
			e.log.Warn("limits are counted in this process only; several servers on one database need --redis to share them")
		}
		memory := ratelimit.NewMemory(limits)
		return limitSource{Source: memory, memory: memory, run: func(context.Context) {}}, nil
	}
	r, err := ratelimit.NewRedis(c.Redis, limits)
	if err != nil {
		return limitSource{}, usageError("--redis " + err.Error())
	}
	shared := ratelimit.NewShared(r, e.log)
	m.WatchLimits(shared.State)
	return limitSource{Source: shared, describe: shared.Describe, run: func(ctx context.Context) {
		shared.Run(ctx)
		r.Close()
	}}, nil
}

// windowsTimeout is how long a start or stop waits to read or write the calls of the
// last minute.
const windowsTimeout = 5 * time.Second

// load reads the calls of the last minute that the previous process saved, so that they
// count. If it cannot read them, it logs a warning and the server starts without them.
func (l limitSource) load(e *environment) {
	if l.memory == nil {
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, windowsTimeout)
	defer cancel()
	windows, err := e.store.TakeWindows(ctx)
	if err != nil {
		e.log.Warn("could not read the calls of the last minute before this start; they are not counted",
			"error", err)
		return
	}
	saved := make([]ratelimit.Saved, 0, len(windows))
	for _, w := range windows {
		window := ratelimit.Saved{Class: ratelimit.Class(w.Class), Calls: w.Calls}
		copy(window.Subject[:], w.Subject)
		saved = append(saved, window)
	}
	l.memory.Load(time.Now(), saved)
}

// save stores the calls that still count, so that the next process can load them.
func (l limitSource) save(e *environment) {
	if l.memory == nil {
		return
	}
	var windows []store.Window
	for _, w := range l.memory.Save(time.Now()) {
		windows = append(windows, store.Window{Class: string(w.Class), Subject: w.Subject[:], Calls: w.Calls})
	}
	if len(windows) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), windowsTimeout)
	defer cancel()
	if err := e.store.SaveWindows(ctx, windows, ratelimit.MaxAge); err != nil {
		e.log.Warn("could not save the calls of the last minute; the next start will not count them", "error", err)
	}
}

// markServed marks the data directory as in use until release is called. It warns if
// another server runs on it, which is allowed, but each then counts limits separately.
func (c *serveCmd) markServed(e *environment) (release func()) {
	if e.cli.Database != "" {
		return func() {}
	}
	others, release, err := store.MarkInUse(e.cli.Data)
	if err != nil {
		e.log.Info("could not check whether another server runs on the data directory", "error", err)
		return func() {}
	}
	if others && c.Redis == "" {
		e.log.Warn("another server runs on this data directory; each counts limits separately", "data", e.cli.Data)
		fmt.Fprintf(e.stderr,
			"Another server runs on %s. Each server counts limits separately, so with N servers a key can make "+
				"N times as many calls. Run one server, or several on PostgreSQL and Redis (--database, --redis).\n",
			e.cli.Data)
	}
	return release
}
