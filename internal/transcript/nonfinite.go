package transcript

import "strings"

// withoutNonFinite makes JSON of what Python's json.dump takes for it: NaN,
// Infinity and -Infinity become null, wherever a value may stand. But the time
// of a segment becomes -1, which is refused like every negative one: as a null
// it would pass for a time that is not there. No line moves. The offset is
// that of the first replacement, or -1.
func withoutNonFinite(text string) (fixed string, offset int) {
	offset = -1
	if !strings.Contains(text, "NaN") && !strings.Contains(text, "Infinity") {
		return text, offset
	}
	var b strings.Builder
	from := 0    // what is not yet in b
	before := "" // the last name or text
	last := byte(0)
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
			continue
		case '"':
			n := quotedLength(text[i:])
			before = text[i : i+n]
			i += n
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
			if last == ':' && (before == `"start"` || before == `"end"`) {
				b.WriteString("-1")
			} else {
				b.WriteString("null")
			}
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

// quotedLength returns the length of the JSON string that s starts with; it
// may be cut short.
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

// nonFiniteLength returns the length of the constant that s starts with, or 0.
func nonFiniteLength(s string) int {
	for _, constant := range []string{"NaN", "Infinity", "-Infinity"} {
		if rest, ok := strings.CutPrefix(s, constant); ok && rest != "" && strings.IndexByte(" \t\r\n,]}", rest[0]) >= 0 {
			return len(constant)
		}
	}
	return 0
}
