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
	p = textPage{total: utf8.RuneCountInString(s)}
	if offset > p.total {
		return p, false
	}
	start := 0 // in bytes
	for start < len(s) {
		line := firstLine(s[start:])
		n := utf8.RuneCountInString(line)
		if p.from+n > offset {
			if split {
				start += bytesOf(line, offset-p.from)
				p.from = offset
			}
			break
		}
		start, p.from = start+len(line), p.from+n
	}
	end := start
	p.to = p.from
	for end < len(s) {
		line := firstLine(s[end:])
		n := utf8.RuneCountInString(line)
		if taken := p.to - p.from; taken+n > size {
			switch {
			case taken > 0:
			case split:
				end, p.to, p.cutsLine = end+bytesOf(line, size), p.to+size, true
			default:
				end, p.to = end+len(line), p.to+n
			}
			break
		}
		end, p.to = end+len(line), p.to+n
	}
	p.text = s[start:end]
	return p, true
}

// firstLine returns the first line of s, including its line break.
func firstLine(s string) string {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i+1]
	}
	return s
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
