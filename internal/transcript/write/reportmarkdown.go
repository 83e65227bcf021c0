package write

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"memoai.tech/memo/internal/plaintext"
)

// An AI report is Markdown, and the export has it as such. A model wrote it about what others
// said, so it must not reach beyond its section: its headings are below that of the report, HTML
// and images become text, and a block of code ends with the report.

const reportLevel = 3 // of the heading of a report

// reportMarkdown is the state between the lines of a report.
type reportMarkdown struct {
	b        []byte
	headings []int  // the levels of the headings above the current line
	fence    string // that opened the current block of code, or ""
	indent   int    // of that fence, which the lines of the block lose
	open     bool   // the paragraph has a backtick that a later line may close
}

var (
	// container matches the markers of the quotes and lists that a line is in or opens.
	container     = regexp.MustCompile(`^[ \t]*(?:(?:>|(?:[-+*]|\d{1,9}[.)])(?:[ \t]|$))[ \t]*)*`)
	anyFence      = regexp.MustCompile("^(?:`{3,}[^`]*|~{3,}.*)$")
	atxHeading    = regexp.MustCompile(`^(#{1,6})(?:[ \t]|$)`)
	underline     = regexp.MustCompile(`^(?:=+|-+)[ \t]*$`)
	rule          = regexp.MustCompile(`^(?:(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|(?:\*[ \t]*){3,})$`)
	clockLabel    = regexp.MustCompile(`(?:^|[\[>*+.)-])[\d: \t]*:[\d: \t]*\]:|^[ \t>]*\]:`)
	possibleTag   = regexp.MustCompile(`^<[A-Za-z/!?]`)
	plainAutolink = regexp.MustCompile("^<(?:https?://|mailto:)[^\\s<>`]*>")
)

// appendReport appends the text of a report and an empty line.
func appendReport(b []byte, text string) []byte {
	r := reportMarkdown{b: b}
	lines := strings.Split(lineBreaks.Replace(plaintext.Multiline(text)), "\n")
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	blank := true // the line before
	for i := 0; i < len(lines); i++ {
		s := lines[i]
		if blank && i+1 < len(lines) && r.isUnderlined(s, lines[i+1]) {
			level := 1
			if strings.Contains(lines[i+1], "-") {
				level = 2
			}
			r.heading("", level, " "+strings.TrimSpace(s))
			i++
		} else {
			r.line(s, blank)
		}
		blank = strings.TrimSpace(s) == ""
	}
	if r.fence != "" {
		r.b = append(append(r.b, r.fence...), '\n')
	}
	return append(bytes.TrimRight(r.b, " \t\n"), "\n\n"...)
}

// isUnderlined reports whether a line after an empty one is a heading because of the line under it.
func (r *reportMarkdown) isUnderlined(s, next string) bool {
	text := strings.TrimLeft(s, " ")
	return r.fence == "" && text != "" && len(s)-len(text) <= 3 && underline.MatchString(strings.TrimLeft(next, " ")) &&
		container.FindString(text) == "" && !atxHeading.MatchString(text) && !anyFence.MatchString(text) &&
		!rule.MatchString(text)
}

// line appends one line. blank is whether the line before is empty.
func (r *reportMarkdown) line(s string, blank bool) {
	if r.fence != "" {
		s = s[min(r.indent, len(s)-len(strings.TrimLeft(s, " "))):]
		r.b = append(append(r.b, s...), '\n')
		end := strings.TrimLeft(s, " ")
		if len(s)-len(end) <= 3 && strings.HasPrefix(end, r.fence) &&
			strings.Trim(strings.TrimRight(end, " \t"), r.fence[:1]) == "" {
			r.fence = ""
		}
		return
	}
	if strings.TrimSpace(s) == "" {
		r.open = false
		r.b = append(r.b, '\n')
		return
	}
	markers := container.FindString(s)
	if item := strings.TrimRight(s, " \t"); !blank && strings.HasSuffix(item, "-") && len(item) <= len(markers) {
		markers = strings.TrimSuffix(item, "-") // an empty item is also a line under a heading
	}
	rest := s[len(markers):]
	if anyFence.MatchString(rest) && !strings.Contains(markers, ">") {
		// Where a block of code within a list ends depends on the lines around it, so it leaves the list.
		if item := strings.TrimRight(markers, " \t"); item != "" {
			if !blank {
				r.b = append(r.b, '\n') // or the empty item would be a line under a heading
			}
			r.b = append(append(r.b, item...), '\n')
		}
		n := len(rest) - len(strings.TrimLeft(rest, rest[:1]))
		r.fence, r.indent, r.open = rest[:n], len(markers), false
		r.b = append(append(r.b, rest...), '\n')
		return
	}
	if m := atxHeading.FindStringSubmatch(rest); m != nil {
		r.heading(markers, len(m[1]), rest[len(m[1]):])
		return
	}
	r.b = append(r.b, markers...)
	if !blank && underline.MatchString(rest) { // the paragraph above it must not become a heading
		if rest = strings.TrimRight(rest, " \t"); strings.HasPrefix(rest, "---") {
			rest = "***"
		} else {
			r.b = append(r.b, '\\')
		}
	}
	r.text(rest)
	r.b = append(r.b, '\n')
}

// heading appends a heading of a level of the report, below that of the report. No level is left out.
func (r *reportMarkdown) heading(markers string, level int, text string) {
	r.headings = slices.DeleteFunc(r.headings, func(l int) bool { return l >= level })
	r.headings = append(r.headings, level)
	r.b = append(append(r.b, markers...), strings.Repeat("#", min(reportLevel+len(r.headings), 6))...)
	r.text(text)
	r.b, r.open = append(r.b, '\n'), false
}

// text appends the text of a line, with HTML and images outside code as text.
func (r *reportMarkdown) text(s string) {
	s = clockLabel.ReplaceAllStringFunc(s, func(label string) string { return label[:len(label)-2] + `\]:` })
	code := !r.open && !strings.Contains(s, "|") // the cells of a table end code
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			r.b = append(r.b, s[i:i+2]...)
			i += 2
			continue
		case c == '`':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
			end := -1
			if code {
				end = closing(s[i+n:], n)
			}
			if end < 0 {
				r.open, code, end = true, false, 0
			}
			r.b = append(r.b, s[i:i+n+end]...)
			i += n + end
			continue
		case c == '<' && plainAutolink.MatchString(s[i:]):
			link := plainAutolink.FindString(s[i:])
			r.b = append(r.b, link...)
			i += len(link)
			continue
		case c == '<' && possibleTag.MatchString(s[i:]), c == '!' && strings.HasPrefix(s[i:], "!["):
			r.b = append(r.b, '\\')
		}
		r.b = append(r.b, s[i])
		i++
	}
}

// closing returns where the code ends that n backticks opened before s, or -1.
func closing(s string, n int) int {
	for i := 0; i < len(s); {
		if s[i] != '`' {
			i++
			continue
		}
		m := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		if i += m; m == n {
			return i
		}
	}
	return -1
}
