package read

import "strings"

// timedShape is what the lines of a text with clock times have in common.
type timedShape struct {
	lines, stamped int
	start          float64 // the first time
	clocks         bool    // it is written as a clock shows it
	first          bool    // the first line has a time
	ordered        int     // the lines whose time is not before the one before
	forms          [timeInside + 1]int
	namesAfter     int // lines with a time and then only a name
	ranges         int
	afternoons     int
	bracketNames   int // lines such as "[Marta Nowak] 16:36:35"
	tabs           int
	nameLines      int // lines without a time that start with a name and a colon
	plainLines     int // lines without a time, after the first one with a time
	spoken         int // lines that say the time above again: "1 minute, 3 seconds" below "1:03"
	schedule       schedule
}

// shapeOf looks at every line of a text.
func shapeOf(text string) (s timedShape) {
	before, alone := -1.0, false // the last time, and whether the line above is only that
	for l := (lineScanner{text: text}); l.next(); {
		line := bareLine(l.line())
		if line == "" {
			continue
		}
		s.lines++
		t := parseStamp(unbold(line))
		above := alone
		if alone = t.form == timeAlone; t.form == notStamped {
			if s.stamped > 0 {
				if s.plainLines++; above && saysTime(line, before) {
					s.spoken++
				}
				s.schedule.addLine(line)
				if name, _, ok := splitName(unbold(line)); ok && looksLikeName(name) {
					s.nameLines++
				}
			}
			continue
		}
		s.first = s.first || s.lines == 1
		if s.stamped++; s.stamped == 1 {
			s.start, s.clocks = t.start, t.dayClock
		}
		s.forms[t.form]++
		if t.start >= before {
			s.ordered++
		}
		before = t.start
		s.count(line, t)
	}
	return s
}

func (s *timedShape) count(line string, t stamp) {
	if t.form == timeFirst && t.name == "" && isNameLine(strings.TrimRight(t.text, ": ")) {
		s.namesAfter++
	}
	if t.hasEnd {
		s.ranges++
	}
	if t.afternoon {
		s.afternoons++
	}
	if t.form == timeLast && line[0] == '[' && !t.bracketed {
		s.bracketNames++
	}
	if t.form == timeFirst && strings.Contains(line, "\t") {
		s.tabs++
	}
	s.schedule.add(t)
}

// headers is the number of lines that have a time but no text, which comes in the lines below.
func (s *timedShape) headers() int { return s.forms[timeAlone] + s.forms[timeLast] }

// isTimed reports whether the times are those of what was said.
func (s *timedShape) isTimed() bool { return s.hasTexts() && !s.schedule.isSchedule(s.plainLines) }

// isSchedule reports whether the times are those of an agenda, minutes or a diary.
func (s *timedShape) isSchedule() bool { return s.hasTexts() && s.schedule.isSchedule(s.plainLines) }

// hasTexts reports whether the times are those of texts. A line of free text can have something that looks like a time,
// so they must be many, or the first line must have one.
func (s *timedShape) hasTexts() bool {
	switch {
	case s.stamped == 0:
		return false
	case s.first && s.forms[timeFirst] > 0:
		return true
	case s.lines == 1: // "Ann: [00:42] of what she said"
		return false
	case 2*s.stamped >= s.lines:
		return true
	}
	inOrder := 10*s.ordered >= 8*s.stamped
	return s.stamped > 1 && (4*s.stamped >= s.lines || inOrder && s.headers() > 1)
}
