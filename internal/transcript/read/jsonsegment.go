package read

import (
	"cmp"

	"github.com/go-json-experiment/json/jsontext"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// jsonSegment is a segment of any of the JSON formats.
type jsonSegment struct {
	Start     *float64       `json:"start"`
	End       *float64       `json:"end"`
	SpeakerID string         `json:"speaker_id"` // Memo
	Speaker   string         `json:"speaker"`    // Memo and WhisperX
	Text      *string        `json:"text"`
	Words     jsontext.Value `json:"words"` // WhisperX
}

// readSegments reads the array of segments that comes next.
func (f *jsonFile) readSegments() error {
	if _, err := f.ReadToken(); err != nil {
		return err
	}
	timed, untimed := 0, 0 // the lines of the first segments with and without times, or 0
	for f.PeekKind() != ']' {
		line := f.nextLine()
		var s jsonSegment
		if err := f.decode(&s); err != nil {
			return err
		}
		c, err := s.cue(line, f.draft.memoJSON)
		if err != nil {
			return err
		}
		if s.Start == nil {
			untimed = cmp.Or(untimed, line)
		} else {
			timed = cmp.Or(timed, line)
		}
		if timed > 0 && untimed > 0 {
			return refusef(untimed, `has a segment without "start" and "end", but other segments have them`)
		}
		f.closeCue(c.start)
		before := len(f.draft.cues)
		if err := f.draft.add(c); err != nil {
			return err
		}
		if s.Start != nil && s.End == nil && len(f.draft.cues) > before {
			f.open = before + 1
		}
	}
	_, err := f.ReadToken()
	return err
}

// closeCue sets the end of the open cue, if there is one.
func (f *jsonFile) closeCue(end memo.Seconds) {
	if f.open > 0 {
		c := &f.draft.cues[f.open-1]
		c.end = max(c.start, end)
		f.open = 0
	}
}

// closeLast sets the end of the last cue, if it is open, to the duration in the file.
// Without a duration the cue lasts one second, as in readStamped.
func (f *jsonFile) closeLast() {
	if f.open == 0 {
		return
	}
	start := f.draft.cues[f.open-1].start
	if f.draft.duration && f.draft.doc.Duration > start {
		f.closeCue(f.draft.doc.Duration)
		return
	}
	end, _ := memo.RoundSeconds(min(float64(start)+1, float64(maxSeconds)))
	f.closeCue(end)
}

// cue turns a segment into a cue. In Memo JSON the times must be correct; in other
// formats an end may be missing, or a little before the start.
func (s *jsonSegment) cue(line int, memoJSON bool) (cue, error) {
	c := cue{line: line, id: memo.Optional(plaintext.OneLine(s.SpeakerID)), speaker: s.Speaker}
	if s.Text == nil {
		return c, refusef(line, `has a segment without "text"`)
	}
	c.text = *s.Text
	if s.Start == nil && s.End != nil || memoJSON && s.Start != nil && s.End == nil {
		return c, refusef(line, `has a segment with only one of "start" and "end"`)
	}
	if s.Start != nil {
		var startOK bool
		c.start, startOK = memo.RoundSeconds(*s.Start)
		endOK := true
		c.end = c.start
		if s.End != nil {
			c.end, endOK = memo.RoundSeconds(*s.End)
		}
		if !startOK || !endOK {
			return c, refusef(line, "has a time that is negative, not a number or beyond 1,000 hours")
		}
		const tolerance = 500 // milliseconds; word aligners are off by up to that
		if early := c.start.Millis() - c.end.Millis(); !memoJSON && early > 0 && early <= tolerance {
			c.end = c.start
		}
		if err := checkOrder(c.start, c.end); err != nil {
			return c, refusef(line, "has a segment that %s", err)
		}
	}
	if c.speaker == "" && len(s.Words) > 0 {
		var err error
		c.speaker, err = speakerOfWords(s.Words)
		if err != nil {
			return c, refusef(line, `has a segment whose "words" are not a list of words`)
		}
	}
	return c, nil
}
