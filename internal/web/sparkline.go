package web

import (
	"fmt"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// sparkChart is a small chart of a key's usage: bars of requests with refusals on top, as the
// data of two SVG paths, and a summary in words.
type sparkChart struct {
	Width, Height     int
	Requests, Refused string
	Words             string
}

// newSparkChart returns the chart of the usage in the last hours.
func newSparkChart(usage [app.UsageBars]memo.Calls, hours int) sparkChart {
	const chartHeight, barWidth, barDistance = 28, 4, 5
	var highest, requests, refused int64
	for _, c := range usage {
		highest = max(highest, c.Requests+c.Refused)
		requests, refused = requests+c.Requests, refused+c.Refused
	}
	scale := func(n int64, minHeight int) int {
		if n == 0 {
			return 0
		}
		return max(minHeight, int(n*(chartHeight-1)/highest))
	}
	bar := func(i, bottom, height int) string {
		if height == 0 {
			return ""
		}
		return fmt.Sprintf("M%d %dv-%dh%dv%dz", i*barDistance, bottom, height, barWidth, height)
	}
	s := sparkChart{Width: app.UsageBars * barDistance, Height: chartHeight, Words: memo.Plural(int(requests), "request")}
	for i, c := range usage {
		refusedHeight := scale(c.Refused, 4) // a thinner red line is easy to miss
		height := min(scale(c.Requests, 2), chartHeight-refusedHeight)
		s.Requests += bar(i, chartHeight, height)
		s.Refused += bar(i, chartHeight-height, refusedHeight)
	}
	if refused > 0 {
		s.Words += " and " + memo.Plural(int(refused), "refusal")
	}
	if hours == app.UsageDayHours {
		s.Words += " in 24 hours"
	} else {
		s.Words += " in " + memo.Plural(hours/app.UsageDayHours, "day")
	}
	return s
}
