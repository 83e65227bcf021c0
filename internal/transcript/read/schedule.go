package read

import (
	"math"
	"slices"
)

// schedule collects what distinguishes an agenda, minutes or a diary ("09:00 Coffee", "14:05 called the bank")
// from a transcript. It looks at the first times of a text only.
type schedule struct {
	minutes []float64 // of the day: each time as hours and minutes
	exact   bool      // a time has seconds or brackets, or is beyond 24 hours, so a program wrote it
	odd     bool      // a time is not on five minutes
	halves  bool      // a time has AM or PM
	long    bool      // a time has three numbers
	words   float64
	said    []float64      // the words of each time
	named   int            // the times next to a name
	names   map[string]int // how often each name is next to a time
	headers int            // the times that come after a name and have their text below
}

const (
	maxScheduleLines = 1000
	earliestSchedule = 4 * 60 // minutes of the day. A recording that starts later than 04:00 is rarer than a plan
	manyLines        = 8      // of captions
)

// add adds a line with a time.
func (s *schedule) add(t stamp) {
	if s.isFull() {
		return
	}
	minute := t.start
	if !t.short || t.afternoon {
		minute /= 60
	}
	s.halves, s.long = s.halves || t.afternoon, s.long || !t.short
	s.minutes = append(s.minutes, minute)
	s.exact = s.exact || t.bracketed || minute >= 24*60 || minute != math.Trunc(minute)
	s.odd = s.odd || math.Mod(minute, 5) != 0
	s.said = append(s.said, 0)
	s.addWords(t.text)
	name := t.name
	if before, _, ok := splitName(t.text); name == "" && ok && looksLikeName(before) {
		name = before
	}
	if name == "" {
		return
	}
	if s.names == nil {
		s.names = map[string]int{}
	}
	s.named++
	s.names[name]++
	if t.form == timeLast {
		s.headers++
	}
}

// addLine adds a line without a time.
func (s *schedule) addLine(line string) {
	if len(s.minutes) > 0 && !s.isFull() {
		s.addWords(line)
	}
}

func (s *schedule) addWords(text string) {
	n := countWords(text)
	s.words += n
	s.said[len(s.said)-1] += n
}

func (s *schedule) isFull() bool { return s.exact || len(s.minutes) == maxScheduleLines }

// step returns the median of the minutes between two times.
func (s *schedule) step() float64 {
	if len(s.minutes) < 2 {
		return math.Inf(1)
	}
	steps := make([]float64, len(s.minutes)-1)
	for i := range steps {
		steps[i] = math.Abs(s.minutes[i+1] - s.minutes[i])
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// rate returns the words a second if the times are minutes and seconds.
func (s *schedule) rate() float64 {
	return s.words / max(1, s.minutes[len(s.minutes)-1]-s.minutes[0])
}

// isSchedule reports whether people wrote the times, as hours and minutes of a day. In what people said, names occur
// again, or there are many sentences with little time between them. plain is the number of lines without times.
func (s *schedule) isSchedule(plain int) bool {
	n, step := len(s.minutes), s.step()
	if s.exact || n == 0 {
		return false
	}
	const hardlyAny, fewMinutes, quarter = 2, 5, 15
	chat := 2*s.named >= n && (len(s.names) < s.named || 2*s.headers >= n && plain >= n)
	if chat && (s.odd || step < fewMinutes) {
		return false
	}
	seconds := !s.halves && !s.long // they can be minutes and seconds
	spoken := seconds && s.rate() >= 0.8 && s.rate() <= fastestGuess
	if n >= manyLines && s.words >= float64(4*n) && (step <= hardlyAny || step <= fewMinutes && spoken) {
		return false
	}
	if seconds && s.isExcerpt() {
		return false
	}
	return s.halves || s.minutes[0] >= earliestSchedule ||
		seconds && n > 2 && !s.odd && s.minutes[0] > 0 && step >= quarter && s.rate() < slowestGuessed
}

// isExcerpt reports whether a few times, as minutes and seconds, are close together and each has as many words as
// people say in between. Minutes and diaries have some longer gaps.
func (s *schedule) isExcerpt() bool {
	const closest, slow, fast = 10, 1.2, 5
	n := len(s.minutes)
	if n < 2 || !s.odd || s.step() > closest {
		return false
	}
	for i := range n - 1 {
		if rate := s.said[i] / (s.minutes[i+1] - s.minutes[i]); rate < slow || rate > fast {
			return false
		}
	}
	return s.said[n-1] >= slow
}

// hasHours reports whether times of two numbers are hours and minutes, as in a chat: several are the same, or the text
// is too long for seconds.
func (s *schedule) hasHours() bool {
	if s.exact || s.long || s.halves || len(s.minutes) < 2 || s.minutes[0] < earliestSchedule {
		return false
	}
	same := 0
	for i, minute := range s.minutes[1:] {
		if minute == s.minutes[i] {
			same++
		}
	}
	return 4*same >= len(s.minutes) || s.rate() > fastestGuess
}
