package plaintext

import (
	"unicode"
	"unicode/utf8"
)

// Truncate cuts s to at most n bytes without splitting a visible character: a letter and its
// combining marks, an emoji sequence or a flag. If the first one alone is longer than n, it is
// split between code points.
func Truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	runeCut := n
	for n > 0 {
		after, _ := utf8.DecodeRuneInString(s[n:])
		before, size := utf8.DecodeLastRuneInString(s[:n])
		switch {
		case isJoiner(after), before == '\u200D', isFlagHalf(after) && flagHalves(s[:n])%2 == 1:
			n -= size
			continue
		}
		return s[:n]
	}
	return s[:runeCut]
}

// isJoiner reports whether r forms one visible character with the one before it.
func isJoiner(r rune) bool {
	return unicode.Is(unicode.M, r) || r == '\u200D' || r >= 0x1F3FB && r <= 0x1F3FF || r >= 0xE0020 && r <= 0xE007F
}

func isFlagHalf(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// flagHalves counts the halves of flags at the end of s.
func flagHalves(s string) int {
	n := 0
	for {
		r, size := utf8.DecodeLastRuneInString(s)
		if !isFlagHalf(r) {
			return n
		}
		s = s[:len(s)-size]
		n++
	}
}
