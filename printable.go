package memo

import (
	"strconv"
	"strings"
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
	switch {
	case r < ' ', 0x7F <= r && r < 0xA0:
		return true
	case r == 0x61C, r == 0x200E, r == 0x200F, 0x2028 <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}

// Plural returns a number and its noun, such as "1 key" or "2 keys".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
