package transcript

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ContentDisposition returns the header of a download named name, by RFC 6266:
// an ASCII name for old clients, then the real one. Whatever the name holds,
// it can end neither the quotes nor the header.
func ContentDisposition(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return -1
		case r == '/' || r == '\\':
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if name == "" {
		name = "download"
	}
	b := append([]byte(`attachment; filename="`), asciiName(name)...)
	b = append(b, `"; filename*=UTF-8''`...)
	return string(appendExtValue(b, name))
}

// asciiName is name as far as ASCII can say it: accents go, what is left over
// becomes one "_" a run. There is no escape in it: clients differ in how they
// read quotes, backslashes and percent signs here.
func asciiName(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case r >= '\u2010' && r <= '\u2015':
			r = '-'
		case r == '\u2018' || r == '\u2019' || r == '"' || r == '\u201C' || r == '\u201D':
			r = '\''
		}
		if r < ' ' || r > '~' || strings.ContainsRune(`%\/`, r) {
			if !gap {
				b.WriteByte('_')
			}
			gap = true
			continue
		}
		gap = false
		b.WriteRune(r)
	}
	return b.String()
}

// appendExtValue writes the value characters of RFC 8187.
func appendExtValue(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; isAlnum(c) || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}
