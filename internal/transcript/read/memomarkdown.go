package read

import (
	"cmp"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

const ownHeading = "## Transcript"

// ownTranscript returns the offset of the transcript in a Markdown export of Memo, or -1. It is the last heading of its
// kind, because reports can have no such heading, and a segment is one line with escapes.
func ownTranscript(text string) int {
	l := lineScanner{text: text}
	if !l.next() || !strings.HasPrefix(l.line(), "# ") || !l.next() || l.line() != "" || !l.next() {
		return -1
	}
	fact, _, _ := strings.Cut(strings.TrimPrefix(l.line(), "- "), ": ")
	if !ownFacts[fact] && l.line() != ownHeading {
		return -1
	}
	body := -1
	for ok := true; ok; ok = l.next() {
		if l.line() == ownHeading {
			body = l.rest
		}
	}
	if body < 0 {
		return -1
	}
	l = lineScanner{text: text, rest: body}
	for n := 0; n < 20 && l.next(); {
		if l.line() == "" {
			continue
		}
		if name, _, _ := cutOwnName(l.line()); strings.HasSuffix(name, ":") || l.peek() != "" {
			return -1 // Memo writes no colon after a name, and an empty line between segments
		}
		n++
	}
	return body
}

// ownFacts are the lines after the title of an export.
var ownFacts = stringSet("Date Language Duration Speakers Project")

// cutOwnName cuts the name of the speaker as Memo writes it.
func cutOwnName(line string) (name, rest string, ok bool) {
	inner, ok := strings.CutPrefix(line, "**")
	if !ok {
		return "", line, false
	}
	for i := 0; i+1 < len(inner); i++ {
		switch {
		case inner[i] == '\\':
			i++
		case inner[i] == '*' && inner[i+1] == '*':
			return unescapeMarkdown(inner[:i]), strings.TrimPrefix(inner[i+2:], " "), true
		}
	}
	return "", line, false
}

// readOwnMarkdown reads an export, whose transcript starts at an offset.
func readOwnMarkdown(d *draft, body int) error {
	d.formatName = "Memo Markdown"
	if err := readOwnHead(d, d.text[:body]); err != nil {
		return err
	}
	number := lineAt(d.text, body)
	timed := false
	for l := (lineScanner{text: d.text, rest: body, number: number - 1}); l.next(); {
		name, rest, _ := cutOwnName(l.line())
		c := cue{line: l.number, speaker: name}
		if strings.HasPrefix(rest, "[") {
			if s, after, ok := cutTime(rest); ok {
				start, valid := memo.RoundSeconds(s.start)
				if !valid {
					return refusef(l.number, "has a time beyond 1,000 hours")
				}
				timed, rest, c.start, c.end = true, after, start, start
			}
		}
		c.text = unescapeMarkdown(rest)
		if err := d.add(c); err != nil {
			return err
		}
	}
	d.listSpeakers()
	for i := range d.cues {
		c := &d.cues[i]
		switch {
		case !timed:
		case i+1 < len(d.cues):
			c.end = max(c.end, d.cues[i+1].start)
		default:
			c.end = later(c.end, 1)
		}
	}
	return nil
}

// ownHead is what comes before the transcript while it is being read.
type ownHead struct {
	draft   *draft
	section string // its heading
	report  *memo.Report
	text    []string // the lines of the summary or of the report
	bytes   int      // of all such lines
}

// readOwnHead reads what comes before the transcript: the title, the facts, the summary, the topics and the reports.
func readOwnHead(d *draft, head string) error {
	h := ownHead{draft: d}
	for l := (lineScanner{text: head}); l.next(); {
		if err := d.checkContext(); err != nil {
			return err
		}
		if err := h.readLine(&l); err != nil {
			return err
		}
	}
	return h.flush()
}

func (h *ownHead) readLine(l *lineScanner) error {
	d, line := h.draft, l.line()
	name, isSection := strings.CutPrefix(line, "## ")
	reportName, isReport := strings.CutPrefix(line, "### ")
	switch {
	case l.number == 1:
		if title := unescapeMarkdown(strings.TrimPrefix(line, "# ")); title != "Untitled" {
			return d.setTitle(1, title)
		}
	case isSection:
		err := h.flush()
		h.section = name
		return err
	case isReport && h.section == "AI reports":
		err := h.flush()
		h.report = &memo.Report{Name: plaintext.OneLine(unescapeMarkdown(reportName)), Status: memo.StatusCompleted}
		return err
	case h.section == "Topics":
		return d.addOwnTopic(l.number, plaintext.OneLine(unescapeMarkdown(strings.TrimPrefix(line, "- "))))
	case h.section == "":
		return d.readOwnFact(l.number, line)
	default:
		if h.bytes += len(line) + 1; h.bytes > 2*maxReportBytes {
			return refusef(l.number, "has reports of more than %d MB together, the limit for one file", maxReportBytes>>20)
		}
		h.text = append(h.text, line)
	}
	return nil
}

// flush uses the lines of the summary or of a report.
func (h *ownHead) flush() error {
	d, body := h.draft, strings.TrimSpace(strings.Join(h.text, "\n"))
	h.text = h.text[:0]
	switch {
	case h.section == "Summary":
		summary := plaintext.Multiline(unescapeLines(body))
		d.doc.Summary = memo.Optional(summary)
		return checkLength(0, "a summary", summary, maxSummary)
	case h.report != nil:
		report := *h.report
		h.report = nil
		if status, ok := strings.CutPrefix(body, "Status: "); ok && !strings.Contains(body, "\n") {
			report.Status, body = memo.Status(status), ""
		}
		report.Text = plaintext.Multiline(body)
		if len(d.doc.Reports) == maxReports {
			return refusef(0, "has more than %d reports, the limit for one file", maxReports)
		}
		d.doc.Reports = append(d.doc.Reports, report)
		return cmp.Or(checkLength(0, "a report with a text", report.Text, maxReport),
			checkLength(0, "a report with a name", report.Name, maxLabel),
			checkOneOf(0, "a report with the status", report.Status, memo.Statuses))
	}
	return nil
}

func (d *draft) addOwnTopic(number int, topic string) error {
	if topic == "" {
		return nil
	}
	if len(d.doc.Topics) == maxTopics {
		return refusef(number, "has more than %d topics, the limit for one file", maxTopics)
	}
	d.doc.Topics = append(d.doc.Topics, memo.Topic{Title: topic})
	return checkLength(number, "a topic", topic, maxLabel)
}

// readOwnFact reads a line such as "- Language: en".
func (d *draft) readOwnFact(number int, line string) error {
	name, value, _ := strings.Cut(strings.TrimPrefix(line, "- "), ": ")
	value = plaintext.OneLine(unescapeMarkdown(value))
	switch name {
	case "Date":
		if at, ok := parseDateLine(value); ok {
			d.doc.CreatedAt = at
		}
	case "Language":
		d.doc.Language = memo.Optional(value)
		return checkLength(number, "a language", value, maxLabel)
	case "Duration":
		if t, err := transcript.ParseClock(value); err == nil {
			return d.setDuration(number, float64(t))
		}
	case "Speakers":
		d.listed = value
	case "Project":
		if p, err := memo.CleanName("name", value); err == nil {
			d.doc.Project = &memo.ProjectRef{Name: p}
		}
	}
	return nil
}

// listSpeakers uses the order of the list of speakers in an export, unless a name has a comma.
func (d *draft) listSpeakers() {
	names := strings.Split(d.listed, ", ")
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	if len(known) != len(names) || known[""] || len(names) > d.limits.Speakers {
		return
	}
	for _, c := range d.cues {
		if c.speaker != "" && !known[c.speaker] {
			return
		}
	}
	for _, name := range names {
		if checkLength(0, "", name, maxTitle) != nil || len(name) > d.limits.LineBytes {
			d.doc.Speakers = nil
			return
		}
		d.doc.Speakers = append(d.doc.Speakers, memo.Speaker{Name: name})
	}
}

// unescapeLines reads the lines of paragraphs as Memo writes them.
func unescapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = unescapeMarkdown(strings.TrimRight(line, " "))
	}
	return strings.Join(lines, "\n")
}
