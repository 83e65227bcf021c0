package read

import (
	"strconv"
	"strings"
	"unicode"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// isStamped reports whether the lines start with times. They do if the first
// one does. Otherwise half of them must, or a quarter and at least two, because a line
// of free text can start with something that looks like a time.
func isStamped(d *draft) match {
	stamped, all := 0, 0
	for l := (lineScanner{text: d.text}); l.next(); {
		if strings.TrimSpace(l.line()) == "" {
			continue
		}
		if _, _, ok := splitTimestamp(l.line()); ok {
			if all == 0 {
				return likely
			}
			stamped++
		}
		all++
	}
	return matchIf(2*stamped >= all && all > 0 || stamped > 1 && 4*stamped >= all, likely)
}

// readStamped reads lines such as "[00:42] Jordan: Of course". A line lasts until the next one starts. The file
// does not say when the last one ends, so it lasts a second, the precision of the times.
// A line without a time continues the text of the line before it.
func readStamped(d *draft) error {
	d.evidence = evidenceStrong
	open := cue{line: 1}
	from, to := 0, 0
	closeLine := func() error {
		open.text = d.text[from:to]
		return d.add(open)
	}
	for l := (lineScanner{text: d.text}); l.next(); {
		if err := d.checkContext(); err != nil {
			return err
		}
		start, rest, ok := splitTimestamp(l.line())
		if !ok {
			to = l.to
			continue
		}
		if err := closeLine(); err != nil {
			return err
		}
		t, valid := memo.RoundSeconds(start)
		if !valid {
			return refusef(l.number, "has a time beyond 1,000 hours")
		}
		open = cue{line: l.number, start: t, end: t}
		from, to = l.to-len(rest), l.to
	}
	if err := closeLine(); err != nil {
		return err
	}
	for i := range d.cues {
		c := &d.cues[i]
		if i+1 < len(d.cues) {
			c.end = max(c.end, d.cues[i+1].start)
		} else {
			c.end++
		}
	}
	return nil
}

// splitTimestamp splits a line after "[00:42]" or "[1:02:03]". The start is in seconds.
func splitTimestamp(line string) (start float64, rest string, ok bool) {
	line = strings.TrimLeftFunc(line, unicode.IsSpace)
	if !strings.HasPrefix(line, "[") {
		return 0, "", false
	}
	end := strings.IndexByte(line[:min(len(line), 16)], ']')
	if end < 0 {
		return 0, "", false
	}
	parts := strings.Split(line[1:end], ":")
	if len(parts) != 2 && len(parts) != 3 {
		return 0, "", false
	}
	for i, p := range parts {
		n, _ := strconv.Atoi(p)
		if i > 0 && (len(p) != 2 || n > 59) || !plaintext.IsDigits(p, 9) {
			return 0, "", false
		}
		start = start*60 + float64(n)
	}
	return start, line[end+1:], true
}
