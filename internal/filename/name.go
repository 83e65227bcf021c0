// Package filename makes the names of exported files and the header that carries them, and
// reads what the name of an imported file says about its content. It knows no formats.
package filename

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"memoai.tech/memo/internal/plaintext"
)

// maxBytes is the longest name that every common file system accepts.
const maxBytes = 255

// Of returns the name of an exported file, with the date and the title:
// "2026-05-20 Acme — discovery call.md". It is safe on every platform: it has no path
// separators, control characters or characters that change the writing direction. It
// is not a reserved name, does not start with "-", does not start or end with a dot or
// a space, and has at most 255 bytes.
func Of(title string, created time.Time, extension string) string {
	stem := safeStem(title)
	if stem == "" {
		stem = "Untitled"
	}
	if !created.IsZero() {
		stem = created.UTC().Format(time.DateOnly) + " " + stem
	}
	if isReserved(stem) {
		stem = "_" + stem
	}
	return fitName(stem, "."+extension)
}

// safeStem turns any text into the stem of a file name. The result may be empty.
func safeStem(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = plaintext.OneLine(strings.Map(func(r rune) rune {
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
	if len(stem)+len(ending) <= maxBytes {
		return stem + ending
	}
	return strings.TrimRight(plaintext.Truncate(stem, maxBytes-len(ending)), " .") + ending
}

// Unique returns the names in the same order, with numbers added so that all are
// different: the second "name.md" becomes "name (2).md". It ignores case and Unicode
// normal forms, as some file systems do. The results have at most 255 bytes.
func Unique(names []string) []string {
	unique := make([]string, len(names))
	taken := make(map[string]bool, len(names))
	next := map[string]int{} // by folded name, the next number to try
	for i, name := range names {
		unique[i] = Numbered(name, 1)
		key := Fold(unique[i])
		for n := max(next[key], 2); taken[Fold(unique[i])]; n++ {
			unique[i] = Numbered(name, n)
			next[key] = n + 1
		}
		taken[Fold(unique[i])] = true
	}
	return unique
}

// Fold returns equal strings for names that some file system considers equal.
func Fold(name string) string {
	return norm.NFD.String(cases.Fold().String(norm.NFD.String(strings.ToUpper(name))))
}

// Numbered returns the name of the nth file that would have the same name: "name.md" is
// followed by "name (2).md". The result has at most 255 bytes.
func Numbered(name string, n int) string {
	if n < 2 {
		return WithSuffix(name, "")
	}
	return WithSuffix(name, " ("+strconv.Itoa(n)+")")
}

// WithSuffix puts a suffix between the stem of a name and its extension. The result has
// at most 255 bytes.
func WithSuffix(name, suffix string) string {
	stem, ending := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= 16 {
		stem, ending = name[:dot], name[dot:]
	}
	return fitName(stem, suffix+ending)
}
