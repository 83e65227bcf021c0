package read

import (
	"strings"
	"unicode"

	"memoai.tech/memo/internal/transcript"
)

// isSRT reports whether one of the first lines is the times of a cue.
func isSRT(d *draft) match { return matchIf(startsWithTimes(d.text, parseTiming), likely) }

// startsWithTimes reports whether one of the first lines is the times of a cue.
func startsWithTimes(text string, timing func(string) (cue, error)) bool {
	l := lineScanner{text: text}
	for n := 0; n < maxLinesBeforeHeader && l.next(); {
		line := bareLine(l.line())
		if _, err := timing(line); err == nil {
			return true
		}
		if line != "" {
			n++
		}
	}
	return false
}

// readSRT reads SubRip, which has no formal grammar: numbers may be missing or wrong, a
// text may contain empty lines, and the last line may lack its line break.
func readSRT(d *draft) error {
	d.evidence = evidenceWeak
	r := captions{draft: d, timing: parseTiming, clean: d.plainSRT, lineScanner: lineScanner{text: d.text}}
	return r.read()
}

// isSBV reports whether one of the first lines is the times of a cue in SBV.
func isSBV(d *draft) match { return matchIf(startsWithTimes(d.text, parseSBVTiming), likely) }

// readSBV reads the captions of YouTube and Google Meet, which are SRT without numbers and arrows.
func readSBV(d *draft) error {
	d.evidence = evidenceWeak
	r := captions{draft: d, sbv: true, timing: parseSBVTiming, clean: d.plainSRT, lineScanner: lineScanner{text: d.text}}
	return r.read()
}

// parseSBVTiming parses "0:00:01.000,0:00:02.500".
func parseSBVTiming(line string) (c cue, err error) {
	left, right, ok := strings.Cut(line, ",")
	if !ok || len(line) > 40 || !startsWithTime(line) || !strings.Contains(left, ".") {
		return c, errNoTimes
	}
	if c.start, err = transcript.ParseClock(left); err != nil {
		return c, err
	}
	c.end, err = transcript.ParseClock(strings.TrimSpace(right))
	return c, err
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

// plainSRT returns a text without its tags and with its character references decoded, which SRT does not have but
// many tools write.
func (d *draft) plainSRT(text string) string {
	plain := stripSRTTags(text)
	if plain != text {
		d.warnEach(0, "A text had formatting such as <i>, which was left out.",
			"%d texts had formatting such as <i>, which was left out.")
	}
	decoded := unescapeVTT(plain)
	if decoded != plain {
		d.warnEach(0, "A text had character references such as &amp;, which were decoded.",
			"%d texts had character references such as &amp;, which were decoded.")
	}
	return decoded
}

// stripSRTTags removes the tags that players support, and instructions such as "{\an8}". Anything else in angle
// brackets or braces is text.
func stripSRTTags(s string) string {
	end := strings.LastIndexAny(s, ">}") + 1 // no tag ends later
	if end == 0 {
		return s
	}
	s, tail := s[:end], s[end:]
	var b strings.Builder
	for {
		i := strings.IndexAny(s, "<{")
		if i < 0 {
			b.WriteString(s)
			b.WriteString(tail)
			return b.String()
		}
		b.WriteString(s[:i])
		after, instead, ok := cutSRTTag(s[i:])
		if !ok {
			after, instead = s[i+1:], s[i:i+1]
		}
		b.WriteString(instead)
		s = after
	}
}

// cutSRTTag cuts the tag at the start of a text. What comes instead of it is a line break for <br>. If ok is false, the
// bracket is text.
func cutSRTTag(s string) (after, instead string, ok bool) {
	tag := s[1:]
	end := strings.IndexAny(tag, "<>{}\n") // stopping early makes a text of a million brackets fast to read
	if end < 0 || tag[end] != s[0]+2 {     // '>' is '<'+2, and '}' is '{'+2
		return "", "", false
	}
	tag, after = tag[:end], tag[end+1:]
	if s[0] == '{' {
		return after, "", strings.HasPrefix(tag, `\`)
	}
	name, attributes, _ := strings.Cut(strings.TrimPrefix(tag, "/"), " ")
	switch strings.ToLower(name) {
	case "i", "b", "u", "s":
		return after, "", attributes == ""
	case "font":
		return after, "", true
	case "br", "br/":
		return after, "\n", true
	}
	return "", "", false
}
