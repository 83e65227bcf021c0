package memo

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on names and titles, in characters.
const (
	MaxName  = 100
	MaxTitle = 500 // of transcriptions
)

// CleanName returns name without surrounding space and invisible characters. It returns
// KindInvalid for field unless the result has 1 to 100 characters on one line and contains no
// API key.
func CleanName(field, name string) (string, error) { return cleanLine(field, name, MaxName) }

// CleanTitle is CleanName for the title of a transcription: 1 to 500 characters.
func CleanTitle(title string) (string, error) { return cleanLine("title", title, MaxTitle) }

func cleanLine(field, name string, maxChars int) (string, error) {
	if !utf8.ValidString(name) {
		return "", Invalid(field, "must be valid UTF-8")
	}
	name = strings.TrimSpace(strings.Map(dropInvisible, name))
	switch {
	case !strings.ContainsFunc(name, isVisible):
		return "", Invalid(field, "must not be empty")
	case utf8.RuneCountInString(name) > maxChars:
		return "", Invalid(field, "must have at most %d characters", maxChars)
	case strings.ContainsFunc(name, isUnprintable):
		return "", Invalid(field, "must not contain control characters or line breaks")
	case RedactKeys(name) != name:
		return "", Invalid(field, "must not contain an API key, because it would be stored and shown to other people")
	}
	return name, nil
}

// isInvisible reports whether r is not visible on a page, so that two different names could
// look the same. Pasted text often has such characters, especially in Hebrew and Arabic.
// Joiners are not reported, because emoji and several scripts need them.
func isInvisible(r rune) bool {
	switch r {
	case '\u200C', '\u200D':
		return false
	case '\u061C', '\u200E', '\u200F': // they have a direction but do not change that of other text
		return true
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Bidi_Control, r)
}

func dropInvisible(r rune) rune {
	if isInvisible(r) {
		return -1
	}
	return r
}

// isVisible reports whether r is visible on a page.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Printable makes text from a request safe to repeat in a response, a header, a log line or an
// audit event. The result is valid UTF-8 on one line. It has no control characters and no
// characters that change the direction of text, and API keys in it are redacted. It has at
// most maxChars characters; if it was truncated, the last of them is "…".
func Printable(s string, maxChars int) string {
	if len(s) <= maxChars && isPlain(s) && !HasKeyPrefix(s) {
		return s // as almost every method, address and user agent is
	}
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

// isPlain reports whether s consists of printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
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
