package read

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// frameRates are the usual numbers of frames a second. A file does not say which it has, so the first is used that its
// highest frame fits.
var frameRates = []int{24, 25, 30, 50, 60, 100}

// readFrames replaces the frames in times such as 00:01:02:12, which editing programs write, with fractions of a
// second. Three digits are milliseconds. A time within a sentence remains.
func (d *draft) readFrames() {
	if strings.HasPrefix(strings.TrimLeft(d.text, jsonSpace), "<") {
		return // TTML says its frame rate
	}
	const begin = 64 << 10 // a search in all of a large file takes time
	if _, to := nextFrames(d.text[:min(len(d.text), begin)], 0); to == 0 {
		return
	}
	n, highest, ordered, before := 0, -1, 0, ""
	for from, to := range frameTimes(d.text) {
		clock, last := splitFrames(d.text[from:to])
		if frames, _ := strconv.Atoi(last); len(last) == 2 {
			highest = max(highest, frames)
		}
		if n++; clock >= before {
			ordered++
		}
		before = clock
	}
	if n < 2 || 10*ordered < 8*n {
		return
	}
	rate := frameRates[len(frameRates)-1]
	if i := slices.IndexFunc(frameRates, func(r int) bool { return highest < r }); i >= 0 {
		rate = frameRates[i]
	}
	d.text = withFractions(d.text, rate)
	if highest >= 0 {
		d.warnf("The times have frames, such as 00:01:02:12. They were read as %d frames a second.", rate)
	} else {
		d.warnf("The times have milliseconds after a colon, such as 00:01:02:500.")
	}
}

// withFractions returns a text in which the times with frames have milliseconds.
func withFractions(text string, rate int) string {
	var b strings.Builder
	at := 0
	for from, to := range frameTimes(text) {
		clock, last := splitFrames(text[from:to])
		b.WriteString(text[at:from] + clock + ".")
		if len(last) == 2 {
			frames, _ := strconv.Atoi(last)
			last = fmt.Sprintf("%03d", frames*1000/rate)
		}
		b.WriteString(last)
		at = to
	}
	b.WriteString(text[at:])
	return b.String()
}

// frameTimes returns the offsets of the times with frames.
func frameTimes(text string) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for at := 0; ; {
			from, to := nextFrames(text, at)
			if to == 0 || !yield(from, to) {
				return
			}
			at = to
		}
	}
}

// splitFrames splits 00:01:02:12 into 00:01:02 and 12.
func splitFrames(s string) (clock, last string) {
	i := strings.LastIndexAny(s, ":;")
	return s[:i], s[i+1:]
}

// nextFrames returns the offsets of the next time with frames at or after an offset. Without one, to is 0.
func nextFrames(text string, at int) (from, to int) {
	for i := at; ; i++ {
		n := strings.IndexByte(text[i:], ':')
		if n < 0 {
			return 0, 0
		}
		i += n
		from = i
		for from > at && isDigit(text[from-1]) {
			from--
		}
		to = i
		for _, signs := range []string{":", ":", ":;"} {
			if to = cutPart(text, to, signs); to == 0 {
				break
			}
		}
		if digits := i - from; digits < 1 || digits > 2 || to == 0 || !isFrameTime(text, from, to) {
			continue
		}
		return from, to
	}
}

// cutPart returns the offset after one of the signs and two digits, or three after the last sign, or 0.
func cutPart(text string, at int, signs string) int {
	if at+2 >= len(text) || strings.IndexByte(signs, text[at]) < 0 || !isDigit(text[at+1]) || !isDigit(text[at+2]) {
		return 0
	}
	if at += 3; len(signs) > 1 && at < len(text) && isDigit(text[at]) {
		at++
	}
	return at
}

// isFrameTime reports whether what looks like a time with frames is the time of a text: it is at the start or the end
// of a line, between quotes, brackets or separators, or next to another time.
func isFrameTime(text string, from, to int) bool {
	before := strings.TrimRight(text[max(0, from-8):from], " ")
	after := strings.TrimLeft(text[to:min(len(text), to+8)], " ")
	const opens, closes = "\n\r\t\"'[(,;|>-–", "\n\r\t\"')],|"
	if from > 0 && (isWordByte(text[from-1]) || text[from-1] == ':' || text[from-1] == '.') ||
		to < len(text) && (isWordByte(text[to]) || strings.IndexByte(":;.", text[to]) >= 0) {
		return false
	}
	return before == "" || strings.IndexByte(opens, before[len(before)-1]) >= 0 ||
		after == "" || strings.IndexByte(closes, after[0]) >= 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
