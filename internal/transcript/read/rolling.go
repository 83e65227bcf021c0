package read

import (
	"slices"
	"strings"
)

// rolling removes from captions what the ones before them have said already. Captions that scroll show the last line
// again above the new one, so that everything would be read two or three times.
type rolling struct {
	shown []string // the last words that are on the screen
}

// maxShown is the number of words of which a repetition is looked for. A screen has about 20.
const maxShown = 64

// newWords returns the words of a caption that were not on the screen before. ok is false without any.
func (r *rolling) newWords(text string) (fresh string, ok bool) {
	words := strings.Fields(text)
	n := overlap(r.shown, words, lineWords(text))
	if len(words) > 0 {
		r.shown = words[max(0, len(words)-maxShown):]
	}
	return strings.Join(words[n:], " "), n < len(words) || n == 0
}

// lineWords returns the number of words of the first line that has any.
func lineWords(text string) int {
	first, _, _ := strings.Cut(strings.TrimLeft(text, " \t\r\n"), "\n")
	return len(strings.Fields(first))
}

// overlap returns how many words at the start of the new text repeat the end of the shown one. A word or two can
// be chance, unless they are a whole line or text.
func overlap(shown, words []string, line int) int {
	for n := min(len(shown), len(words), maxShown); n > 0; n-- {
		if (n > 2 || n == len(shown) || n == len(words) || n == line) && slices.Equal(shown[len(shown)-n:], words[:n]) {
			return n
		}
	}
	return 0
}

// isRolling reports whether most captions repeat words of the one before, which ends when they start.
func isRolling(cues []cue, texts []string) bool {
	pairs, repeated, fresh := 0, 0, 0
	for i := 1; i < len(cues); i++ {
		before, words := strings.Fields(texts[i-1]), strings.Fields(texts[i])
		if len(before) == 0 || len(words) == 0 {
			continue
		}
		pairs++
		if cues[i].start <= cues[i-1].start || cues[i].start > cues[i-1].end+0.1 {
			continue
		}
		before = before[max(0, len(before)-maxShown):]
		if n := overlap(before, words, lineWords(texts[i])); n > 0 {
			repeated++
			if n < len(words) {
				fresh++
			}
		}
	}
	return pairs >= 3 && 2*repeated > pairs && fresh > 0
}
