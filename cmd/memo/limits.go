package main

import (
	"context"
	"fmt"
	"time"

	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/store"
	"memoai.tech/memo/internal/telemetry"
)

// limitSource is who decides the limits of a server.
type limitSource struct {
	ratelimit.Source
	describe func() string         // for /readyz; nil where it is this process alone
	run      func(context.Context) // in the background
	own      *ratelimit.Memory     // where it is this process alone
}

// limitChanges is how many changes a person may make in the web app in 60 s.
const limitChanges = 180

// limits returns the limit of each class.
func (c *serveCmd) limits() map[ratelimit.Class]int {
	return map[ratelimit.Class]int{
		ratelimit.Data: c.LimitData, ratelimit.Management: c.LimitManagement, ratelimit.Changes: limitChanges,
	}
}

// openLimits counts in Redis, if there is one, and in this process otherwise. A
// Redis that does not answer is no reason not to start.
func (c *serveCmd) openLimits(e *environment, m *telemetry.Metrics) (limitSource, error) {
	numbers := c.limits()
	if c.Redis == "" {
		if e.cli.Database != "" {
			e.log.Warn("the limits count in this process alone: several servers on one database need --redis to share them")
		}
		own := ratelimit.NewMemory(numbers)
		return limitSource{Source: own, own: own, run: func(context.Context) {}}, nil
	}
	r, err := ratelimit.NewRedis(c.Redis, numbers)
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

// savingTime bounds the reading and writing of what the last minute counted: no
// start and no stop waits longer for it.
const savingTime = 5 * time.Second

// load counts what the process before this one counted in its last minute. That
// it cannot be read is no reason not to start.
func (l limitSource) load(e *environment, s *store.Store) {
	if l.own == nil {
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, savingTime)
	defer cancel()
	windows, err := s.TakeWindows(ctx)
	if err != nil {
		e.log.Warn("the calls of the last minute before this start could not be read, and do not count", "error", err)
		return
	}
	saved := make([]ratelimit.Saved, 0, len(windows))
	for _, w := range windows {
		one := ratelimit.Saved{Class: ratelimit.Class(w.Class), Calls: w.Calls}
		copy(one.Subject[:], w.Subject)
		saved = append(saved, one)
	}
	l.own.Load(time.Now(), saved)
}

// save writes what still counts, for the process after this one.
func (l limitSource) save(e *environment, s *store.Store) {
	if l.own == nil {
		return
	}
	var windows []store.Window
	for _, w := range l.own.Save(time.Now()) {
		windows = append(windows, store.Window{Class: string(w.Class), Subject: w.Subject[:], Calls: w.Calls})
	}
	if len(windows) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), savingTime)
	defer cancel()
	if err := s.SaveWindows(ctx, windows, ratelimit.MaxAge); err != nil {
		e.log.Warn("the calls of the last minute could not be saved; the next start does not know of them", "error", err)
	}
}

// markServed warns when another server runs on the same data directory, which
// is allowed: each counts by itself.
func (c *serveCmd) markServed(e *environment) (release func()) {
	if e.cli.Database != "" {
		return func() {}
	}
	others, release, err := store.MarkServed(e.cli.Data)
	if err != nil {
		e.log.Info("whether another server runs on the data directory cannot be seen", "error", err)
		return func() {}
	}
	if others && c.Redis == "" {
		e.log.Warn("another server runs on this data directory: each counts the limits by itself", "data", e.cli.Data)
		fmt.Fprintf(e.stderr,
			"Another server runs on %s. Limits count in each server by itself, so with N servers a key may "+
				"make N times the calls. Run one server, or several on PostgreSQL and Redis (--database, --redis).\n", e.cli.Data)
	}
	return release
}
