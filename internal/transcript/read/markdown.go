package read

import (
	"regexp"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// isMarkdown reports whether the text is a Markdown export of Memo, starts with front matter, or has lines that start
// with the name of a speaker in bold.
func isMarkdown(d *draft) match {
	if ownTranscript(d.text) >= 0 {
		return certain
	}
	lines, marked, bold := 0, 0, 0
	for l := (lineScanner{text: d.text}); l.next(); {
		line := bareLine(l.line())
		if line == "" {
			continue
		}
		if lines++; lines == 1 && line == frontMatterMark && frontMatterEnd(d.text) > 0 {
			return certain
		}
		if name, _, ok := boldName(line); ok && isStampName(name) {
			bold++
		}
		if strings.IndexByte("#-*+>[", line[0]) >= 0 && markdownBlock.MatchString(line) {
			marked++
		}
	}
	isMD := d.name.Extension == "md" || d.name.Extension == "markdown"
	return matchIf(bold > 1 && 2*bold >= lines || isMD && bold+marked > 0, likely)
}

var (
	markdownBlock = regexp.MustCompile(`^(?:#{1,6} |[-*+>] |\[[0-9:]+\]\()`)
	timeLink      = regexp.MustCompile(`\[\(?([0-9]{1,3}:[0-9]{2}(?::[0-9]{2})?)\)?\]\([^()\s]*\)`)
	blockMark     = regexp.MustCompile(`^(?:[-*+>] +(?:\[[ xX]\] )?)+`)
	rule          = regexp.MustCompile(`^(?:[-*_] ?){3,}$`)
)

const frontMatterMark = "---"

// frontMatterEnd returns the offset after the front matter, or 0 without any.
func frontMatterEnd(text string) int {
	l := lineScanner{text: text}
	for l.next() && bareLine(l.line()) == "" {
	}
	if bareLine(l.line()) != frontMatterMark {
		return 0
	}
	for n := 0; n < 500 && l.next(); n++ {
		if line := bareLine(l.line()); line == frontMatterMark || line == "..." {
			return l.rest
		}
	}
	return 0
}

// readMarkdown reads the Markdown export of Memo, and notes with a transcript as Granola, Notion, Fireflies and
// Obsidian write them.
func readMarkdown(d *draft) error {
	if at := ownTranscript(d.text); at >= 0 {
		return readOwnMarkdown(d, at)
	}
	end := frontMatterEnd(d.text)
	if err := d.readFrontMatter(d.text[:end]); err != nil {
		return err
	}
	m := markdownText{draft: d}
	for l := (lineScanner{text: d.text}); l.next(); {
		if err := d.checkContext(); err != nil {
			return err
		}
		line := ""
		if l.from >= end {
			var err error
			if line, err = m.plain(&l); err != nil {
				return err
			}
			if m.after {
				m.notes.WriteString(line + "\n")
				line = ""
			}
		}
		m.text.WriteString(line)
		m.text.WriteByte('\n')
	}
	d.text = m.text.String()
	m.addNotes()
	if shape := shapeOf(d.text); shape.isTimed() {
		d.formatName = "Markdown with times"
		return readStamped(d)
	}
	return m.readUntimed()
}

// readFrontMatter reads the properties of notes: lines such as "title: Weekly sync".
func (d *draft) readFrontMatter(text string) error {
	for l := (lineScanner{text: text}); l.next(); {
		name, value, _ := strings.Cut(l.line(), ":")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "title":
			if err := d.setTitle(l.number, value); err != nil {
				return err
			}
		case "date", "created", "created_at", "recorded", "recorded_at", "start", "start_time":
			if at, ok := parseDateLine(value); ok && (d.doc.CreatedAt.IsZero() || len(value) > len("2026-05-20")) {
				d.doc.CreatedAt = memo.TruncateToMillis(at)
			}
		case "language", "lang":
			d.doc.Language = transcript.Language(value)
		case "duration":
			if t, err := transcript.ParseClock(value); err == nil {
				_ = d.setDuration(l.number, float64(t))
			} else if t, ok := parseLength(value); ok {
				_ = d.setDuration(l.number, t)
			}
		}
	}
	return nil
}

// markdownText is notes while they become plain text with the same lines.
type markdownText struct {
	draft *draft
	text  strings.Builder
	names int // the lines that start with a name in bold
	lines int

	level int             // of the heading of the transcript, or 0
	after bool            // the current section comes after the transcript
	notes strings.Builder // after the transcript
}

