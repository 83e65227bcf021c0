package write

import (
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// The Markdown export escapes all text from a transcription, so that it renders as the same
// characters. AI reports are Markdown already: see appendReport.

func (o *output) markdown(d *memo.Transcription) {
	o.b = MarkdownHead(d)
	timed := memo.HasTimes(d.Segments)
	o.each(d.Segments, func(b []byte, s *memo.Segment) []byte { return appendMarkdown(b, s, timed) })
}

// MarkdownHead returns the first part of the Markdown export: everything before the
// transcript, and the heading of the transcript. Unlike [MarkdownBody] it is not stored,
// because it depends on the title and the name of the project.
func MarkdownHead(d *memo.Transcription) []byte {
	title := plaintext.OneLine(d.Title)
	if title == "" {
		title = "Untitled"
	}
	b := appendEscapedLine([]byte("# "), title)
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
			b = append(appendEscapedLine(append(b, "- "...), plaintext.OneLine(t.Title)), '\n')
		}
		b = append(b, '\n')
	}
	b = appendReports(b, d.Reports)
	return append(b, "## Transcript\n"...)
}

func appendFact(b []byte, name, value string) []byte {
	if value = plaintext.OneLine(value); value == "" {
		return b
	}
	b = append(append(append(b, "- "...), name...), ": "...)
	return append(appendEscapedLine(b, value), '\n')
}

func appendReports(b []byte, reports []memo.Report) []byte {
	if len(reports) == 0 {
		return b
	}
	b = append(b, "## AI reports\n\n"...)
	for _, r := range reports {
		name := plaintext.OneLine(r.Name)
		if name == "" {
			name = "Report"
		}
		b = append(appendEscapedLine(append(b, "### "...), name), "\n\n"...)
		if strings.TrimSpace(r.Text) == "" {
			b = append(appendEscapedLine(append(b, "Status: "...), plaintext.OneLine(string(r.Status))), "\n\n"...)
			continue
		}
		b = appendReport(b, r.Text)
	}
	return b
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// appendParagraphs appends a text of several lines. It preserves line breaks, which
// Markdown writes as two spaces at the end of a line, and removes indentation, which
// would make the text code.
func appendParagraphs(b []byte, text string) []byte {
	started, blank := false, false
	for line := range strings.SplitSeq(lineBreaks.Replace(text), "\n") {
		line = plaintext.OneLine(line)
		switch {
		case line == "":
			blank = true
			continue
		case started && blank:
			b = append(b, "\n\n"...)
		case started:
			b = append(b, "  \n"...)
		}
		b = appendEscapedLine(b, line)
		started, blank = true, false
	}
	return append(b, "\n\n"...)
}

// MarkdownBody returns the second part of the Markdown export, the transcript. It
// depends only on the segments, so the store has a compressed copy of it.
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
	speaker, text := plaintext.OneLine(string(s.Speaker)), plaintext.OneLine(s.Text)
	if text == "" {
		return b
	}
	b = append(b, '\n')
	start := len(b)
	if speaker != "" {
		b = append(appendEscapedLine(append(b, "**"...), speaker), "** "...)
	}
	if timed {
		// These brackets need no escape: all others are escaped, also in a report those of a
		// definition with such a name, so nothing could make this a link.
		b = append(append(append(b, '['), s.Start.Timestamp()...), "] "...)
	}
	if len(b) == start {
		b = appendEscapedLine(b, text)
	} else {
		b = appendEscaped(b, text)
	}
	return append(b, '\n')
}

// appendEscapedLine appends text at the start of a line. It escapes what appendEscaped
// escapes, and what has a meaning only at the start of a line.
func appendEscapedLine(b []byte, s string) []byte {
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	switch {
	case s == "":
		return b
	case strings.IndexByte("#+-=>:", s[0]) >= 0: // heading, list, rule, quote, table
		return appendEscaped(append(b, '\\', s[0]), s[1:])
	case digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')') &&
		(digits+1 == len(s) || s[digits+1] == ' '):
		b = append(append(b, s[:digits]...), '\\', s[digits])
		return appendEscaped(b, s[digits+1:])
	}
	return appendEscaped(b, s)
}

// appendEscaped appends text within a line. It escapes characters that have a meaning in
// CommonMark anywhere in a line, and the bare URLs that GitHub turns into links. It escapes
// a character only where it can have a meaning, because needless backslashes make the text
// hard to read.
func appendEscaped(b []byte, s string) []byte {
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
				continue // C#; after a space it could close a heading
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

// startsReference reports whether s, the text after an ampersand, could make it a
// character reference.
func startsReference(s string) bool {
	n := 0
	for n < len(s) && (s[n] == '#' || isAlnum(s[n])) {
		n++
	}
	return n > 0 && n < len(s) && s[n] == ';'
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
