package transcript

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// ParseClock parses [hours:]minutes:seconds[.fraction], such as 1:02:03, 00:42 or
// 00:00:01.500. The fraction can also follow a comma, as it does in SRT. Tools that round
// write the second 60. The error is for people and can follow "line 3: ".
func ParseClock(s string) (memo.Seconds, error) {
	if strings.HasPrefix(s, "-") {
		return 0, errors.New("has a negative time, " + plaintext.Quote(s))
	}
	whole, fraction, cut := s, "", false
	if i := strings.IndexAny(s, ".,"); i >= 0 {
		whole, fraction, cut = s[:i], s[i+1:], true
	}
	parts := strings.SplitN(whole, ":", 4)
	if len(parts) < 2 || len(parts) > 3 || cut && !plaintext.IsDigits(fraction, 9) {
		return 0, errors.New("has " + plaintext.Quote(s) + " where a time such as 00:00:01.000 is expected")
	}
	total := 0.0
	for i, p := range parts {
		hours := i == 0 && len(parts) == 3
		if !plaintext.IsDigits(p, 9) || !hours && len(p) > 2 {
			return 0, errors.New("has " + plaintext.Quote(s) + " where a time such as 00:00:01.000 is expected")
		}
		n, _ := strconv.Atoi(p)
		if !hours && n > 59 && (n > 60 || i < len(parts)-1) {
			return 0, errors.New("has " + plaintext.Quote(s) + ", but a time has at most 59 minutes and 59 seconds")
		}
		total = total*60 + float64(n)
	}
	if cut {
		n, _ := strconv.Atoi(fraction)
		total += float64(n) / math.Pow10(len(fraction))
	}
	if t, ok := memo.RoundSeconds(total); ok {
		return t, nil
	}
	return 0, errors.New("has the time " + plaintext.Quote(s) + ", which is beyond 1,000 hours")
}
