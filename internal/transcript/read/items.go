package read

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
	"memoai.tech/memo/internal/transcript"
)

// list is what a reader of JSON or of a table found: segments or words, in the order of the file.
type list struct {
	draft    *draft
	items    []item
	decimals decimals
	unit     float64
	refuse   func(i *item, format string, args ...any) error // says where in the file the item is
	line     func(i *item) int
}

// add adds the items as cues: it finds the unit of their times, and fills in missing times.
func (l *list) add(words bool) error {
	if len(l.items) == 0 {
		return nil
	}
	l.draft.clockTimes = l.items[0].dayClock
	l.fromFirst()
	l.checkUnit()
	if words || l.areWords() {
		l.items = l.segments()
	}
	if err := l.fillTimes(); err != nil {
		return err
	}
	for n := range l.items {
		i := &l.items[n]
		c := cue{line: l.line(i), speaker: i.speaker, text: i.text}
		if !math.IsNaN(i.start) {
			c.start, _ = memo.RoundSeconds(i.start)
			c.end, _ = memo.RoundSeconds(i.end)
		}
		if err := l.draft.add(c); err != nil {
			if e, ok := errors.AsType[*transcript.Error](err); ok {
				return l.refuse(i, "%s", e.Reason)
			}
			return err
		}
	}
	return nil
}

// fromFirst turns times of the day into times since the first one.
func (l *list) fromFirst() {
	first, scale := math.Inf(1), 1.0
	for n := range l.items {
		i := &l.items[n]
		if math.IsNaN(i.start) {
			continue
		}
		if s := epochScale(i.start); !i.absolute && s == 0 {
			return
		} else if s > 0 {
			scale = s
		}
		first = min(first, i.start)
	}
	if math.IsInf(first, 1) {
		return
	}
	for n := range l.items {
		i := &l.items[n]
		i.start, i.end, i.exact = (i.start-first)*scale, (i.end-first)*scale, true
	}
	if d := l.draft; d.doc.CreatedAt.IsZero() {
		d.doc.CreatedAt = memo.TruncateToMillis(time.UnixMilli(int64(first * scale * 1000)))
	}
	l.draft.warnf("The times are times of day; they became offsets from the first one.")
}

// The rates of speech, in words a second, by which the unit of times is checked. People say two or three. The first
// bounds are so wide that only a wrong unit is outside: a file can have long pauses, but a factor of 100 is visible.
const (
	slowest, fastest             = 0.05, 15.0
	slowestShort                 = 0.02 // in a text of a few words, where one pause matters more
	shortText                    = 12   // words
	slowestGuessed, fastestGuess = 0.3, 6.0
)

// decimals says how the numbers of a file are written. Few programs write milliseconds with a decimal point.
type decimals uint8

const (
	noDecimals  decimals = iota // 3480
	hasPoint                    // 3480.0
	hasFraction                 // 3.48
)

// otherUnits are the units that are tried if the one of the format cannot be right, as a factor of seconds.
var otherUnits = []struct {
	seconds float64
	name    string
}{
	{1e-3, "milliseconds"},
	{1e-2, "hundredths of a second"},
	{1, "seconds"},
	{1e-6, "microseconds"},
	{1e-7, "ticks of 100 ns"},
	{1e-9, "nanoseconds"},
	{1.0 / 16000, "samples at 16 kHz"},
}

// checkUnit compares the number of words with their times, and changes the unit if people cannot speak like that.
func (l *list) checkUnit() {
	words, seconds := l.speech()
	if words == 0 || seconds == 0 {
		return
	}
	rate := words / seconds
	low := slowest
	if words < shortText {
		low = slowestShort
	}
	switch l.decimals {
	case hasFraction:
		low = 0 // these are seconds
	case hasPoint:
		low /= 4
	}
	if rate >= low && rate <= fastest {
		return
	}
	best, factor, name := math.Inf(1), 0.0, ""
	unit := cmp.Or(l.unit, 1)
	for _, u := range otherUnits {
		if r := rate * unit / u.seconds; r >= slowestGuessed && r <= fastestGuess {
			if distance := math.Abs(math.Log(r / 2.5)); factor == 0 || distance < best-1 {
				best, factor, name = distance, u.seconds/unit, u.name
			}
		}
	}
	if factor == 0 || words < 2 {
		l.draft.warnf("The times may be wrong: they mean %s words a second.", strconv.FormatFloat(rate, 'g', 2, 64))
		return
	}
	for n := range l.items {
		if i := &l.items[n]; !i.exact {
			i.start, i.end = i.start*factor, i.end*factor
		}
	}
	l.draft.warnf("The times were read as %s, because otherwise they would mean %s words a second.", name,
		strconv.FormatFloat(rate, 'g', 2, 64))
}

// speech returns how many words the items have, and in how many seconds. Items whose times say their unit, or have no
// length, do not count.
func (l *list) speech() (words, seconds float64) {
	first, last, all := math.Inf(1), math.Inf(-1), 0.0
	for n := range l.items {
		i := &l.items[n]
		if i.exact || math.IsNaN(i.start) {
			continue
		}
		first, last = min(first, i.start), max(last, i.start)
		count := countWords(i.text)
		all += count
		if i.end > i.start {
			words += count
			seconds += i.end - i.start
		}
	}
	if words == 0 && last > first {
		return all, last - first
	}
	return words, seconds
}

