package read

import (
	"iter"
	"strings"
)

// lineScanner reads a text line by line without splitting it, so that 32 MB of line breaks need no memory. A line ends
// with LF, CRLF or CR, or with the CR CR LF of a file that was written twice in text mode. To return to a line later,
// copy the scanner.
type lineScanner struct {
	text     string
	rest     int // where the next line starts
	number   int // the number of the current line, from 1
	from, to int // the current line, without its line break
}

func (l *lineScanner) next() bool {
	if l.rest >= len(l.text) {
		return false
	}
	l.number++
	l.from = l.rest
	l.to = l.from
	for l.to < len(l.text) && l.text[l.to] != '\n' && l.text[l.to] != '\r' {
		l.to++
	}
	l.rest = min(l.to+1, len(l.text))
	if strings.HasPrefix(l.text[l.to:], doubledBreak) {
		l.rest++
	}
	if l.rest < len(l.text) && l.text[l.to] == '\r' && l.text[l.rest] == '\n' {
		l.rest++
	}
	return true
}

const doubledBreak = "\r\r\n"

func (l *lineScanner) line() string { return l.text[l.from:l.to] }

// peek returns the line after the current one, or "" at the end.
func (l *lineScanner) peek() string {
	ahead := *l
	if !ahead.next() {
		return ""
	}
	return ahead.line()
}

// block moves to the lines after the current one, up to an empty line, which it consumes, or
// to a line that begins another block, which it does not.
func (l *lineScanner) block(begins func(line string) bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ahead := *l; ahead.next() && !begins(ahead.line()); {
			*l = ahead
			if l.line() == "" || !yield(l.line()) {
				return
			}
		}
	}
}

// lineAt returns the number of the line that contains the byte at offset.
func lineAt(text string, offset int) int {
	before := text[:min(max(offset, 0), len(text))]
	return 1 + strings.Count(before, "\n") + strings.Count(before, "\r") - strings.Count(before, "\r\n") -
		strings.Count(before, doubledBreak)
}
