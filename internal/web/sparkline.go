package web

import (
	"fmt"
	"strings"

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

const (
	sparkHeight = 28
	barWidth    = 4
	barGap      = 1
)

// newSparkChart returns the chart of the usage in the last hours.
func newSparkChart(usage [app.UsageBars]memo.Calls, hours int) sparkChart {
	s := sparkChart{Width: app.UsageBars * (barWidth + barGap), Height: sparkHeight}
	var highest, requests, refused int64
	for _, c := range usage {
		highest = max(highest, c.Requests+c.Refused)
		requests, refused = requests+c.Requests, refused+c.Refused
	}
	var requestPath, refusedPath strings.Builder
	for i, c := range usage {
		refusedHeight := scaleBar(c.Refused, highest, 4) // a thinner red line is easy to miss
		height := min(scaleBar(c.Requests, highest, 2), sparkHeight-refusedHeight)
		barPath(&requestPath, i, sparkHeight, height)
		barPath(&refusedPath, i, sparkHeight-height, refusedHeight)
	}
	s.Requests, s.Refused = requestPath.String(), refusedPath.String()
	span := "24 hours"
	if hours > app.UsageDayHours {
		span = fmt.Sprintf("%d days", hours/app.UsageDayHours)
	}
	words := []string{memo.Plural(int(requests), "request")}
	if refused > 0 {
		words = append(words, memo.Plural(int(refused), "refusal"))
	}
	s.Words = strings.Join(words, " and ") + " in " + span
	return s
}

// barPath adds the i-th bar to a path, upwards from the bottom.
func barPath(path *strings.Builder, i, bottom, height int) {
	if height > 0 {
		fmt.Fprintf(path, "M%d %dv-%dh%dv%dz", i*(barWidth+barGap), bottom, height, barWidth, height)
	}
}

// scaleBar returns the height of a bar: 0 for 0, and at least minHeight for any other number.
func scaleBar(n, highest int64, minHeight int) int {
	if n == 0 {
		return 0
	}
	return max(minHeight, int(n*(sparkHeight-1)/highest))
}
