package web

import (
	"time"

	"memoai.tech/memo"
)

// timePart is a time in the text of a page: {{template "time" (moment .CreatedAt)}}. The server writes
// it in UTC. app.js shows it in the viewer's time zone, and the exact time on hover. As text, for
// example in an attribute, it is the UTC time.
type timePart struct {
	At   time.Time
	Kind string // how app.js formats it: "moment", "day", "short"; "ago" does not depend on the zone
	Text string
}

func (t timePart) String() string { return t.Text }

// Exact is the time to the second.
func (t timePart) Exact() string { return t.At.UTC().Format("Mon, Jan 2, 2006, 15:04:05 UTC") }

// ISO is the time for programs.
func (t timePart) ISO() string { return t.At.UTC().Format(time.RFC3339) }

// Date is the day for an <input type=date>.
func (t timePart) Date() string { return formatDay(t.At) }

func newMoment(t time.Time) timePart {
	return timePart{t, "moment", t.UTC().Format("Jan 2, 2006, 15:04 UTC")}
}

func newDay(t time.Time) timePart { return timePart{t, "day", t.UTC().Format("Jan 2, 2006")} }

// newShortDay is a day of a year that the page shows nearby.
func newShortDay(t time.Time) timePart { return timePart{t, "short", t.UTC().Format("Jan 2")} }

func newAgo(t, now time.Time) timePart { return timePart{t, "ago", timeAgo(t, now)} }

// timeAgo formats a time relative to now: "2 hours ago" or "in 3 days".
func timeAgo(t time.Time, now time.Time) string {
	d := now.Sub(t)
	in, suffix := "", " ago"
	if d < 0 {
		d, in, suffix = -d, "in ", ""
	}
	switch {
	case d < time.Minute && suffix != "":
		return "just now"
	case d < time.Hour:
		return in + memo.Plural(max(1, int(d.Minutes())), "minute") + suffix
	case d < 48*time.Hour:
		return in + memo.Plural(int(d.Hours()), "hour") + suffix
	}
	return in + memo.Plural(int(d.Hours()/24), "day") + suffix
}

// formatDay formats the day of a time in UTC, for programs.
func formatDay(t time.Time) string { return t.UTC().Format(time.DateOnly) }
