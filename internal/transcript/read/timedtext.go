package read

import (
	"strings"
	"unicode"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

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
