package read

import (
	"errors"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
)

// cue is one caption or line of a file, from which a segment is made.
type cue struct {
	line       int // its line number in the file
	start, end memo.Seconds
	id         memo.Optional // of the speaker, from Memo JSON
	speaker    string
	text       string
}

var errNoTimes = errors.New("has no times such as 00:00:01.000 --> 00:00:02.500")

// parseTiming parses "00:00:01.000 --> 00:00:02.500" and ignores what follows: the
// cue settings of VTT and the coordinates of SRT. The error can follow "line 3: ".
func parseTiming(line string) (c cue, err error) {
	left, right, ok := strings.Cut(line, "-->")
	if !ok {
		return c, errNoTimes
	}
	right = strings.TrimLeft(right, " \t")
	if i := strings.IndexAny(right, " \t"); i >= 0 {
		right = right[:i]
	}
	if c.start, err = transcript.ParseClock(strings.TrimSpace(left)); err != nil {
		return c, err
	}
	c.end, err = transcript.ParseClock(right)
	return c, err
}

func isTiming(line string) bool {
	_, err := parseTiming(line)
	return err == nil
}

// hasArrow reports whether line may be the times of a cue.
func hasArrow(line string) bool { return strings.Contains(line, "-->") }
