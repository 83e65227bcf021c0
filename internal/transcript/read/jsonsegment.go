package read

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// memoSegment is a segment of Memo JSON.
type memoSegment struct {
	Start     *float64 `json:"start"`
	End       *float64 `json:"end"`
	SpeakerID string   `json:"speaker_id"`
	Speaker   string   `json:"speaker"`
	Text      *string  `json:"text"`
}

// readSegments reads the array of segments that comes next.
func (f *jsonFile) readSegments() error {
	timed, untimed := 0, 0 // the numbers of the first segments with and without times, or 0
	number := 0
	return f.elements(func(line int) error {
		number++
		var s memoSegment
		if err := f.decode(&s); err != nil {
			return err
		}
		c, err := s.cue()
		c.line = line
		if s.Start == nil {
			untimed = cmp.Or(untimed, number)
		} else {
			timed = cmp.Or(timed, number)
		}
		if err == nil && timed > 0 && untimed > 0 {
			err = errors.New(`has a segment without "start" and "end", but other segments have them`)
		}
		if err == nil {
			err = f.draft.add(c)
		}
		return f.inSegment(err, line, number, s.Start)
	})
}

// inSegment adds to an error which segment it is about. In JSON on one line, a line number would not help.
func (f *jsonFile) inSegment(err error, line, number int, start *float64) error {
	if err == nil || f.draft.ctx.Err() != nil {
		return err
	}
	reason := err.Error()
	if e, ok := errors.AsType[*transcript.Error](err); ok {
		reason = e.Reason
	}
	where := fmt.Sprintf("segment %d", number)
	if start != nil && !math.IsNaN(*start) {
		where += ", at " + timestampOf(*start)
	}
	if f.oneLine {
		line = 0
	}
	return refusef(line, "%s (%s)", reason, where)
}

// cue turns a segment into a cue. Its error can follow the name of the file.
func (s *memoSegment) cue() (cue, error) {
	c := cue{id: memo.Optional(plaintext.OneLine(s.SpeakerID)), speaker: s.Speaker}
	if s.Text == nil {
		return c, errors.New(`has a segment without "text"`)
	}
	c.text = *s.Text
	if (s.Start == nil) != (s.End == nil) {
		return c, errors.New(`has a segment with only one of "start" and "end"`)
	}
	if s.Start == nil {
		return c, nil
	}
	var startOK, endOK bool
	c.start, startOK = memo.RoundSeconds(*s.Start)
	c.end, endOK = memo.RoundSeconds(*s.End)
	if !startOK || !endOK {
		return c, errors.New("has a time that is negative, not a number or beyond 1,000 hours")
	}
	if c.end < c.start {
		return c, errors.New("has a segment that ends before it starts")
	}
	return c, nil
}
