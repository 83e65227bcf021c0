package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

// How long one side of a round takes, about, and the bounds on its requests.
const (
	roundLength = 700 * time.Millisecond
	leastAsked  = 4
	mostAsked   = 4000
)

// pair measures a row: in every round both sides, the one that begins changing
// from round to round. text is the megabytes in an archive.
func (b *runner) pair(ctx context.Context, t *resultTable, r tableRow, text float64) error {
	beside := b.besideOf(r)
	asked, err := r.memo.requestsIn(ctx, roundLength, leastAsked, mostAsked)
	if err != nil {
		return err
	}
	askedBeside, err := beside.requestsIn(ctx, roundLength, leastAsked, mostAsked)
	if err != nil {
		return err
	}
	var ours, theirs, ratios []float64
	for round := range b.rounds {
		var left, right time.Duration
		for turn := range 2 {
			if (turn+round)%2 == 0 {
				left, err = r.memo.cost(ctx, asked)
			} else {
				right, err = beside.cost(ctx, askedBeside)
			}
			if err != nil {
				return err
			}
		}
		ours = append(ours, float64(left)/1e3)
		theirs = append(theirs, float64(right)/1e3)
		ratios = append(ratios, float64(left)/float64(right))
	}
	l := tableLine{
		name: r.name, memo: formatMicros(median(ours)), beside: formatMicros(median(theirs)),
		ratio: fmt.Sprintf("%.2f", median(ratios)),
		span:  fmt.Sprintf("%.2f–%.2f", slices.Min(ratios), slices.Max(ratios)),
	}
	if r.aim > 0 {
		l.aim, l.verdict = fmt.Sprintf("≤ %g×", r.aim), verdictOf(median(ratios), r.aim)
	}
	if r.perMB > 0 {
		perMB := median(ours) / 1e3 / text
		l.name += fmt.Sprintf(": %.2f ms/MB", perMB)
		l.aim, l.verdict = fmt.Sprintf("≤ %g ms/MB", r.perMB), verdictOf(perMB, r.perMB)
	}
	t.add(l)
	return nil
}

// besideOf is the other side of a row. The bare server gets the same request
// but for its path.
func (b *runner) besideOf(r tableRow) probeRequest {
	if r.beside != nil {
		return *r.beside
	}
	method, rest, _ := bytes.Cut(r.memo.next(), []byte(" "))
	_, rest, _ = bytes.Cut(rest, []byte(" "))
	request := []byte(fmt.Sprintf("%s /%s %s", method, slugify(r.name), rest))
	return probeRequest{b.bare, r.memo.want, func() []byte { return request }}
}
