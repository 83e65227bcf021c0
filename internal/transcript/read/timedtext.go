package read

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// timedShape is what the lines of a text with clock times have in common.
type timedShape struct {
	lines, stamped int
	start          float64 // the first time
	clocks         bool    // it is written as a clock shows it
	first          bool    // the first line has a time
	ordered        int     // the lines whose time is not before the one before
	forms          [timeInside + 1]int
	namesAfter     int // lines with a time and then only a name
	ranges         int
	afternoons     int
	bracketNames   int // lines such as "[Marta Nowak] 16:36:35"
	tabs           int
	nameLines      int // lines without a time that start with a name and a colon
	plainLines     int // lines without a time, after the first one with a time
	spoken         int // lines that say the time above again: "1 minute, 3 seconds" below "1:03"
	schedule       schedule
}

// shapeOf looks at every line of a text.
func shapeOf(text string) (s timedShape) {
	before, alone := -1.0, false // the last time, and whether the line above is only that
	for l := (lineScanner{text: text}); l.next(); {
		line := bareLine(l.line())
		if line == "" {
			continue
		}
		s.lines++
		t := parseStamp(unbold(line))
		above := alone
		if alone = t.form == timeAlone; t.form == notStamped {
			if s.stamped > 0 {
				if s.plainLines++; above && saysTime(line, before) {
					s.spoken++
				}
				s.schedule.addLine(line)
				if name, _, ok := splitName(unbold(line)); ok && looksLikeName(name) {
					s.nameLines++
				}
			}
			continue
		}
		s.first = s.first || s.lines == 1
		if s.stamped++; s.stamped == 1 {
			s.start, s.clocks = t.start, t.dayClock
		}
		s.forms[t.form]++
		if t.start >= before {
			s.ordered++
		}
		before = t.start
		s.count(line, t)
	}
	return s
}

func (s *timedShape) count(line string, t stamp) {
	if t.form == timeFirst && t.name == "" && isNameLine(strings.TrimRight(t.text, ": ")) {
		s.namesAfter++
	}
	if t.hasEnd {
		s.ranges++
	}
	if t.afternoon {
		s.afternoons++
	}
	if t.form == timeLast && line[0] == '[' && !t.bracketed {
		s.bracketNames++
	}
	if t.form == timeFirst && strings.Contains(line, "\t") {
		s.tabs++
	}
	s.schedule.add(t)
}

// headers is the number of lines that have a time but no text, which comes in the lines below.
func (s *timedShape) headers() int { return s.forms[timeAlone] + s.forms[timeLast] }

// isTimed reports whether the times are those of what was said.
func (s *timedShape) isTimed() bool { return s.hasTexts() && !s.schedule.isSchedule(s.plainLines) }

// isSchedule reports whether the times are those of an agenda, minutes or a diary.
func (s *timedShape) isSchedule() bool { return s.hasTexts() && s.schedule.isSchedule(s.plainLines) }

// hasTexts reports whether the times are those of texts. A line of free text can have something that looks like a time,
// so they must be many, or the first line must have one.
func (s *timedShape) hasTexts() bool {
	switch {
	case s.stamped == 0:
		return false
	case s.first && s.forms[timeFirst] > 0:
		return true
	case s.lines == 1: // "Ann: [00:42] of what she said"
		return false
	case 2*s.stamped >= s.lines:
		return true
	}
	inOrder := 10*s.ordered >= 8*s.stamped
	return s.stamped > 1 && (4*s.stamped >= s.lines || inOrder && s.headers() > 1)
}

// isStamped reports whether the text has the clock times of what was said.
func isStamped(d *draft) match {
	if startsWithTimes(d.text, parseTiming) { // captions, whatever the file is called
		return noMatch
	}
	shape := shapeOf(joinNames(d.text))
	return matchIf(shape.isTimed(), likely)
}

// timedReader is a text with clock times while it is being read.
type timedReader struct {
	draft     *draft
	shape     timedShape
	namesOnly bool // a line with a time and a name has its text below
	split     bool // each line below a time is what another person says
	spoken    bool // the line below a time can say it again
	hours     bool // a time of two numbers has hours and minutes

	open     cue // whose text is being read
	parts    []string
	started  bool  // a line with a time was read
	empty    bool  // the line before was empty
	onTime   bool  // the last line that was not empty was only a time
	stamps   []int // the index of the first cue of each line with a time
	fixed    []bool
	head     []string // the lines before the first time
	headLine int
	ended    float64 // when the tool says that the recording ended
}

