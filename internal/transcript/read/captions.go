package read

import (
	"strings"
	"unicode/utf8"

	"memoai.tech/memo/internal/plaintext"
)

// captions reads the formats in which a line of times comes before a text: WebVTT, SRT and SBV. A cue lasts until the
// next line of times, so that empty lines in a text lose nothing.
type captions struct {
	draft *draft
	lineScanner
	vtt    bool // comments, identifiers, and the tags of WebVTT
	sbv    bool // no arrows
	timing func(line string) (cue, error)
	clean  func(text string) string // removes the markup from a text
	style  captionStyle

	open          *cue        // the cue whose text is being read, or nil
	start, end    int         // the offsets of its text
	times         cue         // of the last cue, for a text after a comment
	previous      captionLine // the kind of the line before the current one
	empty         bool        // there was an empty line after the text of the cue
	last          string      // the last line of text, which may be the number of the next cue
	afterEmpty    bool        // that line came after an empty one
	endBeforeLast int         // where the text ended before that line
	stray         int         // the number of the first line of text before the first cue, or 0
	strayText     string

	buffer   []cue // the first cues, from which decide finds out how the file is written
	decided  bool
	rolling  *rolling // not nil if the cues repeat what was said before
	idsNames bool     // the identifiers of the cues are names of speakers
}

// captionLine is the kind of a line.
type captionLine uint8

const (
	emptyLine captionLine = iota // an empty line, or the start of the file
	timesLine                    // a line of times
	wordsLine                    // text, or the number or identifier of a cue
)

// bufferedCues is the number of cues from which decide finds out how a file is written.
const bufferedCues = 256

// invisibleMarks can be around times and numbers, where an editor or a copy from a web page left them.
const invisibleMarks = "\uFEFF\u200B\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2060\u2066\u2067\u2068\u2069\u00AD"

// bareLine returns a line without the spaces and the invisible marks around it.
func bareLine(line string) string {
	bare := strings.TrimSpace(line)
	if bare == "" || bare[0] < utf8.RuneSelf && bare[len(bare)-1] < utf8.RuneSelf {
		return bare
	}
	return strings.TrimFunc(bare, func(r rune) bool {
		return strings.ContainsRune(invisibleMarks, r) || strings.ContainsRune(" \t", r)
	})
}

func (r *captions) read() error {
	r.draft.captions = true
	for r.next() {
		if err := r.draft.checkContext(); err != nil {
			return err
		}
		line := bareLine(r.line())
		var err error
		switch {
		case line == "" && (r.open == nil || strings.TrimSpace(r.line()) == ""):
			r.empty = r.empty || r.line() == ""
			r.previous = emptyLine
		case r.vtt && r.previous == emptyLine && isVTTComment(line) && !hasArrow(r.peek()):
			err = r.readComment(line)
		// In SRT, what looks like times directly after the times is part of the text.
		case hasArrow(line) && (r.vtt || r.previous != timesLine) || r.isSBV(line):
			err = r.readTimes(line)
		default:
			r.readWords(line)
		}
		if err != nil {
			return err
		}
	}
	if err := r.closeCue(r.end); err != nil {
		return err
	}
	if !r.decided {
		if err := r.decide(); err != nil {
			return err
		}
	}
	return r.checkStray()
}

func (r *captions) isSBV(line string) bool {
	if !r.sbv || line == "" {
		return false
	}
	_, err := r.timing(line)
	return err == nil
}

// readTimes reads a line that looks like times. It is either the times of a cue or text.
func (r *captions) readTimes(line string) error {
	numbered := r.previous == wordsLine && isSRTNumber(r.last)
	c, err := r.timing(line)
	if err != nil {
		if r.open == nil || (r.previous == emptyLine || numbered) && startsWithTime(line) {
			return refusef(r.number, "%s", err)
		}
		r.readWords(line)
		return nil
	}
	if r.times.line == 0 && r.stray == r.number-1 && (numbered || r.vtt) {
		r.stray = 0 // it was the number or the identifier of the first cue
	}
	r.checkTimes(line, &c)
	if r.times.line == 0 {
		r.draft.clockTimes = r.vtt && numbered && c.start.Millis()%1000 == 0 // as Zoom writes captions of the day
	}
	end := r.end
	c.line = r.number
	if named := r.vtt && r.previous == wordsLine && r.afterEmpty; numbered || named {
		end, c.line = r.endBeforeLast, r.number-1
		if named && !numbered {
			c.speaker = r.last // until decide finds that it is only an identifier
		}
		if numbered && !r.afterEmpty && r.open != nil {
			r.draft.warnEach(c.line, "A cue came without an empty line before it.",
				"%d cues came without an empty line before them.")
		}
	}
	if err := r.closeCue(end); err != nil {
		return err
	}
	r.open, r.times = &c, c
	r.start, r.end, r.previous, r.empty = r.rest, r.rest, timesLine, false
	return nil
}

// checkTimes repairs what some tools write.
func (r *captions) checkTimes(line string, c *cue) {
	if strings.Contains(line, ":60") {
		r.draft.warnEach(r.number, "A time had the second 60, which was read as the next minute.",
			"%d lines had the second 60, which was read as the next minute.")
	}
	if c.end < c.start {
		c.end = c.start
		r.draft.warnEach(r.number, "A cue ended before it started; its end was removed.",
			"%d cues ended before they started; their ends were removed.")
	}
}

