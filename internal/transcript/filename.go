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

// maxFileName is the longest name, in bytes, that every common file system accepts.
const maxFileName = 255

// FileName returns the name of an exported file, with the date and the title:
// "2026-05-20 Acme — discovery call.md". It is safe on every platform: it has no path
// separators, control characters or characters that change the writing direction. It
// is not a reserved name, does not start with "-", does not start or end with a dot or
// a space, and has at most 255 bytes.
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

// safeStem turns any text into the stem of a file name. The result may be empty.
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

// isHidden reports whether r is invisible or changes the writing direction, so that
// one name could look like another. The zero-width joiners do not count, because
// emoji and several scripts need them.
func isHidden(r rune) bool {
	return unicode.Is(unicode.Cf, r) && r != '\u200C' && r != '\u200D' || r >= 0xFFF0 && r <= 0xFFFF
}

func trimStem(s string) string {
	return strings.TrimRight(strings.TrimLeft(s, " .-"), " .")
}

// isReserved reports whether stem is the name of a device on Windows, with or without
// an extension.
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

// fitName joins a stem and an ending, and cuts the stem if the name would be too long.
func fitName(stem, ending string) string {
	if len(stem)+len(ending) <= maxFileName {
		return stem + ending
	}
	return strings.TrimRight(stem[:truncateAt(stem, maxFileName-len(ending))], " .") + ending
}

// truncateAt returns the greatest length, at most n bytes, to which s can be cut
// without splitting a visible character: a letter and its combining marks, an emoji
// sequence or a flag. If the first one alone is longer than n, it is split between
// code points.
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

// UniqueNames returns the names in the same order, with numbers added so that all are
// different: the second "name.md" becomes "name (2).md". It ignores case and Unicode
// normal forms, as some file systems do. The results have at most 255 bytes.
func UniqueNames(names []string) []string {
	fold := cases.Fold()
	// Returns equal strings for names that some file system considers equal.
	foldName := func(name string) string {
		return norm.NFD.String(fold.String(norm.NFD.String(strings.ToUpper(name))))
	}
	unique := make([]string, len(names))
	taken := make(map[string]bool, len(names))
	next := map[string]int{} // by folded name, the next number to try
	for i, name := range names {
		stem, ending := name, ""
		if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= 16 {
			stem, ending = name[:dot], name[dot:]
		}
		unique[i] = fitName(stem, ending)
		key := foldName(unique[i])
		for n := max(next[key], 2); taken[foldName(unique[i])]; n++ {
			unique[i] = fitName(stem, " ("+strconv.Itoa(n)+")"+ending)
			next[key] = n + 1
		}
		taken[foldName(unique[i])] = true
	}
	return unique
}
