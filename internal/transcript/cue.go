package transcript

import (
	"math"
	"strings"

	"memoai.tech/memo"
)

// cue is one caption or line on its way to becoming a segment.
type cue struct {
	line       int // where it stands in the file
	start, end memo.Seconds
	id         memo.Optional // the speaker's, from our own export
	speaker    string
	text       string
}

// parseTiming reads "00:00:01.000 --> 00:00:02.500" and ignores what follows:
// VTT's cue settings and SRT's coordinates. fault says what is wrong, in words
// that follow "line 3: ", and is empty for a good line.
func parseTiming(line string) (c cue, fault string) {
	left, right, ok := strings.Cut(line, "-->")
	if !ok {
		return c, "has no times such as 00:00:01.000 --> 00:00:02.500"
	}
	right = strings.TrimLeft(right, " \t")
	if i := strings.IndexAny(right, " \t"); i >= 0 {
		right = right[:i]
	}
	if c.start, fault = parseClock(strings.TrimSpace(left)); fault != "" {
		return c, fault
	}
	if c.end, fault = parseClock(right); fault != "" {
		return c, fault
	}
	return c, checkOrder(c.start, c.end)
}

func checkOrder(start, end memo.Seconds) string {
	if end < start {
		return "ends before it starts"
	}
	return ""
}

// ParseClock reads a time as subtitles and pages have it, such as 1:02:03 or 00:42.
func ParseClock(s string) (t memo.Seconds, ok bool) {
	t, fault := parseClock(s)
	return t, fault == ""
}

// parseClock reads [hours:]minutes:seconds[.fraction]; a comma does for the
// point, in SRT it is the rule.
func parseClock(s string) (t memo.Seconds, fault string) {
	if strings.HasPrefix(s, "-") {
		return 0, "has a negative time, " + quoteShort(s)
	}
	whole, fraction, cut := s, "", false
	if i := strings.IndexAny(s, ".,"); i >= 0 {
		whole, fraction, cut = s[:i], s[i+1:], true
	}
	parts := strings.SplitN(whole, ":", 4)
	if len(parts) < 2 || len(parts) > 3 || cut && !isDigits(fraction, 9) {
		return 0, "has " + quoteShort(s) + " where a time such as 00:00:01.000 belongs"
	}
	total := 0.0
	for i, p := range parts {
		hours := i == 0 && len(parts) == 3
		if !isDigits(p, 9) || !hours && len(p) > 2 {
			return 0, "has " + quoteShort(s) + " where a time such as 00:00:01.000 belongs"
		}
		n := parseNumber(p)
		if !hours && n > 59 {
			return 0, "has " + quoteShort(s) + ", but there are no more than 59 minutes and 59 seconds"
		}
		total = total*60 + n
	}
	if cut {
		total += parseNumber(fraction) / math.Pow10(len(fraction))
	}
	if t, ok := memo.RoundSeconds(total); ok {
		return t, ""
	}
	return 0, "has the time " + quoteShort(s) + ", which is beyond 1,000 hours"
}

// isDigits reports whether s is 1 to most ASCII digits.
func isDigits(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// parseNumber is the value of up to 9 digits.
func parseNumber(digits string) float64 {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return float64(n)
}

// appendClock writes hours:minutes:seconds with milliseconds after the point
// (VTT) or comma (SRT). There may be more than 99 hours.
func appendClock(b []byte, ms int64, point byte) []byte {
	b = appendPadded(b, ms/3_600_000, 2)
	b = append(b, ':')
	b = appendPadded(b, ms/60_000%60, 2)
	b = append(b, ':')
	b = appendPadded(b, ms/1000%60, 2)
	b = append(b, point)
	return appendPadded(b, ms%1000, 3)
}

func appendPadded(b []byte, n int64, width int) []byte {
	var digits [20]byte
	i := len(digits)
	for ; n > 0 || width > 0; width-- {
		i--
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, digits[i:]...)
}

// appendTiming writes the times of a cue. Neither SRT nor VTT has cues without
// a length, so the segments of a text without times become cues of 1 ms at 0,
// all at once; reading such a file gives the text without times back.
func appendTiming(b []byte, s *memo.Segment, point byte) []byte {
	start := s.Start.Millis()
	b = appendClock(b, start, point)
	b = append(b, " --> "...)
	b = appendClock(b, max(s.End.Millis(), start+1), point)
	return append(b, '\n')
}
