package read

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"memoai.tech/memo/internal/filename"
	"memoai.tech/memo/internal/plaintext"
)

// stamp is what a line with a clock time says.
type stamp struct {
	start, end float64 // seconds
	hasEnd     bool
	short      bool   // the time has two numbers: minutes and seconds, or hours and minutes
	afternoon  bool   // the time has AM or PM, so it is a time of day
	bracketed  bool   // the time is in brackets
	dayClock   bool   // see isDayClock; in brackets, a time is an offset
	name       string // of the speaker, or "" if the line has none or it is at the start of text
	text       string
	form       stampForm
}

// stampForm is where the time is in the line.
type stampForm uint8

const (
	notStamped stampForm = iota
	timeFirst            // "[00:42] Jordan: Of course", "00:42 Of course"
	timeAlone            // "00:42"
	timeLast             // "Jordan  0:42", "[Jordan] 16:36:35"
	timeInside           // "Jordan: [00:42] Of course", "Jordan (00:42): Of course"
)

// maxHeader is the number of bytes of a line with a name and a time.
const maxHeader = 160

// parseStamp parses a line with a clock time. The form is notStamped if it has none at a place where tools
// write the time of a text.
func parseStamp(line string) stamp {
	line = strings.TrimRight(strings.TrimLeft(line, invisibleMarks+" \t"), " \t")
	if line == "" || !strings.Contains(line[:min(len(line), maxHeader)], ":") {
		return stamp{}
	}
	if s, rest, ok := cutTime(line); ok {
		s.form = timeFirst
		if s.bracketed && !s.hasEnd {
			rest = strings.TrimSpace(rest) // Memo writes it so, and then a dash is text
		} else {
			rest = trimSeparators(rest)
		}
		if rest == "" {
			s.form = timeAlone
		}
		s.name, s.text = splitColumns(rest)
		return s
	}
	return parseLateTime(line)
}

// parseLateTime parses a line in which a name comes before the time.
func parseLateTime(line string) stamp {
	head := line[:min(len(line), maxHeader)]
	for i := 1; i < len(head); i++ {
		digit := head[i] >= '0' && head[i] <= '9'
		if !digit && head[i] != '[' && head[i] != '(' || isWordByte(head[i-1]) || head[i-1] == ':' {
			continue
		}
		s, rest, ok := cutTime(line[i:])
		if !ok {
			continue
		}
		name := cleanStampName(line[:i])
		if _, isDate := parseDateLine(line); isDate || hasDate(name) || !isStampName(name) ||
			notSpeakers[strings.ToLower(name)] {
			return stamp{}
		}
		s.bracketed = s.bracketed || strings.IndexByte("*`", line[i-1]) >= 0
		s.name, s.text, s.form = name, trimSeparators(rest), timeInside
		if s.text == "" {
			s.form = timeLast
		} else if !s.bracketed && !strings.HasSuffix(strings.TrimRight(line[:i], " \t"), ":") {
			return stamp{} // "Lunch 12:30 in the garden"
		}
		return s
	}
	return stamp{}
}

// hasDate reports whether a text has a date, so that it is not a name.
func hasDate(text string) bool {
	if !hasYear(text) {
		return false
	}
	if _, ok := parseDateLine(strings.TrimSpace(text)); ok {
		return true
	}
	_, at := filename.SplitDate(text)
	return !at.IsZero()
}

// notSpeakers are words before a time that is not the time of a text, in lower case.
var notSpeakers = stringSet("duration length start end started ended begin time from at until recorded total")

func isWordByte(c byte) bool {
	return c >= utf8.RuneSelf || c == '_' || c >= '0' && c <= '9' || isASCIILetter(c)
}

// cutTime cuts a time or a range of times at the start of a line: "00:42", "[00:42]", "(1:02:03.5)",
// "[00:00.000 --> 00:03.480]", "0:03 - 0:07", "4:36:35 PM".
func cutTime(line string) (s stamp, rest string, ok bool) {
	var closing byte
	rest = line
	switch line[0] {
	case '[':
		closing = ']'
	case '(':
		closing = ')'
	}
	if closing > 0 {
		rest = strings.TrimLeft(rest[1:], " ")
	}
	first := rest
	t, rest, ok := cutClock(first, closing > 0)
	if !ok {
		return stamp{}, "", false
	}
	s.start, s.short, s.afternoon = t.seconds, t.short, t.afternoon
	s.dayClock = closing == 0 && isDayClock(first[:len(first)-len(rest)])
	after, found := cutRange(rest)
	if !found {
		after, found = cutEnd(first, rest)
	}
	if found {
		if end, after, ok := cutClock(after, closing > 0); ok && end.seconds >= s.start {
			s.end, s.hasEnd, rest = end.seconds, true, after
			s.afternoon = s.afternoon || end.afternoon
		}
	}
	if closing > 0 {
		rest = strings.TrimLeft(rest, " ")
		if rest == "" || rest[0] != closing {
			return stamp{}, "", false
		}
		s.bracketed = true
		return s, rest[1:], true
	}
	if rest != "" && (isWordByte(rest[0]) || rest[0] == '/' || rest[0] == '%') {
		return stamp{}, "", false
	}
	return s, rest, true
}

// cutEnd cuts a second time that follows the first one without a sign. Nothing comes after it, and both have a
// fraction.
func cutEnd(first, rest string) (after string, ok bool) {
	after = strings.TrimLeft(rest, " ")
	return after, len(after) < len(rest) && strings.Contains(first[:len(first)-len(rest)], ".") &&
		strings.Contains(after, ".") && strings.Trim(after, "0123456789:.") == ""
}

