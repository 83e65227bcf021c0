// Package plaintext makes text plain: on one line, without control characters, and cut only
// between characters that people see as one. It knows nothing of files or transcriptions.
package plaintext

import (
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// OneLine returns s as one line. It replaces line breaks and tabs, together with the
// spaces around them, by one space, removes escape sequences and other control
// characters, and trims both ends.
func OneLine(s string) string {
	if isOneLine(s) {
		return Trim(s)
	}
	b := make([]byte, 0, len(s))
	blanks, folded := 0, false
	for r, char := range characters(s) {
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
		b = append(b, char...)
	}
	return Trim(string(b))
}

// characters yields the characters that are not part of an escape sequence, also as they are
// encoded in s.
func characters(s string) iter.Seq2[rune, string] {
	return func(yield func(rune, string) bool) {
		for s != "" {
			if n := escapeSequenceLength(s); n > 0 {
				s = s[n:]
				continue
			}
			r, n := utf8.DecodeRuneInString(s)
			if !yield(r, s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// Trim trims spaces and byte order marks, which can remain where files were joined.
// At the start of an export, a byte order mark would be lost when the file is read.
func Trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' })
}

// isOneLine reports whether s has no control characters and no U+2028 or U+2029. It
// looks at bytes because it must be fast: every export calls it for every text.
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

// Multiline removes escape sequences and control characters from a text that may have
// several lines, such as a summary or a report. Tabs remain, and line breaks become LF.
func Multiline(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
		return s
	}
	b := make([]byte, 0, len(s))
	for r, char := range characters(strings.ReplaceAll(s, "\r\n", "\n")) {
		switch {
		case r == '\n', r == '\t', !unicode.IsControl(r):
			b = append(b, char...)
		case isBreak(r):
			b = append(b, '\n')
		}
	}
	return string(b)
}

// IsDigits reports whether s consists of 1 to limit ASCII digits.
func IsDigits(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Quote quotes a part of a text for a message. The result is short and on one line.
func Quote(s string) string {
	const limit = 40 // bytes
	if short := Truncate(s, limit); short != s {
		s = short + "…"
	}
	return strconv.Quote(s)
}

// isBreak reports whether r is a tab or a line break.
func isBreak(r rune) bool {
	return r >= '\t' && r <= '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// escapeSequenceLength returns the length of the ANSI escape sequence at the start of s, or 0.
// Removing only the ESC would leave "[31m" in the text.
func escapeSequenceLength(s string) int {
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
