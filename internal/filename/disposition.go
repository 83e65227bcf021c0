package filename

import (
	"mime"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ContentDisposition returns the header value for a download with a file name, as in
// RFC 6266: an ASCII name for old clients, then the full name. It accepts any name.
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
	return mime.FormatMediaType("attachment", map[string]string{
		"filename": asciiName(name), "filename*": "UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20"),
	})
}

// asciiName returns an ASCII form of name, without accents and with "_" for each run
// of other characters. It does not use escapes, because clients differ in how they
// read quotes, backslashes and percent signs in this value.
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
