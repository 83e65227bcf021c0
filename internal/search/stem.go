package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The inflectional endings of the languages in which most callers ask, the longest first. They are
// cut from the words of a query only: what remains is a prefix, which finds the word in all its
// forms, so the index holds words as they are.
var (
	latinEndings    = endings(`ungen ings ung ing ies ern edly mos ed es er en em as os ar ir e s y a o`)
	cyrillicEndings = endings(`иями ями ами ого его ому ему ыми ими ией ов ев ей ой ий ый ая яя ое ее ые ие ых их ым
		им ом ем ам ям ах ях ию ью ия ья ть ет ит ют ут ят ал ла ли ло ил а я о е ы и у ю ь й`)
)

// minStem is the minimum number of characters that remain of a word without its ending. A shorter
// prefix would find too many other words.
const minStem = 4

func endings(list string) []string {
	out := strings.Fields(Fold(list))
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// stem returns a folded word without its inflectional ending. It is a prefix of the word.
func stem(word string) string {
	first, _ := utf8.DecodeRuneInString(word)
	list := latinEndings
	switch {
	case unicode.Is(unicode.Cyrillic, first):
		list = cyrillicEndings
	case !unicode.Is(unicode.Latin, first), strings.ContainsAny(word, "0123456789"):
		return word
	}
	for _, ending := range list {
		if rest, ok := strings.CutSuffix(word, ending); ok && utf8.RuneCountInString(rest) >= minStem {
			return rest
		}
	}
	return word
}
