package app

import (
	"strings"
	"unicode/utf8"
)

// truncateBytes shortens s to at most n bytes, at a character boundary.
func truncateBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// trimTimestamp removes a timestamp such as "[00:42] " from the start of a line.
func trimTimestamp(line string) string {
	if !strings.HasPrefix(line, "[") {
		return line
	}
	clock, rest, ok := strings.Cut(line[1:], "] ")
	if !ok || strings.Trim(clock, "0123456789:") != "" {
		return line
	}
	return rest
}
