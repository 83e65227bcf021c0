// Package search splits texts and queries into terms. Both databases index and look up
// these terms instead of using their own tokenizers. So FTS5 and PostgreSQL find the
// same texts, scripts without spaces (Chinese, Japanese, Thai) can be searched, and no
// part of a query can act as an operator of a database.
//
// A term is a run of letters, digits and marks, in lower case and without Latin, Greek
// and Cyrillic accents: "uber" finds "Über", and "еще" finds "ещё". A run in a script
// without spaces gives one term for each pair of neighbouring characters, and in a text
// also one for its last character.
package search

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// Limits on queries and terms.
const (
	MaxQuery      = 1000 // characters; callers refuse a longer query
	maxQueryTerms = 32   // further terms are ignored
	maxTerm       = 64   // characters; longer terms are shortened, in texts and in queries
	prefixFrom    = 3    // a term of a query with at least this many characters is a prefix
)

// Term is one term of a query. With Prefix, it also matches longer words that begin
// with it.
type Term struct {
	Text   string
	Prefix bool
	Word   string // the word without its ending cut off; only this is counted to find common words
}

// IsPair reports whether the term is a pair of characters of a script without spaces between words.
// Only all pairs of a word together find it.
func (q Term) IsPair() bool {
	r, _ := utf8.DecodeRuneInString(q.Text)
	return isUnspaced(r)
}

// Terms returns the terms of a text, in order, as an index needs them.
func Terms(text string) []string {
	var out []string
	for r := range runs(Fold(text)) {
		if r.unspaced {
			out = r.appendPairs(out)
		} else {
			out = append(out, cutTerm(r.text))
		}
	}
	return out
}

// ParseQuery returns the terms that a text must contain to match q, each term once, without stop
// words unless there are no others. A word loses its ending, and a word of at least three letters is
// a prefix. If q has no words, the result is empty and matches nothing.
func ParseQuery(q string) []Term {
	var out, stopped []Term
	seen := map[string]bool{}
	add := func(t Term, stop bool) {
		switch {
		case seen[t.Text]:
			return
		case stop:
			stopped = append(stopped, t)
		default:
			out = append(out, t)
		}
		seen[t.Text] = true
	}
	for r := range runs(Fold(q)) {
		if !r.unspaced {
			word := cutTerm(r.text)
			text := stem(word)
			add(Term{text, utf8.RuneCountInString(text) >= prefixFrom, word}, stopWords[word])
			continue
		}
		pairs := r.appendPairs(nil)
		if len(pairs) == 1 {
			add(Term{pairs[0], true, pairs[0]}, isStopPair(pairs[0])) // a prefix matches it in a pair or at the end of a run
			continue
		}
		for _, pair := range pairs[:len(pairs)-1] {
			add(Term{pair, false, pair}, isStopPair(pair))
		}
	}
	if len(out) == 0 {
		out = stopped
	}
	return out[:min(len(out), maxQueryTerms)]
}

// run is a maximal sequence of word characters that are either all of scripts with spaces
// between words or all of scripts without.
type run struct {
	at       int // offset of the first byte
	text     string
	unspaced bool
}

// appendPairs appends every pair of neighbouring characters of a run, and the last
// character by itself.
func (r run) appendPairs(out []string) []string {
	for i := 0; i < len(r.text); {
		_, first := utf8.DecodeRuneInString(r.text[i:])
		_, second := utf8.DecodeRuneInString(r.text[i+first:])
		out = append(out, r.text[i:i+first+second])
		i += first
	}
	return out
}

// cutTerm returns the first maxTerm characters of a word.
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

// runs yields the runs of a text in order.
func runs(s string) iter.Seq[run] {
	return func(yield func(run) bool) {
		start, unspaced := -1, false // of the current run; -1 between runs
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

// IsUnspaced reports whether the first character of a term is of a script without spaces.
func IsUnspaced(term string) bool {
	r, _ := utf8.DecodeRuneInString(term)
	return isUnspaced(r)
}