// readStamped reads lines with clock times, as Memo and many other tools write them. What follows a time lasts until
// the next one. The file does not say when the last one ends, so it lasts a second, the precision of most times. A line
// without a time continues the text of the line before it.
func readStamped(d *draft) error {
	d.evidence = evidenceStrong
	d.text = joinNames(d.text)
	r := timedReader{draft: d, shape: shapeOf(d.text)}
	r.namesOnly = 3*r.shape.namesAfter >= 2*r.shape.forms[timeFirst] && r.shape.plainLines >= r.shape.namesAfter
	r.split = 2*r.shape.forms[timeAlone] > r.shape.stamped && 2*r.shape.nameLines >= r.shape.plainLines
	r.spoken = 2*r.shape.spoken > r.shape.forms[timeAlone]
	r.hours = r.shape.schedule.hasHours()
	d.clockTimes = r.shape.clocks
	r.nameFormat()
	for l := (lineScanner{text: d.text}); l.next(); {
		if err := d.checkContext(); err != nil {
			return err
		}
		if err := r.readLine(&l); err != nil {
			return err
		}
	}
	if !r.started {
		if err := r.readHead(false); err != nil {
			return err
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	r.setEnds()
	return nil
}

func (r *timedReader) readLine(l *lineScanner) error {
	line := unbold(plaintext.Trim(l.line()))
	if line == "" {
		r.empty = true
		return nil
	}
	afterEmpty := r.empty
	r.empty = false
	s := parseStamp(line)
	onTime := r.onTime
	r.onTime = s.form == timeAlone
	switch {
	case onTime && r.spoken && s.form == notStamped && saysTime(line, float64(r.open.start)):
	case (s.form == notStamped || s.form == timeLast) && r.isBoilerplate(line, afterEmpty || !r.started):
	case s.form == notStamped && !r.started:
		if len(r.head) == 0 {
			r.headLine = l.number
		}
		if len(r.head) < 1000 {
			r.head = append(r.head, line)
			return nil
		}
		return r.addLine(l, line)
	case s.form == notStamped:
		return r.addLine(l, line)
	default:
		return r.readStamp(l, s, afterEmpty)
	}
	return nil
}

// readStamp starts the text of a line with a time.
func (r *timedReader) readStamp(l *lineScanner, s stamp, afterEmpty bool) error {
	if !r.started {
		if err := r.readHead(afterEmpty); err != nil {
			return err
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	if r.hours && s.short {
		s.start, s.end, s.afternoon = s.start*60, s.end*60, true
	}
	start, ok := memo.RoundSeconds(s.start)
	end, endOK := memo.RoundSeconds(max(s.start, s.end))
	if !ok || !endOK {
		return refusef(l.number, "has a time beyond 1,000 hours")
	}
	r.started = true
	r.draft.timesOfDay = r.draft.timesOfDay || s.afternoon
	name := s.name
	if name == "" && s.form == timeFirst && s.bracketed && r.shape.forms[timeLast] > 0 {
		name = r.open.speaker // the next message of a person in a chat
	}
	r.open = cue{line: l.number, start: start, end: end, speaker: name}
	if r.namesOnly && s.form == timeFirst && s.name == "" {
		if name := strings.TrimRight(s.text, ": "); isStampName(name) {
			r.open.speaker, s.text = name, ""
		}
	}
	r.stamps, r.fixed = append(r.stamps, len(r.draft.cues)), append(r.fixed, s.hasEnd)
	r.parts = r.parts[:0]
	if s.text != "" {
		r.parts = append(r.parts, s.text)
	}
	return nil
}

// addLine adds a line without a time to the text.
func (r *timedReader) addLine(l *lineScanner, line string) error {
	if r.split && r.started {
		if name, rest, ok := splitName(line); ok && looksLikeName(name) {
			if err := r.close(); err != nil {
				return err
			}
			r.open = cue{line: l.number, start: r.open.start, end: r.open.end, speaker: name}
			r.parts = append(r.parts[:0], rest)
			return nil
		}
	}
	r.parts = append(r.parts, line)
	return nil
}

func (r *timedReader) close() error {
	if len(r.parts) == 0 {
		return nil
	}
	r.open.text = strings.Join(r.parts, " ")
	r.parts = r.parts[:0]
	return r.draft.add(r.open)
}

// saysTime reports whether a line says a time in words, as YouTube does for people who do not see it: "4 seconds".
func saysTime(line string, seconds float64) bool {
	if len(line) > 80 || strings.ContainsAny(line, ".:?!") {
		return false
	}
	whole := int(seconds)
	said := []int{whole / 3600, whole / 60 % 60, whole % 60} // without zeros, unless all are 0
	said = slices.DeleteFunc(said, func(n int) bool { return n == 0 && whole > 0 })
	if whole == 0 {
		said = said[:1]
	}
	words := 0
	isBreak := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for _, word := range strings.FieldsFunc(line, isBreak) {
		switch n, err := strconv.Atoi(word); {
		case err != nil:
			words++
		case len(said) == 0 || said[0] != n:
			return false
		default:
			said = said[1:]
		}
	}
	return words > 0 && words <= 5 && len(said) == 0
}

// setEnds sets the ends that the file does not have.
func (r *timedReader) setEnds() {
	cues := r.draft.cues
	for i, from := range r.stamps {
		to, end := len(cues), memo.Seconds(0)
		if i+1 < len(r.stamps) {
			to = r.stamps[i+1]
		}
		if r.fixed[i] || from == to {
			continue
		}
		if end = later(cues[from].start, 1); to < len(cues) {
			if end = cues[to].start; end < cues[from].start-secondsOfDay/2 {
				end = later(end, secondsOfDay) // midnight
			}
		} else if t, ok := memo.RoundSeconds(r.ended); ok && t > cues[from].start {
			end = t
		}
		for j := from; j < to; j++ {
			cues[j].end = max(cues[j].end, end)
		}
	}
	if len(r.stamps) > 0 && r.stamps[0] > 0 { // text before the first time
		for j := range r.stamps[0] {
			if r.stamps[0] < len(cues) {
				cues[j].end = max(cues[j].end, cues[r.stamps[0]].start)
			}
		}
	}
}

// nameFormat finds out which tool wrote the text.
func (r *timedReader) nameFormat() {
	s, d := &r.shape, r.draft
	most := func(n int) bool { return 10*n >= 9*s.stamped }
	switch {
	case d.formatName != "":
	case most(s.bracketNames):
		d.formatName = "Zoom captions"
		d.video = true
		d.timesOfDay = s.start >= 3600 // otherwise they are offsets
	case most(s.tabs):
		d.formatName = "Zoom chat"
	case most(s.ranges) && strings.Contains(d.text, "-->"):
		d.formatName = "Whisper console output"
	case most(s.forms[timeAlone]) && s.nameLines == 0:
		d.formatName = "YouTube transcript"
	}
}

// boilerplate has the starts of lines that tools add, in lower case, and the format that they give away.
var boilerplate = []struct{ start, format string }{
	{"transcribed by https://otter.ai", "Otter text"},
	{"@ this file written with the avid", "Avid captions"},
	{"<begin subtitles>", "Avid captions"},
	{"<end subtitles>", "Avid captions"},
	{"transcribed by ", ""},
	{"transcribed with ", ""},
	{"(transcribed by ", ""},
	{"this editable transcript was computer generated", "Google Meet text"},
	{"transcription ended after ", "Google Meet text"},
	{"meeting ended after ", "Google Meet text"},
	{"this transcript was generated by ", ""},
	{"this transcript was created by ", ""},
	{"this transcription was generated ", ""},
	{"transcript generated by ", ""},
	{"transcript by rev", "Rev text"},
	{"this transcript was exported on ", "Rev text"},
	{"[auto-generated transcript", ""},
	{"auto-generated by ", ""},
	{"generated by ", ""},
	{"exported from ", ""},
	{"exported by ", ""},
	{"powered by ", ""},
	{"subtitles by the amara.org community", ""},
	{"view original transcript at ", ""},
	{"click below to view ", ""},
}

// isBoilerplate reports whether a tool has added the line, and reads what it says. apart is whether the line is apart
// from what was said; otherwise only a line that nobody says is boilerplate.
func (r *timedReader) isBoilerplate(line string, apart bool) bool {
	if len(line) > 300 {
		return false
	}
	lower := strings.ToLower(line)
	if !r.started && isTranscriptHeading(line) {
		return true
	}
	if strings.HasSuffix(lower, " started transcription") || strings.HasSuffix(lower, " stopped transcription") {
		r.draft.formatName = "Teams text"
		return true
	}
	for _, b := range boilerplate {
		rest, ok := strings.CutPrefix(lower, b.start)
		if !ok || b.format == "" && !apart {
			continue
		}
		if b.format != "" {
			r.draft.formatName = b.format
		}
		rest, _, _ = strings.Cut(rest, " ")
		if t, err := transcript.ParseClock(rest); err == nil {
			r.ended = float64(t)
		}
		return true
	}
	if m := detectedLanguage.FindStringSubmatch(line); m != nil && !r.started {
		r.draft.doc.Language = cmp.Or(r.draft.doc.Language, transcript.Language(m[1]))
		return true
	}
	return false
}

// detectedLanguage finds the language that Whisper and programs with it print before the first line.
var detectedLanguage = regexp.MustCompile(
	`(?i)^(?:whisper[\w.]*: )?(?:auto-)?(?:detected language:? '?([a-z]{2,20})\b|detecting language using up to )`)

// readHead reads the lines before the first time: the title, the date and the length, as tools write them. Other lines
// are text.
func (r *timedReader) readHead(afterEmpty bool) error {
	text := r.draft.readTitleLines(r.head, afterEmpty || r.shape.headers() > 0)
	r.head = nil
	for i, line := range text {
		if err := r.draft.add(cue{line: r.headLine + i, text: line}); err != nil {
			return err
		}
	}
	return nil
}

// unbold removes the signs of the first bold text of a line if it is at the start, or after a time, as in
// "**Marta Nowak:** Good morning".
func unbold(line string) string {
	for _, sign := range []string{"**", "__"} {
		before, rest, ok := strings.Cut(line[:min(len(line), maxHeader)], sign)
		if !ok || strings.ContainsFunc(before, unicode.IsLetter) {
			continue
		}
		if bold, after, ok := strings.Cut(line[len(before)+len(sign):], sign); ok && len(bold) <= len(rest) {
			return before + bold + after
		}
	}
	return line
}

// splitTimestamp splits a line after its time. The start is in seconds.
func splitTimestamp(line string) (start float64, rest string, ok bool) {
	s := parseStamp(plaintext.OneLine(line))
	return s.start, s.text, s.form != notStamped
}
