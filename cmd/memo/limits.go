package main

import (
	"context"

	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/telemetry"
)

// limits is who decides the limits of a server.
type limits struct {
	ratelimit.Source
	where func() string         // for /readyz; nil where it is this process alone
	run   func(context.Context) // in the background
}

// limitChanges is how many changes a person may make in the web app in 60 s.
const limitChanges = 180

// openLimits counts in Redis, if there is one, and in this process otherwise. A
// Redis that does not answer is no reason not to start.
func (c *serveCmd) openLimits(e *environment, m *telemetry.Metrics) (limits, error) {
	numbers := map[ratelimit.Class]int{ratelimit.Data: c.LimitData, ratelimit.Management: c.LimitManagement, ratelimit.Changes: limitChanges}
	if c.Redis == "" {
		if e.cli.Database != "" {
			e.log.Warn("the limits count in this process alone: several servers on one database need --redis to share them")
		}
		return limits{Source: ratelimit.NewMemory(numbers), run: func(context.Context) {}}, nil
	}
	r, err := ratelimit.NewRedis(c.Redis, numbers)
	if err != nil {
		return limits{}, usageError("--redis " + err.Error())
	}
	shared := ratelimit.NewShared(r, e.log)
	m.WatchLimits(shared.State)
	return limits{Source: shared, where: shared.Where, run: func(ctx context.Context) {
		shared.Run(ctx)
		r.Close()
	}}, nil
}
