package transcript

import (
	"math"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// cue is one caption or line of a file, from which a segment is made.
type cue struct {
	line       int // its line number in the file
	start, end memo.Seconds
	id         memo.Optional // of the speaker, from Memo JSON
	speaker    string
	text       string
}

// parseTiming parses "00:00:01.000 --> 00:00:02.500" and ignores what follows: the
// cue settings of VTT and the coordinates of SRT. If the line is wrong, fault says
// why, in words that can follow "line 3: ". Otherwise it is empty.
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

// ParseClock parses a time such as 1:02:03, 00:42 or 00:00:01.500.
func ParseClock(s string) (t memo.Seconds, ok bool) {
	t, fault := parseClock(s)
	return t, fault == ""
}

// parseClock parses [hours:]minutes:seconds[.fraction]. The fraction can also follow
// a comma, as it does in SRT.
func parseClock(s string) (t memo.Seconds, fault string) {
	if strings.HasPrefix(s, "-") {
		return 0, "has a negative time, " + plaintext.Quote(s)
	}
	whole, fraction, cut := s, "", false
	if i := strings.IndexAny(s, ".,"); i >= 0 {
		whole, fraction, cut = s[:i], s[i+1:], true
	}
	parts := strings.SplitN(whole, ":", 4)
	if len(parts) < 2 || len(parts) > 3 || cut && !plaintext.IsDigits(fraction, 9) {
		return 0, "has " + plaintext.Quote(s) + " where a time such as 00:00:01.000 is expected"
	}
	total := 0.0
	for i, p := range parts {
		hours := i == 0 && len(parts) == 3
		if !plaintext.IsDigits(p, 9) || !hours && len(p) > 2 {
			return 0, "has " + plaintext.Quote(s) + " where a time such as 00:00:01.000 is expected"
		}
		n := parseNumber(p)
		if !hours && n > 59 {
			return 0, "has " + plaintext.Quote(s) + ", but a time has at most 59 minutes and 59 seconds"
		}
		total = total*60 + n
	}
	if cut {
		total += parseNumber(fraction) / math.Pow10(len(fraction))
	}
	if t, ok := memo.RoundSeconds(total); ok {
		return t, ""
	}
	return 0, "has the time " + plaintext.Quote(s) + ", which is beyond 1,000 hours"
}

// parseNumber returns the value of up to 9 digits.
func parseNumber(digits string) float64 {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return float64(n)
}

// appendClock appends hours:minutes:seconds, then the point (VTT) or comma (SRT) and
// the milliseconds. The hours have two digits or more.
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

// appendTiming appends the times of a cue. SRT and VTT have no cues of zero length,
// so a cue lasts at least 1 ms. In a text without times, every cue lasts from 0 to
// 1 ms; see dropPlaceholderTimes for the way back.
func appendTiming(b []byte, s *memo.Segment, point byte) []byte {
	start := s.Start.Millis()
	b = appendClock(b, start, point)
	b = append(b, " --> "...)
	b = appendClock(b, max(s.End.Millis(), start+1), point)
	return append(b, '\n')
}
