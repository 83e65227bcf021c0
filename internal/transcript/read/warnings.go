package read

import (
	"fmt"
	"slices"

	"memoai.tech/memo"
)

// Limits on the warnings of one file. A file of a million faults must not make a report of a million lines.
const (
	maxWarnings = 20
	maxWarning  = 300 // characters
)

// warning is something that was changed or left out while a file was read.
type warning struct {
	one, many string // the sentence for one case, and for several, with %d for their number
	line      int    // of the first case, or 0
	count     int
}

// warnf adds a warning: a full sentence for people. The same sentence is added only once.
func (d *draft) warnf(format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	d.warnEach(0, sentence, sentence)
}

// warnEach counts a kind of warning that a file can have many times. All cases together are one sentence: one if
// there is one case, otherwise many, in which %d is their number.
func (d *draft) warnEach(line int, one, many string) {
	i := slices.IndexFunc(d.warnings, func(w warning) bool { return w.one == one })
	if i < 0 {
		d.warnings = append(d.warnings[:min(len(d.warnings), maxWarnings-1)], warning{one: one, many: many, line: line})
		i = len(d.warnings) - 1
	}
	d.warnings[i].count++
}

// sentences returns the warnings as full sentences.
func (d *draft) sentences() []string {
	list := make([]string, 0, len(d.warnings))
	for _, w := range d.warnings {
		s := w.one
		if w.count > 1 && w.many != w.one {
			s = fmt.Sprintf(w.many, w.count)
		}
		if w.line > 0 {
			where := "Line"
			if w.count > 1 {
				where = "First on line"
			}
			s = fmt.Sprintf("%s %s %d.", s, where, w.line)
		}
		list = append(list, memo.Printable(s, maxWarning))
	}
	return list
}
