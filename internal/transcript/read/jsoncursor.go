package read

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonCursor reads JSON that is known to be valid. It is several times as fast as a decoder, because it checks nothing,
// and its values are parts of the text.
type jsonCursor struct {
	text string
	at   int
}

// kind returns the first byte of what comes next: of a value, or "]" or "}".
func (c *jsonCursor) kind() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n', ',', ':':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// value reads the value that comes next, and returns its text.
func (c *jsonCursor) value() string {
	first, from, depth := c.kind(), c.at, 0
	switch first {
	case '"':
		c.at += quotedLength(c.text[c.at:])
		return c.text[from:c.at]
	case '{', '[':
		for ; c.at < len(c.text); c.at++ {
			switch c.text[c.at] {
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					c.at++
					return c.text[from:c.at]
				}
			case '"':
				c.at += quotedLength(c.text[c.at:]) - 1
			}
		}
	default:
		if n := strings.IndexAny(c.text[c.at:], ",]} \t\r\n"); n > 0 {
			c.at += n
			return c.text[from:c.at]
		}
		c.at = len(c.text)
	}
	return c.text[from:]
}

// unquote returns the string of a JSON string.
func unquote(quoted string) string {
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, quoted)
	return string(b)
}