// plain returns a line without its marks. Only a line that is not part of the transcript is empty.
func (m *markdownText) plain(l *lineScanner) (string, error) {
	line := plaintext.Trim(strings.TrimSuffix(plaintext.Trim(l.line()), `\`))
	if line == "" || strings.IndexByte("-*_", line[0]) >= 0 && rule.MatchString(line) {
		return "", nil
	}
	if heading := strings.TrimLeft(line, "#"); len(heading) < len(line) && strings.HasPrefix(heading, " ") {
		level := len(line) - len(strings.TrimLeft(line, "#"))
		heading = strings.TrimSpace(strings.ReplaceAll(heading, "**", ""))
		first := level == 1 && m.draft.doc.Title == ""
		switch {
		case isTranscriptHeading(heading) && m.level == 0:
			m.level = level
			m.startTranscript()
			return "", nil
		case m.level > 0 && m.isTopic(*l, level, heading):
			return "", nil
		case parseStamp(heading).form != notStamped:
			return heading, nil
		case first:
			return "", m.draft.setTitle(l.number, unescapeMarkdown(heading))
		case heading == m.draft.doc.Title:
			return "", nil
		}
		line = heading
	}
	if !m.after {
		m.lines++
	}
	line = blockMark.ReplaceAllString(line, "")
	if strings.Contains(line, "](") {
		line = timeLink.ReplaceAllString(line, "$1")
	}
	if name, rest, ok := boldName(line); ok && isStampName(name) {
		if !m.after {
			m.names++
		}
		return name + ": " + unescapeMarkdown(rest), nil
	}
	return unescapeMarkdown(unbold(line)), nil
}

// isTranscriptHeading reports whether a line is the heading of a transcript.
func isTranscriptHeading(line string) bool {
	switch strings.ToLower(strings.Trim(line, " :#*📝🎙\uFE0F")) {
	case "transcript", "transcription", "full transcript", "meeting transcript", "huddle transcript",
		"transkript", "transkription", "transcripción", "транскрипт", "расшифровка":
		return true
	}
	return false
}

// isTopic reads a heading after that of the transcript. A section in which people speak is a part of the transcript,
// and its heading a topic. Another section of the same level comes after the transcript.
func (m *markdownText) isTopic(l lineScanner, level int, heading string) bool {
	d, spoken := m.draft, false
	for l.next() && !spoken {
		line := bareLine(l.line())
		if strings.HasPrefix(line, "#") {
			break
		}
		line = blockMark.ReplaceAllString(line, "")
		name, _, bold := boldName(line)
		spoken = bold && isStampName(name) || parseStamp(unbold(line)).form != notStamped
	}
	if level <= m.level {
		m.after = !spoken
	}
	if !spoken || m.after || parseStamp(heading).form != notStamped {
		return false
	}
	if len(d.doc.Topics) < maxTopics && checkLength(0, "", heading, maxLabel) == nil {
		d.doc.Topics = append(d.doc.Topics, memo.Topic{Title: plaintext.OneLine(unescapeMarkdown(heading))})
	}
	return true
}

// addNotes adds the notes after the transcript to the summary.
func (m *markdownText) addNotes() {
	notes := plaintext.Multiline(strings.TrimSpace(m.notes.String()))
	if notes == "" {
		return
	}
	summary := strings.TrimSpace(string(m.draft.doc.Summary) + "\n\n" + notes)
	if checkLength(0, "", summary, maxSummary) != nil {
		m.draft.warnf("The notes after the transcript were left out.")
		return
	}
	m.draft.doc.Summary = memo.Optional(summary)
	m.draft.warnf("The notes after the transcript were added to the summary.")
}

// startTranscript makes the notes before the transcript the summary.
func (m *markdownText) startTranscript() {
	notes := strings.TrimSpace(m.text.String())
	lines := strings.Count(m.text.String(), "\n")
	m.text.Reset()
	m.text.WriteString(strings.Repeat("\n", lines)) // the numbers of lines remain
	m.names, m.lines = 0, 0
	if notes == "" {
		return
	}
	summary := plaintext.Multiline(notes)
	if checkLength(0, "a summary", summary, maxSummary) != nil || m.draft.doc.Summary != "" {
		m.draft.warnf("The notes before the transcript were left out.")
		return
	}
	m.draft.doc.Summary = memo.Optional(summary)
	m.draft.warnf("The notes before the transcript became the summary.")
}

// readUntimed reads lines without times. Names in bold are the names of speakers.
func (m *markdownText) readUntimed() error {
	d := m.draft
	if d.evidence = evidenceWeak; m.names > 1 && 3*m.names >= m.lines {
		d.evidence = evidenceStrong
	}
	d.formatName = "Markdown"
	d.text = m.text.String()
	speaker, times := "", 0
	for l := (lineScanner{text: d.text}); l.next(); {
		line := l.line()
		if name, ok := strings.CutSuffix(line, ": "); ok && isStampName(name) { // a name on a separate line
			speaker = name
			continue
		}
		if hasClock(line) {
			times++
		}
		if err := d.add(cue{line: l.number, speaker: speaker, text: line}); err != nil {
			return err
		}
	}
	d.warnOfTimes(times)
	return nil
}

// boldName splits a line such as "**Marta Nowak:** Good morning" or "**Marta Nowak**: Good morning". The rest is "" for
// a line with only a name.
func boldName(line string) (name, rest string, ok bool) {
	for _, sign := range []string{"**", "__"} {
		inner, found := strings.CutPrefix(line, sign)
		if !found {
			continue
		}
		name, _, ok = strings.Cut(inner[:min(len(inner), maxHeader)], sign)
		if !ok {
			continue
		}
		rest = strings.TrimLeft(inner[len(name)+len(sign):], " ")
		name = strings.TrimSpace(name)
		if bare, colon := strings.CutSuffix(name, ":"); colon {
			return strings.TrimSpace(bare), rest, true
		}
		if after, colon := strings.CutPrefix(rest, ":"); colon {
			return name, strings.TrimSpace(after), true
		}
		return name, "", rest == ""
	}
	return "", "", false
}

// unescapeMarkdown removes the backslashes before punctuation.
func unescapeMarkdown(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && isPunctuation(s[i+1]) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isPunctuation(c byte) bool {
	return c > ' ' && c < 0x7F && !isASCIILetter(c) && (c < '0' || c > '9')
}
