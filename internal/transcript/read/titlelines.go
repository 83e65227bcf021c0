package read

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/plaintext"
)

// readTitleLines reads lines before a transcript: its title, its date and its length. titled is whether the first other
// line can be the title. It returns the lines that are none of these.
func (d *draft) readTitleLines(lines []string, titled bool) (text []string) {
	for _, line := range lines {
		if at, ok := parseDateLine(line); ok {
			if d.doc.CreatedAt.IsZero() {
				d.doc.CreatedAt = at
			}
			continue
		}
		if t, ok := parseLength(line); ok {
			if !d.duration {
				_ = d.setDuration(0, t)
			}
			continue
		}
		title, media := line, false
		if stem, ok := withoutRecordingExtension(line); ok {
			title, media = stem, true
		}
		for _, suffix := range []string{" - Transcript", " – Transcript", " Transcript", "-Meeting Recording"} {
			if cut, ok := strings.CutSuffix(title, suffix); ok {
				title, media = cut, true
				if suffix == "-Meeting Recording" {
					d.formatName = cmp.Or(d.formatName, "Teams text")
				}
			}
		}
		if m := recordingTime.FindStringSubmatch(title); m != nil {
			title = m[1]
		}
		if d.doc.Title == "" && (media || titled && len(lines) <= 6 && len(title) <= 200 && !endsSentence(line)) {
			d.doc.Title = plaintext.OneLine(title)
			continue
		}
		if !media {
			text = append(text, line)
		}
	}
	return text
}

// recordingTime finds the time that Teams writes after the title of a recording.
var recordingTime = regexp.MustCompile(`^(.+)-[0-9]{8}_[0-9]{6}(UTC)?$`)

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
