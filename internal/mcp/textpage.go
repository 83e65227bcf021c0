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

// pageLimit limits a page. A page has at least one line.
type pageLimit struct {
	chars int
	bytes int  // 0: no limit; otherwise a longer line is cut
	split bool // a page starts at exactly its offset, and a line longer than chars is cut
}

// pageAt returns the page that starts with the line at offset and has as many whole lines as fit
// into the limit. It starts at exactly offset within a line that is cut. ok is false if offset is after
// the end.
func pageAt(s string, offset int, limit pageLimit) (p textPage, ok bool) {
	p.total = utf8.RuneCountInString(s)
	if offset > p.total {
		return p, false
	}
	for line := range strings.Lines(s) {
		n := utf8.RuneCountInString(line)
		if p.from+n > offset {
			if limit.split || limit.cut(line) < len(line) {
				s = s[bytesOf(s, offset-p.from):]
				p.from = offset
			}
			break
		}
		s, p.from = s[len(line):], p.from+n
	}
	p.to = p.from
	for line := range strings.Lines(s) {
		n := utf8.RuneCountInString(line)
		if p.text != "" &&
			(p.to+n > p.from+limit.chars || limit.bytes > 0 && len(p.text)+len(line) > limit.bytes) {
			break
		}
		end := limit.cut(line)
		p.text, p.to = s[:len(p.text)+end], p.to+utf8.RuneCountInString(line[:end])
		if p.cutsLine = end < len(line); p.cutsLine {
			break
		}
	}
	return p, true
}

// cut returns how many bytes of a line fit into a page of its own, without part of a character.
func (l pageLimit) cut(line string) int {
	end := len(line)
	if l.split && utf8.RuneCountInString(line) > l.chars {
		end = bytesOf(line, l.chars)
	}
	if l.bytes > 0 && end > l.bytes {
		for end = l.bytes; end > 1 && !utf8.RuneStart(line[end]); {
			end--
		}
	}
	return end
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
