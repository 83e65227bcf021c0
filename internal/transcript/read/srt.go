package read

import (
	"strings"
	"unicode"

	"memoai.tech/memo/internal/plaintext"
)

// isSRT reports whether the text starts with the times of a cue, after a number or without.
func isSRT(d *draft) match {
	l := lineScanner{text: strings.TrimLeft(d.text, " \t\r\n")}
	return matchIf(l.next() && (isTiming(l.line()) || isTiming(l.peek())), likely)
}

// readSRT reads SubRip, which has no formal grammar: numbers may be missing or wrong, a
// text may contain empty lines, and the last line may lack its line break. A line of
// times starts a cue, and everything up to the next one is its text.
func readSRT(d *draft) error {
	d.captions, d.evidence = true, evidenceWeak
	r := srtReader{draft: d, lineScanner: lineScanner{text: d.text}}
	for r.next() {
		line := strings.TrimSpace(r.line())
		err := d.checkContext()
		switch {
		case err != nil:
		case line == "":
			r.previousLine = srtBlank
		// A line with "-->" directly after the times is part of the text.
		case hasArrow(line) && r.previousLine != srtTimes:
			err = r.readArrowLine(line)
		default:
			err = r.readTextLine(line)
		}
		if err != nil {
			return err
		}
	}
	return r.closeCue(r.end)
}

// srtReader is an SRT file while it is being read.
type srtReader struct {
	draft *draft
	lineScanner
	open          *cue        // the cue whose text is being read; nil before the first
	start, end    int         // the offsets of its text
	previousLine  srtLineKind // the kind of the line before the current one
	last          string      // the last line of kind srtWords
	endBeforeLast int         // where the text ended before that line
}

// srtLineKind is the kind of a line.
type srtLineKind uint8

const (
	srtBlank srtLineKind = iota // an empty line, or the start of the file
	srtTimes                    // a line of times
	srtWords                    // text, or the number of a cue
)

// readArrowLine reads a line that contains "-->". It is either a line of times or text.
func (r *srtReader) readArrowLine(line string) error {
	numbered := r.previousLine == srtWords && isSRTNumber(r.last)
	c, err := parseTiming(line)
	if err != nil {
		if r.open == nil || (r.previousLine == srtBlank || numbered) && startsWithTime(line) {
			return refusef(r.number, "%s", err)
		}
		return r.readTextLine(line)
	}
	end := r.end
	c.line = r.number
	if numbered {
		end, c.line = r.endBeforeLast, r.number-1
	}
	if err := r.closeCue(end); err != nil {
		return err
	}
	r.open, r.start, r.end, r.previousLine = &c, r.rest, r.rest, srtTimes
	return nil
}

// readTextLine adds a line to the text. If it is the number of the next cue, readArrowLine
// removes it later.
func (r *srtReader) readTextLine(line string) error {
	if r.open == nil && !hasArrow(r.peek()) {
		return refusef(r.number, "has %s where a cue's number or times such as 00:00:01,000 --> 00:00:02,500 are expected",
			plaintext.Quote(line))
	}
	r.last, r.endBeforeLast, r.end, r.previousLine = line, r.end, r.to, srtWords
	return nil
}

func (r *srtReader) closeCue(end int) error {
	if r.open == nil {
		return nil
	}
	r.open.text = stripSRTTags(r.text[r.start:end])
	return r.draft.add(*r.open)
}

// isSRTNumber reports whether line is the number of a cue. It may have punctuation, as
// in "12." or "#3".
func isSRTNumber(line string) bool {
	if len(line) > 16 {
		return false
	}
	digits := false
	for _, r := range line {
		digits = digits || unicode.IsDigit(r)
		if unicode.IsLetter(r) {
			return false
		}
	}
	return digits
}

func startsWithTime(line string) bool {
	line = strings.TrimPrefix(line, "-")
	return line != "" && line[0] >= '0' && line[0] <= '9'
}

// stripSRTTags removes the few tags that players support, and a position such as "{\an8}" at the
// start. Anything else in angle brackets is text.
func stripSRTTags(s string) string {
	if rest, ok := strings.CutPrefix(s, `{\an`); ok && len(rest) > 1 && plaintext.IsDigits(rest[:1], 1) && rest[1] == '}' {
		s = rest[2:]
	}
	if !strings.Contains(s, "<") {
		return s
	}
	end := strings.LastIndexByte(s, '>') + 1 // no tag ends later
	s, tail := s[:end], s[end:]
	var b strings.Builder
	for {
		before, tag, found := strings.Cut(s, "<")
		b.WriteString(before)
		if !found {
			b.WriteString(tail)
			return b.String()
		}
		after, ok := cutSRTTag(tag)
		if !ok {
			b.WriteByte('<')
			after = tag
		}
		s = after
	}
}

// cutSRTTag cuts the tag at the start of a text from which "<" has been removed. If ok is false,
// the "<" is text.
func cutSRTTag(s string) (after string, ok bool) {
	s = strings.TrimPrefix(s, "/")
	switch {
	case len(s) > 1 && s[1] == '>' && strings.IndexByte("IBUSibus", s[0]) >= 0:
		return s[2:], true
	case len(s) > 4 && strings.EqualFold(s[:4], "font") && (s[4] == ' ' || s[4] == '>'):
		_, after, ok = strings.Cut(s, ">")
		return after, ok
	}
	return "", false
}
