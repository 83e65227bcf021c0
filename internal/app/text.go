package app

import "strings"

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
