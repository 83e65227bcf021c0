package memo

import (
	"strings"
	"unicode/utf8"
)

// Printable returns a text from a request in a form that may come back in an
// answer, a header, a log line or an audit row: valid UTF-8 on one line with
// U+FFFD for what is not, without control characters and those that change the
// direction of writing, without API keys, and of at most so many characters. The
// last character of a text that was cut is "…".
func Printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if isHidden(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = RedactKeys(s) // after that, because what was taken out may have split a key
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == most {
			return s[:i] + "…"
		}
	}
	return ""
}

// isHidden reports a character that changes how the text around it is shown:
// a control character, a line or paragraph separator, or one that changes the
// direction of writing.
func isHidden(r rune) bool {
	switch {
	case r < ' ', 0x7F <= r && r < 0xA0:
		return true
	case r == 0x61C, r == 0x200E, r == 0x200F, 0x2028 <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}
