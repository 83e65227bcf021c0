package transcript

import (
	"strings"

	"memoai.tech/memo"
)

// Markdown is for people and for models, and everything in it that somebody
// said or named is inert: it renders as the same characters. An AI report is
// no exception, for what it says comes from what was said.

// MarkdownHead returns the first part of the Markdown export: what is known of
// the transcription, ending with the heading of the transcript. It is cheap
// and changes with the title or the project's name.
func MarkdownHead(d *memo.Transcription) []byte {
	title := oneLine(d.Title)
	if title == "" {
		title = "Untitled"
	}
	b := appendInert([]byte("# "), title)
	b = append(b, "\n\n"...)
	empty := len(b)
	if !d.CreatedAt.IsZero() {
		b = d.CreatedAt.UTC().AppendFormat(append(b, "- Date: "...), "2006-01-02 15:04 UTC\n")
	}
	b = appendFact(b, "Language", string(d.Language))
	if d.Duration > 0 {
		b = appendFact(b, "Duration", d.Duration.Timestamp())
	}
	names := make([]string, len(d.Speakers))
	for i, s := range d.Speakers {
		names[i] = s.Name
	}
	b = appendFact(b, "Speakers", strings.Join(names, ", "))
	if d.Project != nil {
		b = appendFact(b, "Project", d.Project.Name)
	}
	if len(b) > empty {
		b = append(b, '\n')
	}
	if strings.TrimSpace(string(d.Summary)) != "" {
		b = appendParagraphs(append(b, "## Summary\n\n"...), string(d.Summary))
	}
	if len(d.Topics) > 0 {
		b = append(b, "## Topics\n\n"...)
		for _, t := range d.Topics {
			b = append(appendInert(append(b, "- "...), oneLine(t.Title)), '\n')
		}
		b = append(b, '\n')
	}
	b = appendReports(b, d.Reports)
	return append(b, "## Transcript\n"...)
}

func appendFact(b []byte, name, value string) []byte {
	if value = oneLine(value); value == "" {
		return b
	}
	b = append(append(append(b, "- "...), name...), ": "...)
	return append(appendInert(b, value), '\n')
}

func appendReports(b []byte, reports []memo.Report) []byte {
	if len(reports) == 0 {
		return b
	}
	b = append(b, "## AI reports\n\n"...)
	for _, r := range reports {
		name := oneLine(r.Name)
		if name == "" {
			name = "Report"
		}
		b = append(appendInert(append(b, "### "...), name), "\n\n"...)
		if strings.TrimSpace(r.Text) == "" {
			b = append(appendInert(append(b, "Status: "...), oneLine(string(r.Status))), "\n\n"...)
			continue
		}
		b = appendParagraphs(b, r.Text)
	}
	return b
}

// appendParagraphs keeps the line breaks of a text: two blanks at a line's end
// are Markdown's way. Indents go, they would be code.
func appendParagraphs(b []byte, text string) []byte {
	started, blank := false, false
	for l := (lineScanner{text: text}); l.next(); {
		line := oneLine(l.line())
		switch {
		case line == "":
			blank = true
			continue
		case started && blank:
			b = append(b, "\n\n"...)
		case started:
			b = append(b, "  \n"...)
		}
		b = appendInert(b, line)
		started, blank = true, false
	}
	return append(b, "\n\n"...)
}

// MarkdownBody returns the second part, the transcript. It depends on the
// segments alone, so it can be kept, compressed, for as long as they live.
func MarkdownBody(segments []memo.Segment) []byte {
	n := 0
	for i := range segments {
		n += len(segments[i].Text) + len(segments[i].Speaker) + 24
	}
	b := make([]byte, 0, n+n/8)
	timed := memo.HasTimes(segments)
	for i := range segments {
		b = appendMarkdown(b, &segments[i], timed)
	}
	return b
}

func appendMarkdown(b []byte, s *memo.Segment, timed bool) []byte {
	speaker, text := oneLine(string(s.Speaker)), oneLine(s.Text)
	if text == "" {
		return b
	}
	b = append(b, '\n')
	start := len(b)
	if speaker != "" {
		b = append(appendInert(append(b, "**"...), speaker), "** "...)
	}
	if timed {
		// Literal as it stands: with every other bracket escaped there is no
		// link and no definition that it could refer to.
		b = append(append(append(b, '['), s.Start.Timestamp()...), "] "...)
	}
	if len(b) == start {
		b = appendInert(b, text)
	} else {
		b = appendInline(b, text)
	}
	return append(b, '\n')
}

// appendInert writes one line of text at a line's start so that CommonMark
// gives no meaning to any character in it.
func appendInert(b []byte, s string) []byte {
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	switch {
	case s == "":
		return b
	case strings.IndexByte("#+-=>:", s[0]) >= 0: // heading, list, rule, quote, table
		return appendInline(append(b, '\\', s[0]), s[1:])
	case digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')') &&
		(digits+1 == len(s) || s[digits+1] == ' '):
		b = append(append(b, s[:digits]...), '\\', s[digits])
		return appendInline(b, s[digits+1:])
	}
	return appendInline(b, s)
}

// appendInline escapes what has a meaning anywhere in a line, and the bare
// addresses that GitHub makes links of, and leaves alone what cannot: a text
// full of backslashes is no text for people.
func appendInline(b []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		switch s[i] {
		case '\\', '`', '*', '[', ']', '<', '|', '~':
		case '_':
			if i > 0 && isAlnum(s[i-1]) && i+1 < len(s) && isAlnum(s[i+1]) {
				continue // SPEAKER_00
			}
		case '&':
			if !startsReference(s[i+1:]) {
				continue // AT&T
			}
		case '#':
			if i > 0 && s[i-1] != ' ' {
				continue // C#; after a blank it could close a heading
			}
		case ':':
			if !strings.HasPrefix(s[i+1:], "//") {
				continue
			}
		case '.':
			if i < 3 || !strings.EqualFold(s[i-3:i], "www") {
				continue
			}
		default:
			continue
		}
		b = append(append(b, s[from:i]...), '\\')
		from = i
	}
	return append(b, s[from:]...)
}

// startsReference reports whether what follows an ampersand could make it a
// character reference.
func startsReference(s string) bool {
	s = strings.TrimPrefix(s, "#")
	n := 0
	for n < len(s) && isAlnum(s[n]) {
		n++
	}
	return n > 0 && n < len(s) && s[n] == ';'
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
