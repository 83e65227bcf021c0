package read

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/plaintext"
)

// addInParts adds a text that is too long for one segment as several segments, cut at the ends of sentences if it has
// any. Its time is divided by the lengths of the parts.
func (d *draft) addInParts(c cue) error {
	whole, sentences := c, true
	at := func(offset int) memo.Seconds {
		length := float64(whole.end - whole.start)
		t, _ := memo.RoundSeconds(float64(whole.start) + length*float64(offset)/float64(len(whole.text)))
		return t
	}
	for from := 0; from < len(whole.text); {
		if err := d.checkContext(); err != nil {
			return err
		}
		n, atSentence := partLength(whole.text[from:], min(maxPart, d.limits.LineBytes))
		sentences = sentences && atSentence
		to := from + n
		c.text, c.start, c.end = plaintext.Trim(whole.text[from:to]), at(from), at(to)
		from = to
		if c.text == "" {
			continue
		}
		if err := d.append(c); err != nil {
			return err
		}
	}
	if sentences {
		d.warnEach(c.line, "A text was too long for one segment, so it was cut at the ends of sentences.",
			"%d texts were too long for one segment, so they were cut at the ends of sentences.")
	} else {
		d.warnEach(c.line, "A text without enough ends of sentences was too long for one segment, so it was cut into parts.",
			"%d texts without enough ends of sentences were too long for one segment, so they were cut into parts.")
	}
	return nil
}

// partLength returns the length of the first part of a text: up to the last end of a sentence within limit bytes,
// or the last space, or the last visible character. atSentence is whether a sentence or the text ends there.
func partLength(text string, limit int) (n int, atSentence bool) {
	if len(text) <= limit {
		return len(text), true
	}
	sentence, space := 0, 0
	for i, r := range text[:limit] {
		switch {
		case strings.ContainsRune("。！？．؟۔।", r):
			sentence = i + utf8.RuneLen(r)
		case r == ' ' && i > 0:
			space = i
			if strings.IndexByte(".!?…", text[i-1]) >= 0 || strings.HasSuffix(text[:i], "…") {
				sentence = i
			}
		}
	}
	if n := cmp.Or(sentence, space); n > 0 {
		return n, sentence > 0
	}
	if n := len(plaintext.Truncate(text, limit)); n > 0 {
		return n, false
	}
	_, n = utf8.DecodeRuneInString(text)
	return n, false
}

// sortCues puts the cues in the order of their times. Some tools write one speaker after the other, or two recordings
// into one file.
func (d *draft) sortCues() {
	byStart := func(a, b cue) int { return cmp.Compare(a.start, b.start) }
	if slices.IsSortedFunc(d.cues, byStart) {
		return
	}
	slices.SortStableFunc(d.cues, byStart)
	d.warnf("The segments were not in the order of their times; they were sorted.")
}
