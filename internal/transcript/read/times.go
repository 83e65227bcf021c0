package read

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
)

// parsedTime is a time as it is in a file.
type parsedTime struct {
	seconds  float64
	exact    bool // it says its unit, as a clock does
	decimals decimals
	absolute bool // it is a date and time, in seconds since 1970
	dayClock bool // see isDayClock
}

// parseTime parses a time that is a JSON number or a string: a number, a clock, "3.48s", "PT3.48S" or a date and time.
// The scale is the unit of plain numbers, in seconds.
func parseTime(value string, scale float64) (t parsedTime, ok bool) {
	s, isString := scalar(value)
	if !isString {
		return t, false
	}
	return parseTimeText(strings.TrimSpace(s), scale)
}

func parseTimeText(s string, scale float64) (t parsedTime, ok bool) {
	if s == "" {
		return t, false
	}
	if n, ok := parseNumber(strings.Replace(s, ",", ".", 1)); ok { // 1,5 in a table of Excel
		t = parsedTime{seconds: n * scale}
		switch _, fraction, _ := strings.Cut(strings.Replace(s, ",", ".", 1), "."); {
		case n != math.Trunc(n), len(fraction) == 3: // 600.000 has seconds
			t.decimals = hasFraction
		case strings.ContainsAny(s, ".,"):
			t.decimals = hasPoint
		}
		return t, true
	}
	if strings.IndexByte(s, ':') > 0 && len(s) < 20 {
		if at, err := transcript.ParseClock(s); err == nil {
			return parsedTime{seconds: float64(at), exact: true, dayClock: isDayClock(s)}, true
		}
	}
	for _, unit := range []struct {
		end   string
		scale float64
	}{{"ms", 1e-3}, {"s", 1}} {
		if n, ok := parseNumber(strings.TrimSuffix(s, unit.end)); ok {
			return parsedTime{seconds: n * unit.scale, exact: true}, true
		}
	}
	if n, ok := parseISODuration(s); ok {
		return parsedTime{seconds: n, exact: true}, true
	}
	if at, _, ok := parseDateText(s); ok {
		return parsedTime{seconds: float64(at.UnixMilli()) / 1000, exact: true, absolute: true}, true
	}
	return t, false
}

// later returns a time that is later by some seconds, at most maxSeconds. Adding alone gives 1.1400000000000001.
func later(t, by memo.Seconds) memo.Seconds {
	t, _ = memo.RoundSeconds(min(float64(t+by), float64(maxSeconds)))
	return t
}

// parseNumber parses a decimal number. It accepts no hexadecimal numbers, infinity and underscores, as strconv does.
func parseNumber(s string) (float64, bool) {
	if s == "" || len(s) > 40 || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// parseISODuration parses a duration such as PT1H2M3.48S, in seconds.
func parseISODuration(s string) (seconds float64, ok bool) {
	rest, ok := strings.CutPrefix(s, "PT")
	for ok && rest != "" {
		i := strings.IndexAny(rest, "HMS")
		if i < 0 {
			return 0, false
		}
		var n float64
		if n, ok = parseNumber(rest[:i]); ok {
			seconds += n * map[byte]float64{'H': 3600, 'M': 60, 'S': 1}[rest[i]]
		}
		rest = rest[i+1:]
	}
	return seconds, ok
}

// parseDate parses a date and time that is a JSON string, or a number of seconds or milliseconds since 1970.
func parseDate(value string) (at time.Time, zone, ok bool) {
	if value[0] == '"' {
		return parseDateText(strings.TrimSpace(unquote(value)))
	}
	n, ok := parseNumber(value)
	if factor := epochScale(n); ok && factor > 0 {
		return time.UnixMilli(int64(n * factor * 1000)).UTC(), true, true
	}
	return at, false, false
}

// epochScale returns the unit, in seconds, of a number that is a time since 1970, in the years 2001 to 2286. Otherwise
// it returns 0: such a number of seconds in a recording is 30 years.
func epochScale(n float64) float64 {
	for _, scale := range []float64{1, 1e-3, 1e-6, 1e-9} {
		if n*scale >= 1e9 && n*scale < 1e10 {
			return scale
		}
	}
	return 0
}

var dateForms = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly, time.RFC1123Z, time.RFC1123,
}

// parseDateText parses a date with or without a time. Without a zone it is read as UTC, and zone is false.
func parseDateText(s string) (at time.Time, zone, ok bool) {
	if len(s) < len(time.DateOnly) || len(s) > 40 {
		return at, false, false
	}
	for _, layout := range dateForms {
		if at, err := time.Parse(layout, s); err == nil && at.UTC().Year() > 1 && at.UTC().Year() <= 9999 {
			return at.UTC(), layout == time.DateOnly || strings.Contains(layout, "07") || strings.Contains(layout, "MST"), true
		}
	}
	return at, false, false
}

// countWords returns about how many words a text has. In scripts without spaces, two characters count as a word.
func countWords(s string) float64 {
	words, wide, inWord := 0, 0, false
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || unicode.IsLetter(r) || unicode.IsDigit(r)
		switch {
		case withoutSpaces(r):
			wide++
		case letter && !inWord:
			words++
		}
		inWord = letter || inWord && (r == '\'' || r == '’' || r == '-')
	}
	return float64(words) + float64(wide)/2
}

// withoutSpaces reports whether r is of a script that has no spaces between words.
func withoutSpaces(r rune) bool {
	const firstThai = 0x0E00
	return r >= firstThai &&
		unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer)
}
