package read

import (
	"regexp"
	"strings"
)

func isAny(*draft) match { return possible }

// readText reads free text and lines such as "Jordan: Of course". Every line is a segment.
func readText(d *draft) error {
	d.evidence = evidenceWeak
	times := 0
	for l := (lineScanner{text: d.text}); l.next(); {
		if hasClock(l.line()) {
			times++
		}
		if err := d.add(cue{line: l.number, text: l.line()}); err != nil {
			return err
		}
	}
	d.warnOfTimes(times)
	return nil
}

// warnOfTimes warns of lines with clock times in a text that is read without times.
func (d *draft) warnOfTimes(lines int) {
	if lines == 0 {
		return
	}
	if shape := shapeOf(d.text); shape.isSchedule() {
		d.warnf("The times are those of an agenda, minutes or a diary, so they are part of the text, which has no times.")
	} else if lines > 1 {
		d.warnf("%d lines have clock times that could not be assigned to what was said, so the text has no times.", lines)
	}
}

// hasClock reports whether a line has a clock time near its start or its end.
func hasClock(line string) bool {
	if !strings.Contains(line, ":") {
		return false
	}
	line = strings.TrimSpace(line)
	return clock.MatchString(line[:min(len(line), maxHeader)]) || clock.MatchString(line[max(0, len(line)-40):])
}

var clock = regexp.MustCompile(`(?:^|[^0-9:.])[0-9]{1,3}:[0-5][0-9](?::[0-5][0-9])?(?:$|[^0-9:])`)