// cutRange cuts what is between the two times of a range.
func cutRange(s string) (rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	for _, sign := range []string{"-->", "->", "–", "—", "-", "→", "to "} {
		if rest, ok := strings.CutPrefix(s, sign); ok {
			return strings.TrimLeft(rest, " "), true
		}
	}
	return "", false
}

// clockTime is a clock time in seconds, from the start of a recording or of a day.
type clockTime struct {
	seconds   float64
	short     bool // it has two numbers
	afternoon bool // it has AM or PM
}

// cutClock cuts a clock time at the start of s: minutes and seconds, or hours, minutes and seconds, with a
// fraction or without. Only in brackets may the first part have more than three digits.
func cutClock(s string, bracketed bool) (t clockTime, rest string, ok bool) {
	parts, i := 0, 0
	for {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		digits := i - from
		n, err := strconv.Atoi(s[from:i])
		switch {
		case err != nil, parts == 0 && digits > 3 && !bracketed, digits > 9, parts > 0 && (digits != 2 || n > 60):
			return clockTime{}, "", false
		}
		t.seconds = t.seconds*60 + float64(n)
		parts++
		if parts == 3 || i == len(s) || s[i] != ':' {
			break
		}
		i++
	}
	if parts < 2 || i < len(s) && s[i] == ':' {
		return clockTime{}, "", false
	}
	t.short = parts == 2
	if i+1 < len(s) && (s[i] == '.' || s[i] == ',') && s[i+1] >= '0' && s[i+1] <= '9' {
		from := i + 1
		for i++; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		}
		fraction, err := strconv.ParseFloat("0."+s[from:min(i, from+9)], 64)
		if err != nil {
			return clockTime{}, "", false
		}
		t.seconds += fraction
	}
	rest = s[i:]
	half := strings.TrimLeft(rest[:min(len(rest), 8)], " \u00a0\u202f")
	if len(half) > 1 && half[1]|0x20 == 'm' && (half[0]|0x20 == 'a' || half[0]|0x20 == 'p') {
		if after := rest[strings.Index(rest, half)+2:]; after == "" || !isWordByte(after[0]) {
			return timeOfDay(t, half[0]|0x20 == 'p'), after, true
		}
	}
	return t, rest, true
}

// timeOfDay returns a time with AM or PM as one since midnight.
func timeOfDay(t clockTime, afternoon bool) clockTime {
	const noon = 12 * 3600
	if t.afternoon = true; t.short {
		t.seconds *= 60
	}
	switch {
	case afternoon && t.seconds < noon:
		t.seconds += noon
	case !afternoon && t.seconds >= noon:
		t.seconds -= noon
	}
	return t
}

// stampSeparators are between a time, a name and a text.
const stampSeparators = " \t|•·–—-,"

func trimSeparators(s string) string {
	s = strings.TrimLeft(s, stampSeparators+"*_")
	return strings.TrimSpace(strings.TrimPrefix(s, ":"))
}

// splitColumns splits a text after "Marta Nowak  " or "Marta Nowak<tab>", which is the name of the speaker.
func splitColumns(text string) (name, rest string) {
	head := text[:min(len(text), maxHeader)]
	if strings.HasPrefix(head, "From ") { // a chat of Zoom
		if before, _, ok := strings.Cut(head, ":"); ok {
			if name = cleanStampName(before); isStampName(name) {
				return name, strings.TrimSpace(text[len(before)+1:])
			}
		}
	}
	i := strings.IndexByte(head, '\t')
	if j := strings.Index(head, "  "); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if j := strings.Index(head, " | "); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if j := strings.Index(head, ": "); j > 0 && j < i && head[j+2] != ' ' {
		return "", text // after "Ann: ", the text has begun
	}
	if i <= 0 || strings.Contains(strings.TrimRight(text[:i], " :"), ":") {
		return "", text
	}
	name = cleanStampName(text[:i])
	if rest = strings.TrimLeft(text[i:], stampSeparators); rest == "" || !isStampName(name) {
		return "", text
	}
	return name, rest
}

// cleanStampName removes brackets, the signs of bold text, separators, and the words around names in a chat of Zoom.
func cleanStampName(s string) string {
	s = strings.Trim(strings.TrimSpace(s), stampSeparators+":*_#>@")
	if n := len(s); n > 2 && (s[0] == '[' && s[n-1] == ']' || s[0] == '(' && s[n-1] == ')') {
		s = strings.TrimSpace(s[1 : n-1])
	}
	if rest, ok := strings.CutPrefix(s, "From "); ok {
		s, _, _ = strings.Cut(strings.TrimSpace(rest), " to ")
	}
	return plaintext.OneLine(s)
}

// isStampName reports whether a text next to a time can be a name: it is short and not a sentence.
func isStampName(name string) bool {
	if name == "" || utf8.RuneCountInString(name) > 60 || strings.Count(name, " ") > 5 || notNames[withoutNumber(name)] ||
		strings.ContainsAny(name, `?!;:"“”„«»<>[]{}=*\。、！？`) ||
		strings.HasSuffix(name, ".") && !strings.Contains(name, " ") ||
		!strings.ContainsFunc(name, unicode.IsLetter) {
		return false
	}
	return looksLikeName(name) || isNumberedSpeaker(name) || looksLikeName(strings.ReplaceAll(name, ",", ""))
}
