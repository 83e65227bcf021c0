package web

import (
	"fmt"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// sparkChart is a small chart of usage without text: bars of requests with refusals on top, as the
// data of two SVG paths.
type sparkChart struct {
	Width, Height     int
	Requests, Refused string
	Sum               memo.Calls
}

// Heights of charts in pixels, as in style.css: a bar of one pixel is the lowest.
const (
	sparkHeight = 24
	chartHeight = 116
)

// newSparkChart returns the chart of some usage.
func newSparkChart(usage []memo.Calls, chartHeight int) sparkChart {
	const barWidth, barDistance = 4, 5
	s := sparkChart{Width: len(usage)*barDistance - 1, Height: chartHeight}
	highest := int64(1)
	for _, c := range usage {
		highest = max(highest, c.Requests+c.Refused)
		s.Sum = s.Sum.Plus(c)
	}
	scale := func(n int64, minHeight int) int {
		if n == 0 {
			return 0
		}
		return max(minHeight, int(n*int64(chartHeight-1)/highest))
	}
	bar := func(i, bottom, height int) string {
		if height == 0 {
			return ""
		}
		return fmt.Sprintf("M%d %dv-%dh%dv%dz", i*barDistance, bottom, height, barWidth, height)
	}
	for i, c := range usage {
		refusedHeight := scale(c.Refused, 2) // a thinner red line is easy to miss
		height := min(scale(c.Requests, 1), chartHeight-refusedHeight)
		s.Requests += bar(i, chartHeight, height)
		s.Refused += bar(i, chartHeight-height, refusedHeight)
	}
	return s
}

// usageChart is a large chart, with the values of each bar on hover and in a table for screen
// readers.
type usageChart struct {
	sparkChart
	Words string // the sum
	Bars  []usageBar
	Spans menu // links to the same chart of another span
}

// usageBar is the text of a bar. Most have no Label, which is below the bar.
type usageBar struct {
	Time, Label string
	memo.Calls
}

// spanOf returns the span that the page's chart shows.
func (v *pageRequest) spanOf() app.UsageSpan {
	if v.r.URL.Query().Get("span") == "14d" {
		return app.UsageFortnight
	}
	return app.UsageDay
}

// usageChart returns the chart of some usage in [pageRequest.spanOf].
func (v *pageRequest) usageChart(usage []memo.Calls) usageChart {
	span, now := v.spanOf(), v.Now()
	c := usageChart{sparkChart: newSparkChart(usage, chartHeight), Words: " in 24 hours"}
	days := span == app.UsageFortnight
	if days {
		c.Words = " in 14 days"
	}
	c.Words = formatCount(c.Sum.Requests) + c.Words
	if c.Sum.Refused > 0 {
		c.Words += " · " + formatCount(c.Sum.Refused) + " refused"
	}
	for i, calls := range usage {
		start := span.Start(now, i)
		b := usageBar{Calls: calls}
		switch {
		case days:
			if b.Time = start.Format("Jan 2"); i%4 == 1 { // today is the last
				b.Label = b.Time
			}
		default:
			b.Time = start.Format("15:04") + " to " + start.Add(time.Hour).Format("15:04") + " UTC"
			if i%4 == 0 {
				b.Label = start.Format("15:04")
			}
		}
		c.Bars = append(c.Bars, b)
	}
	c.Spans = newMenu("", "Time span",
		menuItem{Text: "24 h", Href: v.pathWith("span", ""), Current: !days},
		menuItem{Text: "14 d", Href: v.pathWith("span", "14d"), Current: days})
	return c
}
