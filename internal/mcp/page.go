package mcp

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// textPage is a stretch of a text, in characters: [from, to) of total.
type textPage struct {
	text            string
	from, to, total int
	cutsLine        bool // it ends within a line
}

// pageAt returns the page that begins with the line at offset and has as many
// whole lines as fit into size characters, at least one. With split, a page
// begins at the very offset, and a line that is longer than size is cut. It
// reports false where offset is behind the end.
func pageAt(s string, offset, size int, split bool) (textPage, bool) {
	p := textPage{total: utf8.RuneCountInString(s)}
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

// firstLine returns the first line of s with its line break.
func firstLine(s string) string {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i+1]
	}
	return s
}

// bytesOf returns how many bytes the first n characters of s take.
func bytesOf(s string, n int) int {
	at := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// withHeader sets the page between two lines that say where it stands: first and
// last, for a host that cuts a long text cuts its middle.
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
