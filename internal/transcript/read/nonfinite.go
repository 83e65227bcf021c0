package read

import "strings"

// withoutNonFinite replaces the values NaN, Infinity and -Infinity, which Python's
// json.dump writes, with null, so that the text is valid JSON. Line numbers do not change. The
// offset is that of the first replacement in the result, or -1.
func withoutNonFinite(text string) (result string, offset int) {
	offset = -1
	if !strings.Contains(text, "NaN") && !strings.Contains(text, "Infinity") {
		return text, offset
	}
	var b strings.Builder
	from := 0       // the part of text that is not in b yet starts here
	last := byte(0) // the last byte that is not a space
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
			continue
		case '"':
			i += quotedLength(text[i:])
		case 'N', 'I', '-':
			n := nonFiniteLength(text[i:])
			if n == 0 || last != ':' && last != ',' && last != '[' {
				i++
				break
			}
			b.WriteString(text[from:i])
			if offset < 0 {
				offset = b.Len()
			}
			b.WriteString("null")
			i += n
			from = i
		default:
			i++
		}
		last = text[i-1]
	}
	if offset < 0 {
		return text, offset
	}
	b.WriteString(text[from:])
	return b.String(), offset
}

// quotedLength returns the length of the JSON string at the start of s, or that of s if
// the string does not end.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// nonFiniteLength returns the length of the constant at the start of s, or 0.
func nonFiniteLength(s string) int {
	for _, constant := range []string{"NaN", "Infinity", "-Infinity"} {
		if rest, ok := strings.CutPrefix(s, constant); ok && rest != "" && strings.IndexByte(" \t\r\n,]}", rest[0]) >= 0 {
			return len(constant)
		}
	}
	return 0
}