// readWords adds a line to the text. If it is the number of the next cue, readTimes removes it later.
func (r *captions) readWords(line string) {
	if r.open == nil && r.times.line > 0 && !hasArrow(r.peek()) {
		r.draft.warnEach(r.number, "A text had no times, so it has those of the cue before it.",
			"%d texts had no times, so they have those of the cues before them.")
		c := r.times
		r.open, r.start, r.end = &c, r.from, r.from
	}
	if r.open == nil && r.stray == 0 && r.times.line == 0 {
		r.stray, r.strayText = r.number, line
	}
	if r.open != nil && r.empty && r.previous == emptyLine && !r.startsCue(line) {
		r.draft.warnEach(r.number, "A cue had empty lines in its text.", "%d empty lines were in the texts of cues.")
	}
	r.afterEmpty, r.empty = r.previous == emptyLine, false
	r.last, r.endBeforeLast, r.end, r.previous = line, r.end, r.to, wordsLine
}

// startsCue reports whether the current line is the number or identifier of a cue.
func (r *captions) startsCue(line string) bool {
	next := bareLine(r.peek())
	if next == "" || !hasArrow(next) && !r.isSBV(next) {
		return false
	}
	_, err := r.timing(next)
	return err == nil && (r.vtt || isSRTNumber(line))
}

// readComment skips a block without transcript text. Microsoft Stream writes the duration and the language there.
func (r *captions) readComment(line string) error {
	if err := r.closeCue(r.end); err != nil {
		return err
	}
	r.previous, r.empty = emptyLine, false
	if err := r.draft.readVTTNote(r.number, line); err != nil {
		return err
	}
	for line := range r.block(hasArrow) {
		if err := r.draft.readVTTNote(r.number, line); err != nil {
			return err
		}
	}
	return nil
}

func (r *captions) closeCue(end int) error {
	if r.open == nil {
		return nil
	}
	c := *r.open
	c.text = r.text[r.start:max(r.start, end)]
	r.open = nil
	if r.decided {
		return r.emit(c)
	}
	if r.buffer = append(r.buffer, c); len(r.buffer) == bufferedCues {
		return r.decide()
	}
	return nil
}

// checkStray refuses a file without cues, and warns of text before the first one.
func (r *captions) checkStray() error {
	switch {
	case r.stray == 0:
	case r.times.line == 0 && r.vtt:
		return refusef(r.stray, "has the text %s without times before it", plaintext.Quote(r.strayText))
	case r.times.line == 0:
		return refusef(r.stray, "has %s where a cue's number or times such as 00:00:01,000 --> 00:00:02,500 are expected",
			plaintext.Quote(r.strayText))
	default:
		r.draft.warnf("The text before the first cue was left out: %s.", plaintext.Quote(r.strayText))
	}
	return nil
}

// decide finds out from the first cues how the file is written, and adds them.
func (r *captions) decide() error {
	r.decided = true
	texts := make([]string, len(r.buffer))
	for i, c := range r.buffer {
		texts[i] = r.clean(c.text)
	}
	r.idsNames = r.vtt && idsAreNames(r.buffer)
	r.style = captionStyleOf(texts)
	if !strings.Contains(r.text, "<v") && isRolling(r.buffer, texts) {
		r.rolling = &rolling{}
		r.draft.warnf("The captions repeat their lines while they scroll; each line was read once.")
	}
	for _, c := range r.buffer {
		if err := r.emit(c); err != nil {
			return err
		}
	}
	r.buffer = nil
	return nil
}

// idsAreNames reports whether the identifiers of WebVTT cues are names of speakers: numbered speakers, or names
// of which most occur again.
func idsAreNames(cues []cue) bool {
	distinct := map[string]bool{}
	numbered, names := 0, 0
	for _, c := range cues {
		switch {
		case c.speaker == "":
			continue
		case isNumberedSpeaker(c.speaker):
			numbered++
		case !looksLikeName(c.speaker) || notNames[withoutNumber(c.speaker)] || isVTTComment(c.speaker):
			return false
		}
		names++
		distinct[c.speaker] = true
	}
	return names > 0 && (numbered == names || 2*len(distinct) <= names)
}

// emit adds a cue.
func (r *captions) emit(c cue) error {
	if !r.idsNames {
		c.speaker = ""
	}
	switch {
	case r.rolling != nil:
		var ok bool
		if c.text, ok = r.rolling.newWords(r.clean(c.text)); !ok {
			r.extend(c)
			return nil
		}
		return r.draft.add(c)
	case r.style != plainStyle || startsWithChevrons(c.text):
		return r.addTurns(c)
	case r.vtt:
		return addVTTCue(r.draft, c, c.text)
	}
	c.text = r.clean(c.text)
	return r.draft.add(c)
}

// extend makes the last cue last as long as c, which repeats it.
func (r *captions) extend(c cue) {
	if n := len(r.draft.cues); n > 0 && c.start <= r.draft.cues[n-1].end+1 {
		r.draft.cues[n-1].end = max(r.draft.cues[n-1].end, c.end)
	}
}
