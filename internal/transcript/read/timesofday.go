package read

import "memoai.tech/memo"

const (
	// minTimeOfDay is the time, in seconds, after which a recording starts more rarely than captions with the time of day.
	minTimeOfDay memo.Seconds = 6 * 3600
	secondsOfDay memo.Seconds = 24 * 3600
)

// fromTimesOfDay turns times of day, as Zoom writes them, into offsets from the first cue. After midnight they
// start again at 0.
func (d *draft) fromTimesOfDay() {
	if !d.timesOfDay && !d.looksLikeTimesOfDay() || len(d.cues) == 0 {
		return
	}
	first, before, days := d.cues[0].start, d.cues[0].start, memo.Seconds(0)
	for i := range d.cues {
		c := &d.cues[i]
		if c.start < before-secondsOfDay/2 {
			days += secondsOfDay
		}
		before = c.start
		length := max(0, c.end-c.start)
		if c.end < c.start-secondsOfDay/2 {
			length += secondsOfDay
		}
		c.start, _ = memo.RoundSeconds(min(float64(max(0, c.start+days-first)), float64(maxSeconds-1)))
		c.end, _ = memo.RoundSeconds(min(float64(c.start+length), float64(maxSeconds)))
	}
	d.warnf("The times are times of day; they became offsets from the first one.")
}

// looksLikeTimesOfDay reports whether the times are those of captions which began during the day. An excerpt of a long
// recording has such times as well, so either the times are written as a clock shows them, or they pass midnight.
func (d *draft) looksLikeTimesOfDay() bool {
	if len(d.cues) == 0 || d.cues[0].start < minTimeOfDay || d.duration {
		return false
	}
	midnight, before := false, memo.Seconds(0)
	for _, c := range d.cues {
		if c.start >= secondsOfDay {
			return false
		}
		midnight = midnight || c.start < before-secondsOfDay/2
		before = c.start
	}
	return midnight || d.clockTimes
}

// isDayClock reports whether a time is written as the clock of a program shows it: "09:14:05".
func isDayClock(s string) bool { return len(s) == len("09:14:05") && s[2] == ':' && s[5] == ':' }
