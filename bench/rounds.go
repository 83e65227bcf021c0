package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

// The approximate time of one side of a round, and the limits of its requests.
const (
	roundLength = 700 * time.Millisecond
	minRequests = 4
	maxRequests = 4000
)

// compare measures a row. Each round measures both sides; they take turns in going
// first. megabytes is the size of the text in an archive.
func (b *runner) compare(ctx context.Context, t *resultTable, r tableRow, megabytes float64) error {
	baseline := b.baselineOf(r)
	memoRequests, err := r.memo.requestsIn(ctx, roundLength, minRequests, maxRequests)
	if err != nil {
		return err
	}
	baselineRequests, err := baseline.requestsIn(ctx, roundLength, minRequests, maxRequests)
	if err != nil {
		return err
	}
	var memoCosts, baselineCosts, ratios []float64
	for round := range b.rounds {
		var memoCost, baselineCost time.Duration
		for turn := range 2 {
			if (turn+round)%2 == 0 {
				memoCost, err = r.memo.cost(ctx, memoRequests)
			} else {
				baselineCost, err = baseline.cost(ctx, baselineRequests)
			}
			if err != nil {
				return err
			}
		}
		memoCosts = append(memoCosts, float64(memoCost)/1e3)
		baselineCosts = append(baselineCosts, float64(baselineCost)/1e3)
		ratios = append(ratios, float64(memoCost)/float64(baselineCost))
	}
	l := tableLine{
		name: r.name, memo: formatMicros(median(memoCosts)), baseline: formatMicros(median(baselineCosts)),
		ratio: fmt.Sprintf("%.2f", median(ratios)),
		span:  fmt.Sprintf("%.2f–%.2f", slices.Min(ratios), slices.Max(ratios)),
	}
	if r.aim > 0 {
		l.aim, l.verdict = fmt.Sprintf("≤ %g×", r.aim), verdictOf(median(ratios), r.aim)
	}
	if r.perMB > 0 {
		perMB := median(memoCosts) / 1e3 / megabytes
		l.name += fmt.Sprintf(": %.2f ms/MB", perMB)
		l.aim, l.verdict = fmt.Sprintf("≤ %g ms/MB", r.perMB), verdictOf(perMB, r.perMB)
	}
	t.add(l)
	return nil
}

// baselineOf returns the probe that a row compares memo with. The bare server gets
// the same request with another path.
func (b *runner) baselineOf(r tableRow) probe {
	if r.baseline != nil {
		return *r.baseline
	}
	method, rest, _ := bytes.Cut(r.memo.next(), []byte(" "))
	_, rest, _ = bytes.Cut(rest, []byte(" "))
	request := []byte(fmt.Sprintf("%s /%s %s", method, slugify(r.name), rest))
	return probe{b.bare, r.memo.want, func() []byte { return request }}
}