// fillTimes gives times to items that lack some, unless none has a start.
func (l *list) fillTimes() error {
	if !slices.ContainsFunc(l.items, func(i item) bool { return !math.IsNaN(i.start) }) {
		for n := range l.items {
			l.items[n].start = math.NaN()
		}
		return nil
	}
	before := 0.0 // when the item before ends
	for n := range l.items {
		i := &l.items[n]
		if math.IsNaN(i.start) {
			i.start = before
			l.draft.warnEach(0, "A segment has no start; it got the end of the one before.",
				"%d segments have no start; they got the end of the one before.")
			if i.end < i.start || math.IsNaN(i.end) {
				i.end = i.start
			}
		}
		if math.IsNaN(i.end) {
			i.end = l.endOf(n)
		}
		const early = -0.5 // seconds; aligners of words are off by up to that
		if i.start < 0 && i.start >= early {
			i.start = 0
		}
		_, startOK := memo.RoundSeconds(i.start)
		_, endOK := memo.RoundSeconds(max(i.end, i.start))
		if !startOK || !endOK {
			return l.refuse(i, "has a time that is negative, not a number or beyond 1,000 hours")
		}
		if i.end < i.start {
			i.end = i.start
			l.draft.warnEach(0, "A segment ended before it started; its end was removed.",
				"%d segments ended before they started; their ends were removed.")
		}
		before = i.end
	}
	return nil
}

// endOf returns the end of an item that has none: where the next one starts, or the recording ends. Without either it
// lasts a second, as in text with times.
func (l *list) endOf(n int) float64 {
	start := l.items[n].start
	if n+1 < len(l.items) {
		return max(start, orElse(l.items[n+1].start, start))
	}
	if d := l.draft; d.duration && float64(d.doc.Duration) > start {
		return float64(d.doc.Duration)
	}
	return min(start+1, float64(maxSeconds))
}

// When words become a new segment.
const (
	longPause    = 1.0  // seconds
	shortPause   = 0.3  // seconds, if the segment is long
	longSegment  = 400  // bytes
	hugeSegment  = 1200 // bytes, without any pause
	maxWordBytes = 200  // of a word that can end a sentence
)

// areWords reports whether the items are words, although the format can have longer ones.
func (l *list) areWords() bool {
	const few = 10 // more short answers in a row are unlikely
	return len(l.items) >= few && !slices.ContainsFunc(l.items, func(i item) bool {
		return countWords(i.text) > 1 || math.IsNaN(i.start)
	})
}

// segments makes segments from words: a new one at another speaker, a pause and the end of a sentence.
func (l *list) segments() []item {
	var out []item
	var text strings.Builder
	var current item
	flush := func() {
		if text.Len() > 0 {
			current.text = text.String()
			out = append(out, current)
		}
		text.Reset()
	}
	ended := false // the text is a whole sentence
	for n := range l.items {
		w := &l.items[n]
		word := plaintext.Trim(w.text)
		mark := isMark(word)
		if w.speaker == "" && (mark || math.IsNaN(w.start)) {
			w.speaker = current.speaker
		}
		pause := w.start - current.end
		if text.Len() > 0 && !mark && (w.speaker != current.speaker || ended || math.Abs(pause) > longPause ||
			text.Len() > longSegment && pause > shortPause || text.Len() > hugeSegment) {
			flush()
		}
		if text.Len() == 0 {
			current = *w
		} else if !mark && needsSpace(text.String(), word) {
			text.WriteByte(' ')
		}
		text.WriteString(word)
		if math.IsNaN(current.start) {
			current.start = w.start
		}
		if !math.IsNaN(w.end) && !(w.end < current.end) {
			current.end = w.end
		}
		ended = isSentenceEnd(word) || mark && ended
	}
	flush()
	return out
}

// isMark reports whether a word has no letters or digits, but marks that follow a word.
func isMark(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.Po, unicode.Pe, unicode.Pf) || r == '¿' || r == '¡'
	}) < 0
}

// needsSpace reports whether a space separates a word from the text before it.
func needsSpace(text, word string) bool {
	last, _ := utf8.DecodeLastRuneInString(text)
	first, _ := utf8.DecodeRuneInString(word)
	return !(isWide(last) && isWide(first))
}

// isWide reports whether r is of a script without spaces, or one of its marks.
func isWide(r rune) bool {
	return withoutSpaces(r) ||
		r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFFEF
}

// isSentenceEnd reports whether a word is the last of a sentence: not "Dr." or an initial.
func isSentenceEnd(word string) bool {
	word = strings.TrimRight(word, `"'”’»)]`)
	last, _ := utf8.DecodeLastRuneInString(word)
	if !strings.ContainsRune(".?!…。？！؟।", last) {
		return false
	}
	stem := strings.TrimSuffix(word, ".")
	if stem == word || stem == "" || len(word) > maxWordBytes {
		return true
	}
	initial := utf8.RuneCountInString(stem) == 1 && !plaintext.IsDigits(stem, 1) && !isWide(last)
	return !initial && !abbreviations[strings.ToLower(stem)]
}

var abbreviations = stringSet(`mr mrs ms dr prof st vs etc e.g i.e no bzw ca z.b d.h usw nr sr sra m.`)

// orElse returns n, or other if n is not a number.
func orElse(n, other float64) float64 {
	if math.IsNaN(n) {
		return other
	}
	return n
}

// timestampOf returns a time for a message.
func timestampOf(seconds float64) string {
	if t, ok := memo.RoundSeconds(seconds); ok {
		return t.Timestamp()
	}
	return fmt.Sprint(seconds)
}
