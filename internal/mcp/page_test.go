package mcp

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var headLine = regexp.MustCompile(`^.* \| characters (\d+)-(\d+) of (\d+) \| ` +
	`(?:end|next: offset=(\d+)( \(within a line\))?)(?: \| GET .*)?$`)

// readPage takes a block of text apart as a host's model would: the first line
// is the last one, too, and what is between is the page.
func readPage(block string) (p textPage, err error) {
	lines := strings.SplitAfter(block, "\n")
	head := strings.TrimSuffix(lines[0], "\n")
	if len(lines) < 2 || lines[len(lines)-1] != head {
		return p, errors.New("the first line is not the last")
	}
	m := headLine.FindStringSubmatch(head)
	if m == nil {
		return p, fmt.Errorf("bad head %q", head)
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(s) // digits, says the expression
		return n
	}
	p = textPage{strings.Join(lines[1:len(lines)-1], ""), number(m[1]), number(m[2]), number(m[3]), m[5] != ""}
	if more := utf8.RuneCountInString(p.text) - (p.to - p.from); more == 1 {
		p.text = strings.TrimSuffix(p.text, "\n") // the break before the last line is not the text's
	} else if more != 0 {
		return p, fmt.Errorf("%q has %d characters too many", head, more)
	}
	if end := m[4] == ""; end != (p.to == p.total) || !end && number(m[4]) != p.to {
		return p, fmt.Errorf("%q leads nowhere", head)
	}
	return p, nil
}

// TestEveryCharacterExactlyOnce: following the offsets of any text gives it
// back. A page of a transcript is whole lines, wherever its offset points.
func TestEveryCharacterExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("ab é会🎉\n\n|")), 0, 300, -1).Draw(t, "text")
		most := rapid.IntRange(1, 60).Draw(t, "max_chars")
		split := rapid.Bool().Draw(t, "split")
		var read strings.Builder
		for offset, turns := 0, 0; ; turns++ {
			p, ok := pageAt(s, offset, most, split)
			if !ok || p.from != offset || turns > 300 {
				t.Fatalf("page %d at %d: %+v", turns, offset, p)
			}
			back, err := readPage(p.withHeader("transcription x", ""))
			if err != nil || back != p {
				t.Fatalf("%v: wrote %+v, read %+v", err, p, back)
			}
			n := utf8.RuneCountInString(p.text)
			if n != p.to-p.from || split && n > most || !split && n > most &&
				strings.Count(strings.TrimSuffix(p.text, "\n"), "\n") > 0 {
				t.Fatalf("%+v has %d characters, asked for %d", p, n, most)
			}
			if !split && (p.cutsLine || p.to < p.total && !strings.HasSuffix(p.text, "\n")) {
				t.Fatalf("%+v ends within a line", p)
			}
			read.WriteString(p.text)
			if p.to == p.total {
				break
			}
			offset = p.to
		}
		if read.String() != s {
			t.Fatalf("read %q of %q", read.String(), s)
		}
		anywhere := rapid.IntRange(0, utf8.RuneCountInString(s)).Draw(t, "offset")
		p, ok := pageAt(s, anywhere, most, false)
		before := string([]rune(s)[:p.from])
		if !ok || p.from > anywhere || before != "" && !strings.HasSuffix(before, "\n") && p.from != p.total {
			t.Fatalf("at %d: %+v begins within a line", anywhere, p)
		}
		if _, ok := pageAt(s, utf8.RuneCountInString(s)+1, most, split); ok {
			t.Fatal("an offset after the end returns a page")
		}
	})
}
