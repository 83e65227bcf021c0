package read

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// readTitleLines reads lines before a transcript: its title, its date, its length, its topics and a list of the people.
// titled is whether the first other line can be the title. It returns the other lines.
func (d *draft) readTitleLines(lines []string, titled bool) (text []string) {
	var dated time.Time // of the title
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if n := d.readHeadSection(lines[i:]); n > 0 {
			i += n - 1
			continue
		}
		if d.readHeadFacts(line) {
			continue
		}
		title, sure := line, false // sure is whether a tool wrote the line as the title
		if stem, ok := withoutRecordingExtension(line); ok {
			title, sure = stem, true
		}
		for _, suffix := range []string{" - Transcript", " – Transcript", " Transcript", "-Meeting Recording"} {
			if cut, ok := strings.CutSuffix(title, suffix); ok {
				title, sure = cut, true
				if suffix == "-Meeting Recording" {
					d.formatName = cmp.Or(d.formatName, "Teams text")
				}
			}
		}
		if rest, at := filename.SplitDate(title); !at.IsZero() && strings.TrimSpace(rest) != "" {
			title, dated = strings.TrimSpace(rest), at
		}
		if d.doc.Title == "" && (sure || titled && len(lines) <= 10 && len(title) <= 200 && !endsSentence(line)) {
			d.doc.Title = plaintext.OneLine(title)
			continue
		}
		if !sure {
			text = append(text, line)
		}
	}
	if d.doc.CreatedAt.IsZero() {
		d.doc.CreatedAt = dated
	}
	return text
}

// readHeadFacts reads a line with the date or the length of a recording, or both: "Mon, Sep 14, 2026 3:30PM • 31:12".
func (d *draft) readHeadFacts(line string) bool {
	var created time.Time
	length := 0.0
	for i, part := range strings.Split(strings.ReplaceAll(line, " · ", " • "), " • ") {
		part = strings.TrimSpace(part)
		if at, ok := parseDateLine(part); ok {
			created = at
		} else if t, ok := parseLength(part); ok {
			length = t
		} else if t, err := transcript.ParseClock(part); err == nil && i > 0 {
			length = float64(t)
		} else {
			return false
		}
	}
	if d.doc.CreatedAt.IsZero() {
		d.doc.CreatedAt = created
	}
	if length > 0 && !d.duration {
		_ = d.setDuration(0, length)
	}
	return true
}

// readHeadSection reads the heading of a list before a transcript and the list: Otter's keywords become topics. The
// names of people are those of the speakers, or of people who say nothing. It returns the number of lines, or 0.
func (d *draft) readHeadSection(lines []string) int {
	heading, list, inLine := strings.Cut(lines[0], ":")
	n := 1
	switch strings.ToLower(strings.TrimSpace(heading)) {
	case "summary keywords", "keywords":
		if strings.TrimSpace(list) == "" && len(lines) > 1 {
			list, n = lines[1], 2
		}
		for topic := range strings.SplitSeq(list, ",") {
			topic = plaintext.OneLine(topic)
			if topic != "" && len(d.doc.Topics) < maxTopics && checkLength(0, "", topic, maxLabel) == nil {
				d.doc.Topics = append(d.doc.Topics, memo.Topic{Title: topic})
			}
		}
		return n
	case "speakers", "attendees", "participants", "invited":
		if inLine && strings.TrimSpace(list) != "" {
			return n
		}
		for n < len(lines) && areNames(lines[n]) {
			n++
		}
		return n
	}
	return 0
}

// areNames reports whether a line is a list of names.
func areNames(line string) bool {
	for name := range strings.SplitSeq(line, ",") {
		if !isStampName(strings.TrimSpace(name)) {
			return false
		}
	}
	return true
}

func endsSentence(line string) bool {
	return strings.ContainsAny(line[len(line)-1:], ".!?") || strings.Contains(line, ": ")
}

func withoutRecordingExtension(line string) (stem string, ok bool) {
	stem, ok = filename.CutRecordingExtension(line)
	return stem, ok && stem != "" && !strings.ContainsAny(line, "/\\")
}

// dateLayouts are how tools write the date of a meeting, in the order in which they are tried.
var dateLayouts = []string{
	"January 2, 2006, 3:04PM", "January 2, 2006, 3:04 PM", "January 2, 2006", "Jan 2, 2006, 3:04PM",
	"Jan 2, 2006, 3:04 PM", "Jan 2, 2006", "2 January 2006, 15:04", "2 January 2006, 3:04PM", "2 January 2006",
	"2 Jan 2006",
	"Mon, Jan 2, 2006 3:04PM", "Mon, Jan 2, 2006, 3:04 PM", "Mon, Jan 2, 2006", "Monday, January 2, 2006",
	"Monday, January 2, 2006 3:04 PM", "Mon, 2 Jan 2006", "2006-01-02 15:04 MST", "2006-01-02 15:04:05",
	"2006-01-02 15:04",
	"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339Nano, time.DateOnly, "2006/01/02 15:04", "2006/01/02",
}

// parseDateLine parses a line that is a date, with or without a word before it. Without a zone the time is read as UTC.
func parseDateLine(line string) (time.Time, bool) {
	if len(line) < 8 || len(line) > 80 || !hasYear(line) {
		return time.Time{}, false
	}
	for _, word := range []string{"Date:", "Recorded on", "Created:", "Created on", "date:", "created:"} {
		line = strings.TrimSpace(strings.TrimPrefix(line, word))
	}
	line = dateSpaces.Replace(line)
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, line); err == nil && t.Year() > 1970 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

var dateSpaces = strings.NewReplacer("\u202f", " ", "\u00a0", " ", " at ", ", ")

// hasYear reports whether a line has four digits in a row. Parsing all layouts is slow.
func hasYear(line string) bool {
	digits := 0
	for i := range len(line) {
		if line[i] < '0' || line[i] > '9' {
			digits = 0
		} else if digits++; digits == 4 {
			return true
		}
	}
	return false
}

var lengthLine = regexp.MustCompile(`^(?:(?:Duration|Length|Total time):?\s*)?(?:(\d{1,3}) ?h(?:ours?|r)?)?,? ?` +
	`(?:(\d{1,4}) ?m(?:in(?:utes?)?|ins)?)?,? ?(?:(\d{1,4}) ?s(?:ec(?:onds?)?|ecs)?)?$`)

// parseLength parses a line such as "31m 12s" or "1 hr 2 min". It returns seconds.
func parseLength(line string) (seconds float64, ok bool) {
	if len(line) > 60 || !strings.ContainsAny(line, "0123456789") {
		return 0, false
	}
	m := lengthLine.FindStringSubmatch(line)
	if m == nil {
		return 0, false
	}
	for _, part := range m[1:] {
		n, _ := strconv.Atoi(part)
		seconds = seconds*60 + float64(n)
	}
	return seconds, true
}
