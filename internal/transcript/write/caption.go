package write

import "memoai.tech/memo"

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
// 1 ms; package read removes these times.
func appendTiming(b []byte, s *memo.Segment, point byte) []byte {
	start := s.Start.Millis()
	b = appendClock(b, start, point)
	b = append(b, " --> "...)
	b = appendClock(b, max(s.End.Millis(), start+1), point)
	return append(b, '\n')
}
