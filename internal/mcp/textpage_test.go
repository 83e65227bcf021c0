package mcp_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"memoai.tech/memo/internal/mcp"
	"memoai.tech/memo/internal/testworld"
)

// textPage is a page of a text, as a host reads it.
type textPage struct {
	text            string
	from, to, total int
	cutsLine        bool
}

// markerLine matches the first and the last line of a page.
var markerLine = regexp.MustCompile(`^.* \| characters (\d+)-(\d+) of (\d+) \| ` +
	`(?:end|next: offset=(\d+)( \(within a line\))?)(?: \| GET .*)?$`)

// readPage parses a page and the two equal lines around it.
func readPage(block string) (p textPage, err error) {
	lines := strings.SplitAfter(block, "\n")
	head := strings.TrimSuffix(lines[0], "\n")
	if len(lines) < 2 || lines[len(lines)-1] != head {
		return p, errors.New("the first and the last line differ")
	}
	m := markerLine.FindStringSubmatch(head)
	if m == nil {
		return p, fmt.Errorf("invalid first line %q", head)
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(s) // only digits match the pattern
		return n
	}
	p = textPage{strings.Join(lines[1:len(lines)-1], ""), number(m[1]), number(m[2]), number(m[3]), m[5] != ""}
	if more := utf8.RuneCountInString(p.text) - (p.to - p.from); more == 1 {
		p.text = strings.TrimSuffix(p.text, "\n") // withHeader added the line break before the last line
	} else if more != 0 {
		return p, fmt.Errorf("%q has %d characters too many", head, more)
	}
	if end := m[4] == ""; end != (p.to == p.total) || !end && number(m[4]) != p.to {
		return p, fmt.Errorf("%q has a wrong next offset", head)
	}
	return p, nil
}

// TestPagesHaveEveryCharacterOnce: the pages of any text together are the text. A page of a
// transcript has whole lines, whatever its offset, unless a line has more bytes than a page may have.
func TestPagesHaveEveryCharacterOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("ab é会🎉\n\n|")), 0, 300, -1).Draw(t, "text")
		maxChars := rapid.IntRange(1, 60).Draw(t, "max_chars")
		maxBytes := rapid.SampledFrom([]int{0, 4, 20, 100}).Draw(t, "max_bytes")
		split := rapid.Bool().Draw(t, "split")
		var read strings.Builder
		page := func(offset int, split bool) textPage {
			block, ok := mcp.PageOf(s, offset, maxChars, maxBytes, split)
			p, err := readPage(block)
			if !ok || err != nil {
				t.Fatalf("at %d: %v %v", offset, ok, err)
			}
			return p
		}
		for offset, pages := 0, 0; ; pages++ {
			p := page(offset, split)
			if p.from != offset || p.total != utf8.RuneCountInString(s) || pages > 300 {
				t.Fatalf("page %d at %d: %+v", pages, offset, p)
			}
			n := utf8.RuneCountInString(p.text)
			if n != p.to-p.from || split && n > maxChars || !split && n > maxChars &&
				strings.Count(strings.TrimSuffix(p.text, "\n"), "\n") > 0 {
				t.Fatalf("%+v has %d characters, want at most %d", p, n, maxChars)
			}
			if maxBytes > 0 && len(p.text) > maxBytes {
				t.Fatalf("%+v has %d bytes, want at most %d", p, len(p.text), maxBytes)
			}
			if !split && maxBytes == 0 && (p.cutsLine || p.to < p.total && !strings.HasSuffix(p.text, "\n")) {
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
		p := page(anywhere, false)
		before := string([]rune(s)[:p.from])
		if p.from > anywhere || maxBytes == 0 && before != "" && !strings.HasSuffix(before, "\n") && p.from != p.total {
			t.Fatalf("at %d: %+v begins within a line", anywhere, p)
		}
		if _, ok := mcp.PageOf(s, utf8.RuneCountInString(s)+1, maxChars, maxBytes, split); ok {
			t.Fatal("an offset after the end returns a page")
		}
	})
}

// TestDefaultPagesHaveFewBytes: a default page of any script has at most 11,000 bytes, with the lines around it.
func TestDefaultPagesHaveFewBytes(t *testing.T) {
	w := newWorld(t, testworld.Config{Store: storeIn(t)})
	for name, text := range map[string]string{
		"Russian":       strings.Repeat("Мы договорились о пилоте.\n", 2000),
		"Japanese":      strings.Repeat("導入日は七月十三日です。\n", 2000),
		"one long line": strings.Repeat("пилот ", 4000),
		"English":       strings.Repeat("We agreed on a pilot.\n", 2000),
	} {
		id := w.Import(w.Acme, name+".txt", text)
		for _, tool := range []string{getTool, exportTool} {
			var read strings.Builder
			for offset, more := 0, true; more; {
				block := w.mustSucceed(tool, `{"id":"`+id+`","offset":`+jsonOf(offset)+`}`, nil).Content[0].Text
				p, err := readPage(block)
				if err != nil || len(block) > 11_000 || !utf8.ValidString(block) || p.from != offset ||
					p.cutsLine != (name == "one long line" && p.to < p.total) && tool == getTool {
					t.Fatalf("%s %s at %d: %v, %d bytes, %+v", tool, name, offset, err, len(block), p.cutsLine)
				}
				read.WriteString(p.text)
				offset, more = p.to, p.to < p.total
			}
			if n := strings.Count(read.String(), strings.Fields(text)[0]); n != strings.Count(text, strings.Fields(text)[0]) {
				t.Errorf("%s %s: read %d lines", tool, name, n)
			}
		}
	}
}
