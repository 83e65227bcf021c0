package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineScanner walks over a text line by line without splitting it, so that 32 MB of
// line breaks cost nothing. A line ends with LF, CRLF or CR. A copy of the
// value is a place to come back to.
type lineScanner struct {
	text     string
	rest     int // where the next line starts
	number   int // of the current line, from 1
	from, to int // the current line, without its end
}

func (l *lineScanner) next() bool {
	if l.rest >= len(l.text) {
		return false
	}
	l.number++
	l.from = l.rest
	l.to = l.from
	for l.to < len(l.text) && l.text[l.to] != '\n' && l.text[l.to] != '\r' {
		l.to++
	}
	l.rest = min(l.to+1, len(l.text))
	if l.rest < len(l.text) && l.text[l.to] == '\r' && l.text[l.rest] == '\n' {
		l.rest++
	}
	return true
}

func (l *lineScanner) line() string { return l.text[l.from:l.to] }

// peek returns the line after the current one, "" at the end.
func (l *lineScanner) peek() string {
	ahead := *l
	if !ahead.next() {
		return ""
	}
	return ahead.line()
}

// lineAt returns the number of the line that holds the byte at offset.
func lineAt(text string, offset int) int {
	before := text[:min(max(offset, 0), len(text))]
	return 1 + strings.Count(before, "\n") + strings.Count(before, "\r") - strings.Count(before, "\r\n")
}

// oneLine returns what was said as one line: breaks and tabs fold to one space
// with the blanks around them, terminal codes and other control characters go,
// the ends are trimmed. Everything else stays as it is.
func oneLine(s string) string {
	if isOneLine(s) {
		return trimLine(s)
	}
	b := make([]byte, 0, len(s))
	blanks, folded := 0, false
	for i := 0; i < len(s); {
		if n := terminalCode(s[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r == ' ':
			blanks++
			continue
		case isBreak(r):
			folded = true
			continue
		case unicode.IsControl(r):
			continue
		}
		if folded {
			blanks = 1
		}
		for ; blanks > 0; blanks-- {
			b = append(b, ' ')
		}
		folded = false
		b = append(b, s[i-n:i]...)
	}
	return trimLine(string(b))
}

// trimLine takes off blanks, and the byte order marks that joined files leave: as
// the first character of an export such a one would not come back.
func trimLine(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' })
}

// isOneLine reports, byte by byte because every export asks it of every text,
// that there is neither a control character in s nor U+2028 or U+2029.
func isOneLine(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7F:
			return false
		case c == 0xC2 && i+1 < len(s) && s[i+1] < 0xA0: // U+0080 to U+009F
			return false
		case c == 0xE2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2]|1 == 0xA9:
			return false
		}
	}
	return true
}

// joinParagraphs is oneLine for a text that may have several lines, a summary or a
// report: it keeps line breaks, as LF, and tabs.
func joinParagraphs(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if n := terminalCode(s[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r == '\n', r == '\t', !unicode.IsControl(r):
			b = append(b, s[i-n:i]...)
		case isBreak(r):
			b = append(b, '\n')
		}
	}
	return string(b)
}

func isBreak(r rune) bool {
	return r >= '\t' && r <= '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// terminalCode returns the length of the ANSI control sequence that s starts
// with, or 0: ESC alone would leave the "[31m" of a colour behind as a word.
func terminalCode(s string) int {
	if len(s) < 2 || s[0] != '\x1b' {
		return 0
	}
	i := 2
	switch s[1] {
	case '[': // CSI: parameters, then one final letter
		for i < len(s) && s[i] >= 0x20 && s[i] <= 0x3F {
			i++
		}
		if i < len(s) && s[i] >= 0x40 && s[i] <= 0x7E {
			return i + 1
		}
	case ']': // OSC: up to BEL or ESC \
		for i < len(s) && s[i] >= 0x20 {
			i++
		}
		if i < len(s) && s[i] == '\a' {
			return i + 1
		}
		if strings.HasPrefix(s[i:], "\x1b\\") {
			return i + 2
		}
	}
	return 0
}
