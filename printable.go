package memo

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes text from a request safe to repeat in a response, a header, a log line or an
// audit event. The result is valid UTF-8 on one line. It has no control characters and no
// characters that change the direction of text, and API keys in it are redacted. It has at
// most maxChars characters; if it was truncated, the last of them is "…".
func Printable(s string, maxChars int) string {
	s = strings.Map(func(r rune) rune {
		if isUnprintable(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = RedactKeys(s) // last, because a removed character may have split a key
	if utf8.RuneCountInString(s) <= maxChars {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == maxChars {
			return s[:i] + "…"
		}
	}
	return ""
}

// isUnprintable reports whether r changes how the text around it is shown: a control character,
// a line or paragraph separator, or a character that changes the direction of text.
func isUnprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// Plural returns a number and its noun, such as "1 key" or "2 keys".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
