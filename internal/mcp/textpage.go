package mcp

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// textPage is a page of a text, in characters: [from, to) of total.
type textPage struct {
	text            string
	from, to, total int
	cutsLine        bool // the page ends inside a line
}

// pageAt returns the page that starts with the line at offset and has as many whole lines as
// fit into size characters, at least one. With split, it starts at exactly offset, and a line
// longer than size is cut. ok is false if offset is after the end.
func pageAt(s string, offset, size int, split bool) (p textPage, ok bool) {
	p.total = utf8.RuneCountInString(s)
	if offset > p.total {
		return p, false
	}
	for line := range strings.Lines(s) {
		n := utf8.RuneCountInString(line)
		if p.from+n > offset {
			break
		}
		s, p.from = s[len(line):], p.from+n
	}
	if split {
		s, p.from = s[bytesOf(s, offset-p.from):], offset
	}
	p.to = p.from
	for line := range strings.Lines(s) {
		n := utf8.RuneCountInString(line)
		if p.to+n > p.from+size && p.text != "" {
			break
		}
		if n > size && split {
			line, n, p.cutsLine = line[:bytesOf(line, size)], size, true
		}
		p.text, p.to = s[:len(p.text)+len(line)], p.to+n
	}
	return p, true
}

// bytesOf returns the size in bytes of the first n characters of s.
func bytesOf(s string, n int) int {
	at := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// withHeader returns the page between two equal lines that give its position, because a host that
// shortens a long text cuts out the middle. what names the text; more is added to the lines.
func (p textPage) withHeader(what, more string) string {
	next := "end"
	if p.to < p.total {
		next = fmt.Sprintf("next: offset=%d", p.to)
		if p.cutsLine {
			next += " (within a line)"
		}
	}
	head := fmt.Sprintf("%s | characters %d-%d of %d | %s%s", what, p.from, p.to, p.total, next, more)
	body := p.text
	if body != "" && !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	return head + "\n" + body + head
}
