// Package search says what a word is, the same for both databases: text goes
// in, terms come out, and whoever indexes or looks up a text uses these terms.
// That keeps FTS5 and PostgreSQL from differing in their tokenizers, gives
// scripts without spaces (Chinese, Japanese, Thai) a search at all, and leaves
// no way for a query to be read as an operator of either database.
//
// A term is a run of letters, digits and marks, in lower case, without Latin,
// Greek and Cyrillic accents ("Über" is found by "uber", "ещё" by "еще"). A run
// in a script without spaces gives its pairs of characters.
package search

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// The bounds of a query. What lies beyond is refused (length) or ignored
// (terms: the first ones decide).
const (
	MaxQuery      = 1000 // characters
	maxQueryTerms = 32
	maxTerm       = 64 // characters; a longer run is cut here, in texts and queries alike
	prefixFrom    = 3  // a query's word of so many characters also finds longer words
)

// Term is one word that must occur. With Prefix, a longer word that begins
// with it will do.
type Term struct {
	Text   string
	Prefix bool
}

// Terms returns the terms of a text in their order, for an index.
func Terms(text string) []string {
	var out []string
	for r := range runs(foldText(text)) {
		if r.unspaced {
			out = r.appendPairs(out)
		} else {
			out = append(out, cutTerm(r.text))
		}
	}
	return out
}

// ParseQuery returns what a text must contain to be found by q, each term once. A q
// without any word gives none, and finds nothing.
func ParseQuery(q string) []Term {
	var out []Term
	seen := map[string]bool{}
	add := func(text string, prefix bool) {
		if !seen[text] && len(out) < maxQueryTerms {
			seen[text] = true
			out = append(out, Term{text, prefix})
		}
	}
	for r := range runs(foldText(q)) {
		if !r.unspaced {
			term := cutTerm(r.text)
			add(term, utf8.RuneCountInString(term) >= prefixFrom)
			continue
		}
		pairs := r.appendPairs(nil)
		if len(pairs) == 1 {
			add(pairs[0], true) // as the first of a pair, or alone at the end
			continue
		}
		for _, pair := range pairs[:len(pairs)-1] {
			add(pair, false)
		}
	}
	return out
}

// run is a longest possible sequence of word characters of one kind: of a script
// with spaces between words, or of one without.
type run struct {
	at       int // the offset of its first byte
	text     string
	unspaced bool
}

// appendPairs adds the pairs of neighbouring characters of a run, and its last
// character alone.
func (r run) appendPairs(out []string) []string {
	for i := 0; i < len(r.text); {
		_, first := utf8.DecodeRuneInString(r.text[i:])
		_, second := utf8.DecodeRuneInString(r.text[i+first:])
		out = append(out, r.text[i:i+first+second])
		i += first
	}
	return out
}

// cutTerm cuts a word to the characters that are compared.
func cutTerm(word string) string {
	n := 0
	for i := range word {
		if n == maxTerm {
			return word[:i]
		}
		n++
	}
	return word
}

// runs yields the runs of a text in their order.
func runs(s string) iter.Seq[run] {
	return func(yield func(run) bool) {
		start, unspaced := -1, false // of the open run
		for i, r := range s {
			switch word := isWord(r); {
			case !word && start < 0:
				continue
			case !word:
				if !yield(run{start, s[start:i], unspaced}) {
					return
				}
				start = -1
				continue
			}
			kind := isUnspaced(r) || start >= 0 && unspaced && unicode.Is(unicode.M, r)
			if start >= 0 && kind != unspaced {
				if !yield(run{start, s[start:i], unspaced}) {
					return
				}
				start = -1
			}
			if start < 0 {
				start, unspaced = i, kind
			}
		}
		if start >= 0 {
			yield(run{start, s[start:], unspaced})
		}
	}
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.M)
}

func isUnspaced(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao,
		unicode.Khmer, unicode.Myanmar) ||
		r == 'ー'
}

// IsUnspaced reports whether a term is of a script without spaces.
func IsUnspaced(term string) bool {
	r, _ := utf8.DecodeRuneInString(term)
	return isUnspaced(r)
}
