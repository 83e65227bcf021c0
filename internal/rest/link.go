package rest

import (
	"net/url"
	"strings"
)

// setLinks sets the Link header of a page of a list (RFC 8288): the first page and, unless value is empty,
// the next, which has this value of this parameter. The other parameters are those of the request.
func (c *request) setLinks(parameter, value string) {
	b := make([]byte, 0, 512)
	b = append(c.appendLink(b, "", ""), `>; rel="first"`...)
	if value != "" {
		b = append(c.appendLink(append(b, ", "...), parameter, value), `>; rel="next"`...)
	}
	c.w.Header()["Link"] = []string{string(b)}
}

// appendLink appends the URL of a page without the final bracket. The path of a list has no character to
// escape, and the query is escaped as the client sent it.
func (c *request) appendLink(b []byte, parameter, value string) []byte {
	b = append(append(append(b, '<'), c.publicURL...), c.r.URL.Path...)
	separator := byte('?')
	for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if name, _ = url.QueryUnescape(name); name == "" || name == "cursor" || name == "offset" {
			continue
		}
		b = append(b, separator)
		b = append(b, unsafeInLink.Replace(part)...)
		separator = '&'
	}
	if parameter != "" {
		b = append(append(append(b, separator), parameter...), '=')
		b = append(b, url.QueryEscape(value)...)
	}
	return b
}

// unsafeInLink escapes what a URL in a Link header must not have, and clients may send nevertheless.
var unsafeInLink = strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22")
