package read

import (
	"regexp"
	"strings"
)

// nameSide is where the names are in a text that has them on separate lines, as editing programs write them and as
// a chat of Slack is copied.
type nameSide uint8

const (
	sameLine  nameSide = iota // the names are next to the times, or the text has no names
	lineAbove                 // before the line with the time
	lineBelow                 // after it
)

// maxNameLines is the number of lines from which findNameSide finds out how a text is written.
const maxNameLines = 1000

// emojiCodes can be before a time: the status of a person in Slack.
var emojiCodes = regexp.MustCompile(`^(?::[a-z0-9_+'-]+: *)+`)

// timeLine returns the time of a line that is only a time. The form is notStamped for any other line.
func timeLine(line string) (s stamp, text string) {
	if len(line) > maxHeader || !strings.Contains(line, ":") {
		return stamp{}, line
	}
	text = emojiCodes.ReplaceAllString(line, "")
	if s = parseStamp(text); s.form != timeAlone {
		return stamp{}, line
	}
	return s, text
}

// findNameSide finds out where the names are. A text in which most times have only one line below has no lines with
// names. half is whether a time has AM or PM.
func findNameSide(text string) (side nameSide, half bool) {
	var lines []string
	var times []int
	for l := (lineScanner{text: text}); len(lines) < maxNameLines && l.next(); {
		line := bareLine(l.line())
		if line == "" {
			continue
		}
		if s, _ := timeLine(line); s.form == timeAlone {
			times = append(times, len(lines))
			half = half || s.afternoon
		}
		lines = append(lines, line)
	}
	single := 0
	for n := 1; n < len(times); n++ {
		if times[n] == times[n-1]+2 {
			single++
		}
	}
	if len(times) < 2 || 2*single >= len(times) && !half {
		return sameLine, half
	}
	above, aboveOK := countNames(lines, times, -1, half)
	below, belowOK := countNames(lines, times, 1, half)
	switch {
	case belowOK && (!aboveOK || below <= above):
		return lineBelow, half
	case aboveOK:
		return lineAbove, half
	}
	return sameLine, half
}

// countNames counts the names on the lines before (-1) or after (1) the times. They are names if some occur again, or
// are numbered, or are above times with AM or PM.
func countNames(lines []string, times []int, side int, half bool) (distinct int, ok bool) {
	seen, found, numbered := map[string]bool{}, 0, 0
	for n, i := range times {
		switch at := i + side; {
		case at < 0 || at >= len(lines) || !isNameLine(lines[at]):
			if n == 0 {
				return 0, false
			}
		default:
			found++
			seen[lines[at]] = true
			if isNumberedSpeaker(lines[at]) {
				numbered++
			}
		}
	}
	enough := 10*found >= 9*len(times)
	if side < 0 {
		enough = 3*found >= len(times) // a person can write several times
	}
	sure := len(seen) < found || numbered == found || half && side < 0
	return len(seen), found > 1 && enough && sure
}

// joinNames puts each name on the line of its time, if the names of a text are on separate lines. A time without a
// name is of the same person. The number of lines remains.
func joinNames(text string) string {
	side, half := findNameSide(text)
	if side == sameLine {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	from, to := 0, 0 // the last line that is not empty, in out
	name, time, above := "", stamp{}, ""
	for l := (lineScanner{text: text}); l.next(); out = append(out, '\n') {
		line := bareLine(l.line())
		if line == "" {
			continue
		}
		s, clock := timeLine(line)
		switch {
		case s.form == timeAlone:
			if side == lineAbove && isNameLine(above) {
				name = above
				out = append(out[:from], out[to:]...)
			}
			if half && !s.afternoon && s.short {
				s, clock = afterTime(s, clock, time)
			}
			time, line = s, name+"  "+clock
			if side == lineBelow {
				line = clock
			}
		case side == lineBelow && above == "" && time.form == timeAlone && isNameLine(line):
			head := line + "  " + string(out[from:to])
			out = append(append(out[:from], head...), out[to:]...)
			line = ""
		}
		above = line
		if s.form == timeAlone {
			above = ""
		}
		from = len(out)
		out = append(out, line...)
		to = len(out)
	}
	return string(out)
}

// afterTime returns a time without AM or PM as the first one after another time.
func afterTime(s stamp, clock string, before stamp) (stamp, string) {
	c := clockTime{seconds: s.start, short: s.short}
	morning, afternoon := timeOfDay(c, false), timeOfDay(c, true)
	s.afternoon = true
	if morning.seconds >= before.start {
		s.start = morning.seconds
		return s, clock + " AM"
	}
	s.start = afternoon.seconds
	return s, clock + " PM"
}
