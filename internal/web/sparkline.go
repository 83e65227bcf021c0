package web

import (
	"fmt"
	"strings"

	"memoai.tech/memo/internal/app"
)

// sparkChart is a small chart of a key's use: bars of requests, and of refusals on
// top of them, as the data of two SVG paths, with the same in words.
type sparkChart struct {
	Width, Height  int
	Asked, Refused string
	Words          string
}

const (
	sparkHeight = 28
	barWidth    = 4
	barGap      = 1
)

// newSparkChart draws the use of a span of hours.
func newSparkChart(use [app.UsageBars]app.Calls, hours int) sparkChart {
	s := sparkChart{Width: app.UsageBars * (barWidth + barGap), Height: sparkHeight}
	var most, requests, refused int64
	for _, c := range use {
		most = max(most, c.Requests+c.Refused)
		requests, refused = requests+c.Requests, refused+c.Refused
	}
	var asked, denied strings.Builder
	for i, c := range use {
		extra := scaleBar(c.Refused, most, 4) // a thin line of red is easily missed
		tall := min(scaleBar(c.Requests, most, 2), sparkHeight-extra)
		barPath(&asked, i, sparkHeight, tall)
		barPath(&denied, i, sparkHeight-tall, extra)
	}
	s.Asked, s.Refused = asked.String(), denied.String()
	span := "24 hours"
	if hours > app.UsageDayHours {
		span = fmt.Sprintf("%d days", hours/app.UsageDayHours)
	}
	words := []string{pluralise(int(requests), "request")}
	if refused > 0 {
		words = append(words, pluralise(int(refused), "refusal"))
	}
	s.Words = strings.Join(words, " and ") + " in " + span
	return s
}

// barPath adds the i-th bar to a path, upwards from the bottom.
func barPath(path *strings.Builder, i, bottom, tall int) {
	if tall > 0 {
		fmt.Fprintf(path, "M%d %dv-%dh%dv%dz", i*(barWidth+barGap), bottom, tall, barWidth, tall)
	}
}

// scaleBar makes a height of a number; whatever is not nothing is at least so tall.
func scaleBar(n, most int64, least int) int {
	if n == 0 {
		return 0
	}
	return max(least, int(n*(sparkHeight-1)/most))
}
