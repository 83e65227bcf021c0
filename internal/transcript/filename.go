package transcript

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"memoai.tech/memo"
)

// maxFileName is the length in bytes that every file system takes.
const maxFileName = 255

// FileName returns the name that an exported file has, from the date and the
// title: "2026-05-20 Acme — discovery call.md". It is safe on every platform:
// no separators or traversal, no reserved names, no control characters or such
// as turn the reading direction, no dots or blanks at the ends, no "-" in
// front, at most 255 bytes.
func FileName(t *memo.ListItem, f Format) string {
	stem := safeStem(t.Title)
	if stem == "" {
		stem = "Untitled"
	}
	if !t.CreatedAt.IsZero() {
		stem = t.CreatedAt.UTC().Format(time.DateOnly) + " " + stem
	}
	if isReserved(stem) {
		stem = "_" + stem
	}
	return fitName(stem, "."+string(f))
}

// safeStem makes the stem of a file's name of any text; empty if nothing is
// left of it.
func safeStem(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = oneLine(strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:*?<>|`, r):
			return '-'
		case r == '"':
			return '\''
		case isHidden(r):
			return -1
		}
		return r
	}, s))
	return trimStem(strings.Join(strings.Fields(s), " "))
}

// isHidden reports characters that turn the reading direction or are not seen
// at all: with them a name can pass for another. The joiners stay, emoji and
// several scripts need them.
func isHidden(r rune) bool {
	return unicode.Is(unicode.Cf, r) && r != '\u200C' && r != '\u200D' || r >= 0xFFF0 && r <= 0xFFFF
}

func trimStem(s string) string {
	return strings.TrimRight(strings.TrimLeft(s, " .-"), " .")
}

// isReserved reports the names of devices on Windows, with any extension.
func isReserved(stem string) bool {
	stem, _, _ = strings.Cut(strings.ToUpper(stem), ".")
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if rest, ok := strings.CutPrefix(stem, port); ok && utf8.RuneCountInString(rest) == 1 &&
			strings.ContainsAny(rest, "0123456789¹²³") {
			return true
		}
	}
	return false
}

// fitName joins a stem and an ending, shortening the stem to what a name may have.
func fitName(stem, ending string) string {
	if len(stem)+len(ending) <= maxFileName {
		return stem + ending
	}
	return strings.TrimRight(stem[:truncateAt(stem, maxFileName-len(ending))], " .") + ending
}

// truncateAt returns the longest length of at most n bytes at which s may be cut
// without breaking a character as people see it: no combining mark, emoji
// sequence or flag is torn apart, unless it is longer than n by itself.
func truncateAt(s string, n int) int {
	if len(s) <= n {
		return len(s)
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
		return n
	}
	return runeCut
}

// isJoiner reports characters that belong to the one before them.
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

// UniqueNames returns the names in the same order, each different from all the
// others when case and Unicode's normal form are ignored, as file systems do:
// the second "name.md" is "name (2).md". The results have at most 255 bytes.
func UniqueNames(names []string) []string {
	fold := cases.Fold()
	// Equal for names that some file system takes for the same.
	same := func(name string) string {
		return norm.NFD.String(fold.String(norm.NFD.String(strings.ToUpper(name))))
	}
	unique := make([]string, len(names))
	taken := make(map[string]bool, len(names))
	next := map[string]int{} // where the search for a name's number goes on
	for i, name := range names {
		stem, ending := name, ""
		if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= 16 {
			stem, ending = name[:dot], name[dot:]
		}
		unique[i] = fitName(stem, ending)
		key := same(unique[i])
		for n := max(next[key], 2); taken[same(unique[i])]; n++ {
			unique[i] = fitName(stem, " ("+strconv.Itoa(n)+")"+ending)
			next[key] = n + 1
		}
		taken[same(unique[i])] = true
	}
	return unique
}
